"""The command ``tsjnet``: the modules of :mod:`tsjnet_mm.cli` by name."""

import importlib
import sys
from difflib import get_close_matches
from typing import NamedTuple

from tsjnet_mm.version import __version__


class Command(NamedTuple):
    """A command.

    Attributes:
        module (str): Its module in :mod:`tsjnet_mm.cli`.
        does (str): What it does.
        example (str): What may follow its name.
    """

    module: str
    does: str
    example: str


#: The commands by name; what most people need first.
COMMANDS = {
    'fuse': Command('fuse', 'fuse pairs of images', '--ir IR --vi VI --out OUT'),
    'detect': Command('detect', 'fuse and find objects', '--ir IR --vi VI --config CFG ...'),
    'video': Command('fuse_video', 'fuse videos', '--ir a.mp4 --vi b.mp4 --out fused.mp4'),
    'demo': Command('demo', 'serve a web page that fuses', '--examples IR VI'),
    'evaluate': Command('evaluate', 'measure fused images', '--fused OUT --ir IR --vi VI'),
    'train': Command('train', 'train a fusor', '--ir IR --vi VI --out DIR'),
    'test': Command('test', 'evaluate a checkpoint', 'CONFIG CHECKPOINT'),
    'register': Command('register', 'map camera to camera', '--ir A --vi B --out H.json'),
    'labels': Command('generate_labels', 'label pairs by networks', 'masks --ir A --vi B ...'),
    'prepare': Command('prepare', 'lay a dataset out', 'msrs MSRS-main.zip'),
    'split': Command('make_split', 'split a dataset', 'data/mine --ratio 8 2'),
    'toy': Command('make_toy', 'draw a dataset', '--out data/toy'),
    'export': Command('export_fused_dataset', 'export fused data', '--layout coco ...'),
    'onnx': Command('export_onnx', 'export a fusor to ONNX', '--model NAME --out f.onnx'),
    'benchmark': Command('benchmark_zoo', 'compare many fusors', '--models average max ...'),
    'ablation': Command('ablation', "train the paper's ablations", '--preset light'),
    'downstream': Command('downstream', 'train on fused images', 'detection ...'),
    'judge': Command('judge', 'test networks on fused images', 'detection --ir IR ...'),
    'compare': Command('compare_methods', 'test differences', 'results.json --method mine'),
    'site': Command('make_site', "make a page of a protocol's results", 'DIR --out site'),
    'plot-box': Command('plot_box', 'draw metrics by image', 'results.json --out f.pdf'),
    'plot-radar': Command('plot_radar', 'draw mean metrics', 'results.json --out f.pdf'),
    'plot-grid': Command('plot_grid', 'draw scenes by method', '--fused NAME=DIR ...'),
    'plot-detections': Command('plot_detections', 'draw boxes by method', '--results A=F ...'),
    'plot-segmentations': Command('plot_segmentations', 'draw masks', '--masks NAME=DIR ...'),
    'publish': Command('publish_model', "take a fusor's weights out", 'e.pth --out mine'),
    'convert': Command('convert_peer', "convert others' weights", 'seafusion IN.pth OUT.pth'),
    'convert-driver': Command('convert_driver', 'convert detectors', 'yolox-nano IN OUT.pth'),
    'convert-release': Command('tsjnet_release', "convert TSJNet's release", 'IN.pth OUT.pth'),
}


def usage() -> str:
    """Text of ``--help``."""
    lines = ['usage: tsjnet COMMAND ...', '', 'Infrared and visible image fusion.', '']
    for name, command in COMMANDS.items():
        lines.append(f'  {name:<18} {command.does + ":":<28} tsjnet {name} {command.example}')
    lines += ['', "'tsjnet COMMAND --help' explains a command."]
    return '\n'.join(lines)


def unknown(name: str) -> str:
    """Message for an unknown command: the nearest one, and how to list all.

    Args:
        name (str): What was typed.

    Returns:
        str: A sentence.
    """
    words = {command.module: known for known, command in COMMANDS.items()}
    words.update({known: known for known in COMMANDS})
    word = name.lower().removesuffix('.py')
    close = get_close_matches(word, words, n=1) or get_close_matches(
        word.replace('_', '-'), words, n=1
    )
    meant = f"did you mean 'tsjnet {words[close[0]]}'? " if close else ''
    return f"no command {name!r}: {meant}'tsjnet --help' lists {len(COMMANDS)}"


def main() -> None:
    """Run a command in this process, so that exit status and Ctrl-C are the command's."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ('-h', '--help'):
        print(usage())
        sys.exit(0 if arguments else 2)
    if arguments[0] == '--version':
        print(f'tsjnet_mm {__version__}')
        return
    name, *rest = arguments
    if name not in COMMANDS:
        print(f'tsjnet: error: {unknown(name)}', file=sys.stderr)
        sys.exit(2)
    sys.argv = [f'tsjnet {name}', *rest]  # argparse takes the program's name from here.
    importlib.import_module(f'tsjnet_mm.cli.{COMMANDS[name].module}').main()


if __name__ == '__main__':
    main()
