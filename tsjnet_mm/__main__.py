"""The command ``tsjnet``: the modules of :mod:`tsjnet_mm.cli` by name."""

import importlib
import sys

from tsjnet_mm.version import __version__

#: Command, and what it does and an example of it.
COMMANDS = {
    'fuse': ('fuse pairs of images', '--ir IR --vi VI --out OUT'),
    'video': ('fuse videos', '--ir ir.mp4 --vi vi.mp4 --out fused.mp4'),
    'demo': ('serve a web page that fuses', '--examples IR VI'),
    'evaluate': ('measure fused images', '--fused OUT --ir IR --vi VI'),
    'train': ('train a fusor', 'CONFIG'),
    'test': ('evaluate a checkpoint', 'CONFIG CHECKPOINT'),
    'register': ('map one camera to the other', '--ir A --vi B --points P.csv --out H.json'),
}
#: Commands whose module has another name.
_MODULES = {'video': 'fuse_video'}


def usage():
    """What ``--help`` prints."""
    lines = ['usage: tsjnet COMMAND ...', '', 'Infrared and visible image fusion.', '']
    for command, (does, example) in COMMANDS.items():
        lines.append(f'  {command:<9} {does + ":":<28} tsjnet {command} {example}')
    lines += ['', "'tsjnet COMMAND --help' tells more."]
    return '\n'.join(lines)


def main():
    """Run a command in this process, so that exit status and Ctrl-C are the script's."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ('-h', '--help'):
        print(usage())
        sys.exit(0 if arguments else 2)
    if arguments[0] == '--version':
        print(f'tsjnet_mm {__version__}')
        return
    command, *rest = arguments
    if command not in COMMANDS:
        known = ', '.join(COMMANDS)
        print(f'tsjnet: error: no command {command!r}; there are {known}', file=sys.stderr)
        sys.exit(2)
    sys.argv = [f'tsjnet {command}', *rest]  # argparse takes the program's name from here.
    module = importlib.import_module(f'tsjnet_mm.cli.{_MODULES.get(command, command)}')
    module.main()


if __name__ == '__main__':
    main()
