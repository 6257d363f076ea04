"""Make a page of a protocol's results: table, plot of cost and quality, scenes."""

from tsjnet_mm.cli.make_site import main

if __name__ == '__main__':
    main()
