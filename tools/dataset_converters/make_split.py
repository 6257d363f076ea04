"""Split a dataset that has no official split, near-duplicates on one side, by seed."""

from tsjnet_mm.cli.make_split import main

if __name__ == '__main__':
    main()
