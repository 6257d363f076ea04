"""Fuse a data set by every method at hand, and put quality and cost into one table."""

from tsjnet_mm.cli.benchmark_zoo import main

if __name__ == '__main__':
    main()
