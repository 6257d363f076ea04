"""Train the same detector or segmentor on each method's fused images, and compare (Table 2)."""

from tsjnet_mm.cli.downstream import main

if __name__ == '__main__':
    main()
