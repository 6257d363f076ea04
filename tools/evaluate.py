"""Measure the fused images of any method against their infrared and visible sources."""

from tsjnet_mm.cli.evaluate import main

if __name__ == '__main__':
    main()
