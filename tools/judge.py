"""Does fusion help the detector I have? Run it as it is, untrained, on each method's images."""

from tsjnet_mm.cli.judge import main

if __name__ == '__main__':
    main()
