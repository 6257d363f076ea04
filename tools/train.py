"""Train a fusor from a config."""

from tsjnet_mm.cli.train import main

if __name__ == '__main__':
    main()
