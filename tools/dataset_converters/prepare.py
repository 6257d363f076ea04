"""Lay a published dataset out as the configs read it, and check that it is all there."""

from tsjnet_mm.cli.prepare import main

if __name__ == '__main__':
    main()
