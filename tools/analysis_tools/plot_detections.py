"""Compare what a detector finds in the images of several methods, with its errors marked."""

from tsjnet_mm.cli.plot_detections import main

if __name__ == '__main__':
    main()
