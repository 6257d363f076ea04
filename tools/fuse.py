"""Fuse infrared and visible images: two files, or two folders whose files pair by name."""

from tsjnet_mm.cli.fuse import main

if __name__ == '__main__':
    main()
