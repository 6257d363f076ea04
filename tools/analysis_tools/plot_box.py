"""Draw how metrics spread over the images: a panel per metric, a box per method."""

from tsjnet_mm.cli.plot_box import main

if __name__ == '__main__':
    main()
