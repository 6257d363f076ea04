"""Draw a radar chart of several methods: an axis per metric, outward is better."""

from tsjnet_mm.cli.plot_radar import main

if __name__ == '__main__':
    main()
