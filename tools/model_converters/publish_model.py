"""Take the fusor's weights out of a checkpoint of the Runner, for publishing."""

from tsjnet_mm.cli.publish_model import main

if __name__ == '__main__':
    main()
