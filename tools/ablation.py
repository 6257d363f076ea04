"""Train and test the paper's ablations, or any configs, and print one table (Table 3)."""

from tsjnet_mm.cli.ablation import main

if __name__ == '__main__':
    main()
