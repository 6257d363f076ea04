"""Commands read their arguments before anything heavy is imported."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tsjnet_mm.cli import (
    dataset_arguments,
    downstream,
    export_fused_dataset,
    figure_scenes,
    make_split,
    plot_segmentations,
    prepare,
)
from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.utils import metric_names

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    path.stem
    for path in (ROOT / 'tsjnet_mm' / 'cli').glob('*.py')
    if '\ndef main(' in path.read_text()
)
#: Imports each command and asks it for help and version; prints what is heavy and came with it.
ASK = """
import contextlib, importlib, io, sys

HEAVY = 'torch numpy cv2 mmengine mmcv mmdet mmseg tqdm PIL scipy safetensors'.split()
for name in sys.argv[1:]:
    module = importlib.import_module(f'tsjnet_mm.cli.{name}')
    for option in ('--help', '--version'):
        sys.argv = [f'{name}.py', option]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                module.main()
            except SystemExit as stop:
                assert stop.code == 0, (name, stop.code)
        start = {'--help': f'usage: {name}.py [-h]', '--version': 'tsjnet_mm 0.'}[option]
        assert printed.getvalue().startswith(start), (name, printed.getvalue())
    print(name, *(other for other in HEAVY if other in sys.modules))
"""


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, '-c', code, *arguments],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_and_version_import_nothing_heavy():
    done = run(ASK, *COMMANDS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == COMMANDS


def test_help_of_the_quickstart_imports_nothing_heavy():
    code = (
        'import runpy, sys\n'
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        'except SystemExit:\n    pass\n'
        "sys.exit(' '.join(n for n in ('torch', 'numpy', 'mmengine') if n in sys.modules) or 0)"
    )
    code = (
        f"import sys; sys.argv = [{str(ROOT / 'tools' / 'quickstart.py')!r}, '--help']\n{code}"
    )
    done = run(code)
    assert done.stdout.startswith('usage: quickstart.py') and done.returncode == 0, done.stderr


@pytest.mark.parametrize('words', [['--help'], ['--version'], ['fues'], []])
def test_the_front_door_imports_nothing_heavy(words):
    code = (
        'import sys, tsjnet_mm.__main__ as door\n'
        'try:\n    door.main()\n'
        'except SystemExit:\n    pass\n'
        "sys.exit(' '.join(n for n in ('torch', 'numpy', 'mmengine') if n in sys.modules) or 0)"
    )
    done = run(code, *words)
    assert (done.stdout or done.stderr) and done.returncode == 0, done.stderr


def test_names_of_metrics_are_those_of_the_functions():
    assert [*metric_names.METRIC_NAMES] == [*FUSION_METRICS]
    for name, info in FUSION_METRICS.items():
        assert metric_names.METRIC_NAMES[name].conventions == info.conventions
    assert {*metric_names.NO_REFERENCE} < {*FUSION_METRICS}


def test_what_help_lists_is_what_the_rooms_have():
    from tsjnet_mm.datasets import near_duplicates, split_lists
    from tsjnet_mm.datasets.convert import PUBLISHED
    from tsjnet_mm.protocols.downstream_protocol import TASKS
    from tsjnet_mm.protocols.export_layouts import EXPORT_LAYOUTS
    from tsjnet_mm.registry import DATASETS
    from tsjnet_mm.visualization import TEXT_WIDTH

    assert (make_split.RECORD, make_split.THRESHOLD) == (
        split_lists.RECORD,
        near_duplicates.THRESHOLD,
    )
    assert [*export_fused_dataset.LAYOUTS] == [*EXPORT_LAYOUTS]
    assert [*downstream.CONFIGS] == [*TASKS]
    parser = argparse.ArgumentParser()
    figure_scenes.add_figure_arguments(parser)
    assert parser.parse_args(['--out', 'a.png']).width == TEXT_WIDTH
    segmented = [
        name
        for name in dataset_arguments.DATASETS
        if 'seg_palette' in dataset_arguments.dataset_class(name).METAINFO
    ]
    assert sorted(segmented) == sorted(plot_segmentations.SEGMENTED)
    for name in dataset_arguments.DATASETS:
        assert DATASETS.get(dataset_arguments.DATASETS[name])
    help_text = prepare.describe_datasets().splitlines()
    assert help_text[1] == '  msrs            train 1083, test 361; to data/MSRS'
    assert help_text[4].strip() == 'from Ir, Vis'
    for published in PUBLISHED.values():
        assert DATASETS.get(published.dataset) is published.dataset_class


def test_devices_are_checked_after_parsing(run_main):
    arguments = ['--ir', 'a', '--vi', 'b', '--out', 'c', '--device', 'cuda:99']
    status, _, err = run_main('fuse.py', *arguments)
    assert status == 2
    assert "error: argument --device: cannot compute on the device 'cuda:99'" in err
    status, _, err = run_main('fuse.py', *arguments, '--ir-range', '9', '1')
    assert status == 2 and '--ir-range must be (low, high)' in err
