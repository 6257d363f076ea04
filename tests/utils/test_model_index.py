"""The metafiles: what they say is true, and what is asked of them is found."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.registry import DefaultScope

from tsjnet_mm.apis import list_models
from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.utils import model_index as module
from tsjnet_mm.utils.model_index import (
    find_config,
    find_model,
    model_index,
    names_of,
    ready_models,
)

ROOT = Path(__file__).resolve().parents[2]
#: Models with weights in the package.
SHIPPED = 'tsjnet-driven', 'tsjnet-light', 'tsjnet-small', 'tsjnet-tiny'
INDEX = model_index()
METAFILES = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']


def test_every_metafile_is_listed_and_every_model_found_once():
    there = {str(path.relative_to(ROOT)) for path in (ROOT / 'configs').rglob('metafile.yml')}
    assert set(METAFILES) == there
    names = []
    for file in METAFILES:
        metafile = yaml.safe_load((ROOT / file).read_text())
        for collection in metafile['Collections']:
            assert (ROOT / collection['README']).is_file()
        names += [model['Name'] for model in metafile['Models']]
    assert names == list(INDEX)
    assert all(name == name.lower() for name in names), 'mim asks in lower case'


@pytest.mark.parametrize('name', INDEX)
def test_entries_are_true(name):
    entry = INDEX[name]
    fusor = entry.fusor
    if isinstance(fusor, Path):
        assert entry.config.is_file()
        fusor = Config.fromfile(fusor).fusor
        trained = Config.fromfile(entry.config).model
        trained = {**trained.get('fusor', trained), 'losses': None}
        trained.pop('init_cfg', None)  # Where a further training starts.
        assert trained == {**fusor, 'losses': None}
    with DefaultScope.overwrite_default_scope(SCOPE):
        network = MODELS.build(fusor)
    assert sum(weight.numel() for weight in network.parameters()) == entry.parameters
    assert bool(entry.weights) == bool(entry.sha256)
    assert entry.needs_weights == (entry.parameters > 0 and name not in SHIPPED)
    if entry.weights:
        content = (module.PACKAGE / 'weights' / entry.weights).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry.sha256
    if entry.family == 'peers':
        assert entry.paper.startswith('https://') and entry.authors_page.startswith('https://')


def test_published_weights_are_in_the_index():
    shipped = {path.name for path in (module.PACKAGE / 'weights').glob('*.safetensors')}
    assert shipped == {entry.weights for entry in INDEX.values() if entry.weights}


@pytest.mark.parametrize(
    'pattern, pretrained, expected',
    [
        ('tsjnet*', None, sorted([*SHIPPED, 'tsjnet-official'])),
        ('TSJNet*', True, [*SHIPPED]),
        ('tsjnet*', False, ['tsjnet-official']),
        ('ifcnn-m*', None, ['ifcnn-max', 'ifcnn-mean']),
        ('tsjnet', None, []),
        (None, True, [*SHIPPED]),
        (None, None, sorted(INDEX)),
        ('*', False, sorted(set(INDEX) - set(SHIPPED))),
    ],
)
def test_list(pattern, pretrained, expected):
    assert list_models(pattern, pretrained) == expected


def test_families():
    classical = ['average', 'max', 'laplacian', 'wavelet', 'guided-filter']
    assert names_of('classical') == classical
    assert ready_models() == [*SHIPPED, *classical]
    assert len(names_of('peers')) == 23 and names_of('tsjnet')[0] == 'tsjnet-driven'


@pytest.mark.parametrize(
    'asked, meant',
    [
        ('tsjnet_light', 'tsjnet-light'),
        ('TSJNet-Light', 'tsjnet-light'),
        ('seefusion', 'seafusion'),
        ('guided_filter', 'guided-filter'),
    ],
)
def test_unknown_names_get_the_nearest(asked, meant):
    with pytest.raises(ValueError) as error:
        find_model(asked)
    assert str(error.value).startswith(f'{asked!r} is no model (did you mean {meant!r}?): ')
    assert str(error.value).endswith(f'the names are {", ".join(INDEX)}')


def test_a_name_like_none_gets_all():
    with pytest.raises(ValueError, match="'vgg' is no model: the names are tsjnet-driven, "):
        find_model('vgg')


def test_an_installation_reads_its_own_copy(tmp_path, monkeypatch):
    mim = tmp_path / 'site' / 'tsjnet_mm' / '.mim'
    mim.mkdir(parents=True)
    for name in ('configs', 'model-index.yml'):
        (mim / name).symlink_to(ROOT / name)
    monkeypatch.setattr(module, 'PACKAGE', mim.parent)
    found = model_index.__wrapped__()
    assert list(found) == list(INDEX)
    assert found['tsjnet-light'].fusor.is_relative_to(mim)
    monkeypatch.setattr(module, 'PACKAGE', tmp_path / 'other')
    with pytest.raises(FileNotFoundError, match=r'no configs in .* or '):
        model_index.__wrapped__()


def test_it_needs_pyyaml_alone():
    script = (
        'import importlib.util, sys\n'
        f'spec = importlib.util.spec_from_file_location("index", {module.__file__!r})\n'
        'index = sys.modules["index"] = importlib.util.module_from_spec(spec)\n'
        'spec.loader.exec_module(index)\n'
        'assert index.list_models("tsjnet*")\n'
        'print({"torch", "numpy", "mmengine"} & sys.modules.keys())\n'
    )
    run = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert run.stdout == 'set()\n', run.stderr


def table_rows(path, heading):
    """Cells of the first table below a heading of a page, without its first two lines."""
    section = (ROOT / path).read_text().split(f'\n## {heading}\n')[1].split('\n## ')[0]
    lines = [line for line in section.splitlines() if line.startswith('|')]
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in lines[2:]]


def names_in(cell):
    """Names that a cell shows: ``ifcnn-max``, ``-mean`` are two of one beginning."""
    names = re.findall('`(.*?)`', cell)
    return [name if name[0] != '-' else names[0].split('-')[0] + name for name in names]


def shown_as(text, parameters):
    """Whether a number as a table shows it, ``7.5 K``, is this number, rounded."""
    number, _, unit = text.partition(' ')
    shown = float(number) * {'': 1, 'K': 1e3, 'M': 1e6}[unit]
    decimals = len(number.partition('.')[2])
    return abs(shown - parameters) <= 0.5 * {'': 1, 'K': 1e3, 'M': 1e6}[unit] / 10**decimals


def test_table_of_the_projects_own_models():
    rows = table_rows('docs/models.md', 'By name')
    named = [name for row in rows for name in names_in(row[0])]
    assert sorted(named) == sorted(names_of('tsjnet') + names_of('classical'))
    for row in rows:
        for name in names_in(row[0]):
            assert shown_as(row[1], INDEX[name].parameters), row


def test_table_of_published_networks():
    metafile = yaml.safe_load((ROOT / 'configs' / 'peers' / 'metafile.yml').read_text())
    collections = {collection['Name']: collection for collection in metafile['Collections']}
    of = {model['Name']: collections[model['In Collection']] for model in metafile['Models']}
    rows = table_rows('docs/models.md', 'Other methods')
    named = [name for row in rows for name in names_in(row[0])]
    assert sorted(named) == sorted(names_of('peers'))
    for names, kind, published, parameters, difference in rows:
        for name in names_in(names):
            said = of[name]['Metadata']
            assert kind == f'`{INDEX[name].fusor["type"]}`'
            weights = f'[weights]({said["Weights From"]}) ({said["Weights Note"]})'
            assert published == f'{said["Published"]}; {weights}'
            assert shown_as(parameters, INDEX[name].parameters), (name, parameters)
            assert difference == said['Difference']


def test_the_models_that_examples_name_are_known():
    pages = [ROOT / 'README.md', *ROOT.glob('docs/*.md'), *ROOT.glob('configs/*/README.md')]
    text = '\n'.join(page.read_text() for page in pages)
    asked = set(re.findall(r'--model ([a-z][a-z0-9-]*)(?=[\s`])', text))
    assert {'tsjnet-light', 'seafusion', 'laplacian'} <= asked <= set(INDEX)


def test_configs_are_found_by_path_and_by_name(tmp_path, monkeypatch):
    name = 'tsjnet/tsjnet_light_joint_40e_msrs.py'
    assert find_config(f'tsjnet_mm::{name}') == ROOT / 'configs' / name
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f'has tsjnet_mm::{name}$'):
        find_config(f'configs/{name}')
    with pytest.raises(FileNotFoundError, match=r'directory$'):
        find_config('tsjnet_mm::tsjnet/none.py')
    (tmp_path / 'mine.py').write_text('')
    assert find_config('mine.py') == Path('mine.py')
