"""Convert a checkpoint of the authors' TSJNet release to this toolbox's `official` preset."""

from tsjnet_mm.cli.tsjnet_release import main

if __name__ == '__main__':
    main()
