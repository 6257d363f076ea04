"""Fuse pairs, find objects in the fused images by any mmdet detector, and draw them there."""

from tsjnet_mm.cli.detect import main

if __name__ == '__main__':
    main()
