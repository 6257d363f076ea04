"""Compare fused images side by side: a row per scene, a column per method, zoomed insets."""

from tsjnet_mm.cli.plot_grid import main

if __name__ == '__main__':
    main()
