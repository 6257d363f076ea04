"""The page of results: what it shows, and that names cannot break it."""

import json
import re
import shutil
import subprocess

import pytest

from tsjnet_mm.protocols.results_site import page_data, write_site


@pytest.fixture
def content():
    """Results of two rows, one of which was trained on MSE."""
    rank = {'value': 1.5, 'low': 1.0, 'high': 2.0, 'competitors': 2, 'columns': ['tsjnet.CC']}
    evil = '</script><b>mine'
    means = {'average': {'MSE': 10.0, 'CC': 0.5}, evil: {'MSE': 20.0, 'CC': 0.75}}
    groups = {'fidelity': ['tsjnet.MSE', 'tsjnet.CC'], 'information': []}
    ranks = {
        name: {'average': None, evil: None} for name in ('information', 'machines', 'cost')
    }
    return {
        'protocol': {
            'name': 'mine<1>',
            'sha256': 'ab12',
            'content': {
                'metrics': {'tsjnet': ['MSE', 'CC']},
                'groups': groups,
                'cost': {'ranked': ['parameters']},
            },
        },
        'versions': {'tsjnet_mm': '0.1.0'},
        'marks': ['a <mark>'],
        'rows': {
            'average': {'kind': 'trivial'},
            evil: {'kind': 'images', 'trained_on': ['MSE']},
        },
        'costs': {'average': {'parameters': 0, 'gmacs': 0}},
        'datasets': {
            'drawn': {
                'title': 'Drawn',
                'images': ['1', '2'],
                'means': {'tsjnet': means},
                'one': [],
                'count_as_one': [],
                'ranks': {'fidelity': {'average': rank, evil: None}, **ranks},
                'machines': {'nano': {'average': [0.25, 0.2, 0.3]}},
            }
        },
    }


def test_columns_and_cells(content):
    (part,) = page_data(content, {'costs': {'average': {'seconds': 0.5}}})['datasets']
    columns = {column['key']: column for column in part['columns']}
    assert list(columns) == [
        *('rank.fidelity', 'tsjnet.MSE', 'tsjnet.CC', 'machines.nano'),
        *('cost.parameters', 'cost.gmacs', 'cost.seconds'),
    ]
    assert columns['tsjnet.MSE']['best'] == 10 and not columns['tsjnet.MSE']['higher']
    assert columns['tsjnet.CC']['best'] == 0.75 and columns['tsjnet.CC']['higher']
    average, mine = part['rows']
    assert average['cells']['machines.nano'] == 25 and mine['cells']['machines.nano'] is None
    assert average['cells']['cost.seconds'] == 0.5
    assert average['intervals'] == {'rank.fidelity': [1.0, 2.0]}
    assert mine['trained'] == ['tsjnet.MSE'] and mine['label'].endswith('mine†')
    assert 'was trained on MSE' in part['notes'][0]


def test_names_do_not_become_markup(content, tmp_path):
    write_site(tmp_path, content)
    text = (tmp_path / 'index.html').read_text()
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    rows = json.loads(data)['datasets'][0]['rows']
    assert rows[1]['name'] == '</script><b>mine'
    assert '<b>mine' not in text and 'mine&lt;1&gt;' in text and 'a &lt;mark&gt;' in text
    assert '@' not in re.sub('@media', '', text.partition('<body>')[0])
    assert 'CDDFuse' in (tmp_path / 'numbers.html').read_text()
    links = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert links == ['numbers.html']  # Nothing comes from elsewhere.


@pytest.mark.slow
@pytest.mark.parametrize('width', [1200, 390])
def test_a_browser_shows_it(content, tmp_path, width):
    browser = shutil.which('chromium') or shutil.which('google-chrome')
    if browser is None:
        pytest.skip('no browser')
    write_site(tmp_path, content)
    page = tmp_path / 'index.html'
    look = """<script>const all = what => document.querySelectorAll(what);
        document.title = [document.documentElement.scrollWidth <= innerWidth,
            all('tbody tr').length, all('circle').length];
        all('th button')[1].click();
        document.title += ' ' + document.querySelector('tbody td').textContent;</script>"""
    page.write_text(page.read_text().replace('</body>', look + '</body>'))
    command = [browser, '--headless', '--no-sandbox', '--disable-gpu', '--dump-dom']
    command += [f'--window-size={width},900', page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    title = re.search('<title>(.*?)</title>', done.stdout)[1]
    # No wider than the window, two rows, one with a cost; the smallest MSE first.
    assert title == 'true,2,1 average'
