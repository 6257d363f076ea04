"""What the pages of docs/ name is there: modules, rooms and floors."""

import importlib
import importlib.util
import json
import re
from pathlib import Path

import pytest
from mmengine.registry import Registry

from tsjnet_mm import registry
from tsjnet_mm.protocols.benchmark_protocol import read_protocol
from tsjnet_mm.protocols.protocol_tables import protocol_tables
from tsjnet_mm.protocols.trained_metrics import driven_by, trained_metrics
from tsjnet_mm.version import __version__

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md'), *(ROOT / 'configs').rglob('*.md')]
#: An option of a command.
OPTION = re.compile(r'(?<![\w-])--[a-z][a-z0-9-]*')
#: A dotted name of the package; not a file, such as tsjnet_mm.egg-info.
NAME = re.compile(r'\btsjnet_mm(?:\.[A-Za-z_]\w*)+')


def is_registry(value):
    return isinstance(value, Registry)


def resolve(name):
    """Import a dotted name: its longest module, and the rest by attributes."""
    parts = name.split('.')
    if len(parts) == 2 and parts[1][0].isupper():  # A type in a config.
        found = [each.get(parts[1]) for each in vars(registry).values() if is_registry(each)]
        if not any(found):
            raise AttributeError(f'{parts[1]} is not registered')
        return next(filter(None, found))
    for count in range(len(parts), 0, -1):
        module = '.'.join(parts[:count])
        try:
            if importlib.util.find_spec(module) is None:
                continue
        except ModuleNotFoundError:
            continue
        found = importlib.import_module(module)
        if (found.__doc__ or '').startswith('Moved to '):
            raise AttributeError(f'{module}: {found.__doc__}')
        for part in parts[count:]:
            found = getattr(found, part)
        return found
    raise AttributeError(name)


@pytest.mark.parametrize('page', PAGES, ids=lambda path: str(path.relative_to(ROOT)))
@pytest.mark.filterwarnings('error::DeprecationWarning:tests')
def test_names_of_the_package_are_there(page):
    missing = []
    for name in sorted({*NAME.findall(page.read_text(encoding='utf-8'))}):
        try:
            resolve(name)
        except AttributeError as error:
            missing.append(f'{name}: {error}')
    assert missing == []


def test_a_name_that_is_gone_is_seen():
    assert resolve('tsjnet_mm.io.pairs.find_pairs').__name__ == 'find_pairs'
    for name in (
        'tsjnet_mm.io.nothing',
        'tsjnet_mm.apis.zoo',
        'tsjnet_mm.metrics.no',
        'tsjnet_mm.Nothing',
    ):
        with pytest.raises(AttributeError):
            resolve(name)


def drawn_floors():
    """Rooms of each line of the drawing, from the roof down."""
    drawing = (ROOT / 'docs' / 'architecture.md').read_text().split('```')[1]
    return [set(re.split(r' {3,}', line)[0].split()) for line in drawing.strip().splitlines()]


def test_floors_are_drawn_as_they_are_tested():
    path = ROOT / 'tests' / 'test_floors.py'
    spec = importlib.util.spec_from_file_location('test_floors', path)
    floors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(floors)
    assert drawn_floors() == [set(floor) for floor in floors.FLOORS]


def test_every_page_is_in_the_index():
    index = (ROOT / 'docs' / 'index.md').read_text().split('```{toctree}')[1].split('```')[0]
    listed = {line for line in index.splitlines() if line and not line.startswith(':')}
    assert listed == {path.stem for path in (ROOT / 'docs').glob('*.md')} - {'index'}


#: Options that pages name, of other programs; and those whose names a command puts together.
OTHERS = {'--gpus-per-task', '--logdir', '--show', '--show-dir', '--tta'}
MADE = {'--crop', '--epochs'}


@pytest.mark.parametrize('page', PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_that_are_named_are_there(page):
    sources = [*ROOT.glob('tsjnet_mm/cli/**/*.py'), *ROOT.glob('tools/**/*.*')]
    sources += ROOT.glob('benchmarks/*.py')
    known = {*OTHERS, *MADE}
    for path in sources:
        known.update(OPTION.findall(path.read_text(encoding='utf-8', errors='ignore')))
    assert {*OPTION.findall(without_blocks(page))} <= known


@pytest.mark.parametrize('page', PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_pages_and_headings(page):
    for target in re.findall(r'\]\(([^)\s]+)\)', without_blocks(page)):
        if re.match('[a-z]+:', target):
            continue
        path, _, anchor = target.partition('#')
        other = page.parent / path if path else page
        assert other.exists(), target
        if anchor and other.suffix == '.md':
            headings = re.findall(r'^#+ (.*)$', without_blocks(other), re.M)
            assert anchor in {*map(slug, headings)}, target


def without_blocks(page):
    return re.sub(r'^```.*?^```', '', page.read_text(encoding='utf-8'), flags=re.M | re.S)


def slug(heading):
    """The anchor that GitHub and MyST give a heading."""
    text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading.strip()).lower()
    return re.sub(r'[^\w\- ]', '', text).replace(' ', '-')


def test_the_tables_of_the_zoo_are_those_of_the_published_results():
    content = json.loads((ROOT / 'docs/results/ivif-1/results.json').read_text('utf-8'))
    assert content['protocol']['sha256'] == read_protocol('ivif-1').sha256
    assert content['versions']['tsjnet_mm'] == __version__
    assert content['marks'] == []
    page = (ROOT / 'docs' / 'zoo.md').read_text(encoding='utf-8')
    assert protocol_tables(content, 'markdown') in page
    machines = {name: each.config for name, each in read_protocol('ivif-1').machines.items()}
    for row, known in content['rows'].items():
        if known['kind'] == 'model':
            model = known['model']
            trained = [*trained_metrics(model), *driven_by(model, machines)]
            assert known['trained_on'] == trained, row
