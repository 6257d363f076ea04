"""The command ``tsjnet``: the scripts of ``tools/`` by name, wherever the package is."""

import importlib.util
import sys
from pathlib import Path

import tsjnet_mm

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
#: Commands whose script has another name.
_SCRIPTS = {'video': 'fuse_video'}


def script_name(command):
    """File name of a command's script in ``tools/``."""
    return f'{_SCRIPTS.get(command, command)}.py'


def usage():
    """What ``--help`` prints."""
    lines = ['usage: tsjnet COMMAND ...', '', 'Infrared and visible image fusion.', '']
    for command, (does, example) in COMMANDS.items():
        lines.append(f'  {command:<9} {does + ":":<28} tsjnet {command} {example}')
    lines += ['', "'tsjnet COMMAND --help' tells more."]
    return '\n'.join(lines)


def tools_dir():
    """The folder of scripts: the source tree's, or the copy that an installation carries.

    Returns:
        Path: An existing folder.

    Raises:
        FileNotFoundError: There is neither.
    """
    package = Path(tsjnet_mm.__file__).resolve().parent
    candidates = [package.parent / 'tools', package / '.mim' / 'tools']
    for candidate in candidates:
        if all((candidate / script_name(command)).is_file() for command in COMMANDS):
            return candidate
    raise FileNotFoundError(f'no scripts in {" or ".join(map(str, candidates))}')


def main():
    """Run a command in this process, so that exit status and Ctrl-C are the script's."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ('-h', '--help'):
        print(usage())
        sys.exit(0 if arguments else 2)
    if arguments[0] == '--version':
        print(f'tsjnet_mm {tsjnet_mm.__version__}')
        return
    command, *rest = arguments
    if command not in COMMANDS:
        known = ', '.join(COMMANDS)
        print(f'tsjnet: error: no command {command!r}; there are {known}', file=sys.stderr)
        sys.exit(2)
    sys.argv = [f'tsjnet {command}', *rest]  # argparse takes the program's name from here.
    spec = importlib.util.spec_from_file_location(command, tools_dir() / script_name(command))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main()


if __name__ == '__main__':
    main()
