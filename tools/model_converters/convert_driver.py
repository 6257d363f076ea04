"""Convert the published weights of a detector or a segmentor to those of a driver."""

from tsjnet_mm.cli.convert_driver import main

if __name__ == '__main__':
    main()
