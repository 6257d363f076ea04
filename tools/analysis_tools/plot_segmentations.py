"""Compare the masks that a segmentor makes of several methods' images, with errors marked."""

from tsjnet_mm.cli.plot_segmentations import main

if __name__ == '__main__':
    main()
