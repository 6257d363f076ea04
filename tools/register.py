"""Find how the infrared camera's pixels map to the visible camera's, and save it."""

from tsjnet_mm.cli.register import main

if __name__ == '__main__':
    main()
