"""Draw the toy dataset: registered infrared and visible road scenes, no download needed."""

from tsjnet_mm.cli.make_toy import main

if __name__ == '__main__':
    main()
