"""The notebook runs from top to bottom; its last section, a training, in the slow tests."""

import ast
import json
import os
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer


@pytest.fixture(scope='module')
def notebook(repository):
    return json.loads((repository / 'docs' / 'notebooks' / 'toy.ipynb').read_text('utf-8'))


def is_slow(cell):
    return 'slow' in cell['metadata'].get('tags', ())


def run(cells, capsys):
    """Run cells in one namespace; returns what each shows: its last value, and its text."""
    names, shown = {'__name__': '__main__'}, []
    for cell in cells:
        if cell['cell_type'] != 'code':
            continue
        tree = ast.parse(''.join(cell['source']), cell['id'])
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell['id'], 'exec'), names)
        value = last and eval(compile(ast.Expression(last.value), cell['id'], 'eval'), names)
        shown.append((value, capsys.readouterr().out))
    return names, shown


def test_it_is_stored_without_results(notebook):
    assert (notebook['nbformat'], notebook['nbformat_minor']) == (4, 5)
    ids = [cell['id'] for cell in notebook['cells']]
    assert len(ids) == len({*ids}) > 10
    for cell in notebook['cells']:
        if cell['cell_type'] == 'code':
            assert cell['outputs'] == [] and cell['execution_count'] is None
            assert max(map(len, ''.join(cell['source']).splitlines())) <= 96


def test_it_runs_from_top_to_bottom(notebook, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names, shown = run([cell for cell in notebook['cells'] if not is_slow(cell)], capsys)
    pictures = [value for value, _ in shown if isinstance(value, Image.Image)]
    assert [picture.size for picture in pictures] == [(640, 240), (320, 240), (960, 240)]
    pair = names['pairs'][0]
    expected = FusionInferencer(show_progress=False)(pair.ir, pair.vi)[0]
    assert np.array_equal(np.asarray(pictures[1]), expected)
    assert np.array_equal(np.asarray(pictures[2])[:, 640:], expected)
    assert any(text == '3 fused, 0 kept\n' for _, text in shown)
    table = next(text for _, text in shown if 'laplacian' in text and 'SSIM' in text)
    methods = re.findall(r'^(?:\| )?([a-z-]+) ', table, re.M)
    assert {'tsjnet-light', 'laplacian', 'average', 'max'} <= {*methods}
    assert np.isfinite(names['results'].means()['tsjnet-light']['Qabf'])
    capture = cv2.VideoCapture('fused.mp4')
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 3 == names['video'].frames


@pytest.mark.slow
def test_its_training_changes_the_weights(notebook, capsys, monkeypatch, tmp_path, repository):
    monkeypatch.chdir(tmp_path)
    path = f'{repository}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
    monkeypatch.setenv('PYTHONPATH', path)
    _, shown = run(notebook['cells'], capsys)
    assert re.search(r'^\W*trained ', shown[-1][1], re.M)
    name = next((tmp_path / 'out' / 'trained').iterdir()).name
    images = [
        np.asarray(Image.open(tmp_path / 'out' / each / name))
        for each in ('trained', 'tsjnet-light')
    ]
    assert not np.array_equal(*images)
