"""Evaluate a trained fusor and its drivers on a config's test set, with baselines if asked."""

from tsjnet_mm.cli.test import main

if __name__ == '__main__':
    main()
