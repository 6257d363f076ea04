r"""Make a page of a protocol's results: table, plot of cost and quality, scenes with a slider.

Examples:
    python tools/analysis_tools/make_site.py work_dirs/ivif-1 --out site
    python tools/analysis_tools/make_site.py work_dirs/ivif-1 --out site \
        --scenes work_dirs/zoo_mine --count 6

The page is index.html and numbers.html in OUT. It opens from the file system, needs no server
and loads nothing from elsewhere. Its scenes are drawn, and fused by those rows of the table
that need no file of weights. --scenes shows other images instead, of a folder that
tools/benchmark_zoo.py wrote. Publish only images that you may publish: most data sets do not
allow it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from tsjnet_mm.io.text import LARGE_LIMIT, expect, read_json

from .arguments import add_overwrite_argument
from .program import ToolParser, tool


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'results', type=Path, metavar='DIR', help='folder of a run of a protocol'
    )
    parser.add_argument(
        '--out', required=True, type=Path, metavar='DIR', help='folder to write'
    )
    parser.add_argument(
        '--scenes',
        type=Path,
        metavar='DIR',
        help='folder that tools/benchmark_zoo.py wrote, whose images are shown (default: drawn '
        'scenes)',
    )
    parser.add_argument(
        '--count',
        type=int,
        default=4,
        metavar='N',
        help='scenes to show (default: %(default)s)',
    )
    add_overwrite_argument(parser)
    return parser.parse_args()


def draw_scenes(content: dict[str, Any], count: int, out: Path) -> list[dict[str, Any]]:
    """Scenes that are drawn, and fused by the rows that need no file."""
    from tsjnet_mm.datasets.toy import write_toy_dataset
    from tsjnet_mm.protocols.benchmark import ZooBenchmark
    from tsjnet_mm.protocols.results_site import write_scenes
    from tsjnet_mm.utils.model_index import ready_models

    ready = ready_models()
    models = {row: known.get('model', row) for row, known in content['rows'].items()}
    models = {row: (name, None) for row, name in models.items() if name in ready}
    with tempfile.TemporaryDirectory() as folder:
        write_toy_dataset(Path(folder) / 'toy', 1, count, (640, 480), 3, 0.5)
        test = Path(folder) / 'toy' / 'test'
        zoo = ZooBenchmark(models, test / 'ir', test / 'vi', Path(folder) / 'zoo')
        zoo.fuse('cpu')
        return write_scenes(out, *_found(zoo))


def _found(zoo):
    files = zoo.find_files(zoo.folders)
    folders = {row: {item.image: item.fused[row] for item in files} for row in zoo.folders}
    there = {pair.name: pair for pair in zoo.find_pairs()}
    return [there[item.image] for item in files], folders


def copy_scenes(zoo: Path, count: int, out: Path) -> list[dict[str, Any]]:
    """Scenes of a folder of the benchmark; ValueError where it is none."""
    from tsjnet_mm.evaluation import load_results
    from tsjnet_mm.protocols.benchmark import ZooBenchmark
    from tsjnet_mm.protocols.results_site import write_scenes

    found = sorted(zoo.glob('results_*.json'))
    if not found:
        raise FileNotFoundError(f'{zoo}: expected results_*.json of tools/benchmark_zoo.py')
    paths, what = load_results(found[0]).paths, 'paths of sources and fused images'
    with expect(found[0], what):
        ir, vi = paths['ir'], paths['vi']
        images = {row: path for row, path in paths['fused'].items() if Path(path).is_dir()}
    listed = load_results(found[0]).images
    pairs = listed[:: max(1, len(listed) // count)][:count]
    with tempfile.TemporaryDirectory() as folder:
        benchmark = ZooBenchmark({}, ir, vi, Path(folder), listed, images=images)
        sources, fused = _found(benchmark)
        sources = [pair for pair in sources if pair.name in pairs]
        return write_scenes(out, sources, fused)


@tool()
def main() -> None:
    """Read the results, collect scenes, write the page."""
    args = parse_args()

    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.protocols.protocol_results import GENERATOR
    from tsjnet_mm.protocols.results_site import PAGES, write_site

    if args.count < 1:
        raise ValueError(f'--count must be at least 1, got {args.count}')
    path, what = args.results / 'results.json', 'results of a benchmark protocol'
    content = read_json(path, limit=LARGE_LIMIT, expected=what)
    with expect(path, what):
        if content['generator'] != GENERATOR:
            raise ValueError(f'a file of {content["generator"]!r}')
    files = [args.out / page for page in PAGES]
    check_outputs(files, [path], args.overwrite)
    costs = args.results / 'costs.json'
    measured = read_json(costs) if costs.is_file() else None
    make = copy_scenes if args.scenes else draw_scenes
    scenes = make(args.scenes or content, args.count, args.out)
    write_site(args.out, content, measured, scenes)
    print(f'written: {args.out / "index.html"}')
