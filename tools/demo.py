"""Serve a web page on this machine: give two images, see them fused, compared and measured."""

from tsjnet_mm.cli.demo import main

if __name__ == '__main__':
    main()
