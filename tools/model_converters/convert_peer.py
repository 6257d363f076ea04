"""Convert the published weights of another fusion network to this toolbox's fusor."""

from tsjnet_mm.cli.convert_peer import main

if __name__ == '__main__':
    main()
