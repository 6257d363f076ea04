"""Fuse an infrared and a visible video: two files, two folders of frames, two live sources."""

from tsjnet_mm.cli.fuse_video import main

if __name__ == '__main__':
    main()
