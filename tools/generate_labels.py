"""Make labels for pairs that have none: boxes by a detector, and masks from boxes."""

from tsjnet_mm.cli.generate_labels import main

if __name__ == '__main__':
    main()
