"""Test whether a method is better than others, or whether it was the choice of images."""

from tsjnet_mm.cli.compare_methods import main

if __name__ == '__main__':
    main()
