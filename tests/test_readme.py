"""The two READMEs say the same, and what they say is measured or there."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tsjnet_mm.metrics.catalogue import METRIC_NAMES
from tsjnet_mm.utils.model_index import list_models

ROOT = Path(__file__).resolve().parents[1]
TEXTS = {
    name: (ROOT / name).read_text(encoding='utf-8') for name in ('README.md', 'README.zh-CN.md')
}
_FENCE = re.compile(r'^(?:<!--[^\n]*-->\n)?```.*?^```$', re.M | re.S)
#: Code, and numbers that are no part of a name; what no language changes.
_FIXED = re.compile(r'`[^`\n]+`|(?<![\w./-])\d[\d.]*(?![\w.])')


def tables(text):
    """Cells of each table of a page, rows without the line below the header."""
    found = re.findall(r'(?:^\|.*\n)+', text, re.M)
    rows = [[row.strip('|').split('|') for row in each.splitlines()] for each in found]
    return [[[cell.strip() for cell in row] for row in [each[0], *each[2:]]] for each in rows]


def links(text):
    """What a page links to and shows, in order, but for the other language."""
    found = re.findall(r'\]\(([^)]+)\)', _FENCE.sub('', text))
    return [target for target in found if target not in TEXTS]


def fixed(text):
    text = re.sub(r'(?<=\])\([^)]+\)', '', _FENCE.sub('', text))
    # Chinese letters touch numbers and code; sentences end in a full stop.
    text = re.sub(r'[\u3000-\u9fff\uff00-\uffef]', ' ', text)
    return Counter(each.rstrip('.') for each in _FIXED.findall(text))


def test_both_have_the_same_blocks_links_and_headings():
    english, chinese = TEXTS.values()
    assert _FENCE.findall(english) == _FENCE.findall(chinese)
    assert links(english) == links(chinese)
    levels = [re.findall(r'^#+ ', _FENCE.sub('', text), re.M) for text in TEXTS.values()]
    assert levels[0] == levels[1]


def test_both_have_the_same_tables_and_numbers():
    english, chinese = map(tables, TEXTS.values())
    assert len(english) == len(chinese) == 2
    for one, other in zip(english, chinese, strict=True):
        assert [len(row) for row in one] == [len(row) for row in other]
    assert [row[1:] for row in english[0]] == [row[1:] for row in chinese[0]]
    assert [row[0] for row in english[0][1:]] == [row[0] for row in chinese[0][1:]]
    assert fixed(TEXTS['README.md']) == fixed(TEXTS['README.zh-CN.md'])


def test_the_table_is_that_of_the_zoo():
    found = [
        table
        for table in tables((ROOT / 'docs' / 'zoo.md').read_text(encoding='utf-8'))
        if {'SSIM↑', 'MI↑'} <= {*table[0]}
    ]
    measured = {  # MSRS of the protocol comes first.
        row[0].rstrip('†‡'): dict(zip(found[0][0], row, strict=True)) for row in found[0][1:]
    }
    header, *rows = tables(TEXTS['README.md'])[0]
    columns = [name.replace('†', '') for name in header]
    count = columns.index('NanoDet-m↑')  # Of columns up to the detectors'.
    assert columns[count:] == ['NanoDet-m↑', 'PicoDet-S↑']
    for method, *values in rows:
        for name, value in zip(columns[1:count], values[: count - 1], strict=True):
            shown = re.search(r'[\d.]+', measured[method][name])[0]
            assert value == shown, (method, name)
    metrics = [name for name in found[0][0] if name[:-1].replace('VIFp', 'VIF') in METRIC_NAMES]
    left = len(measured) - len(rows), len(metrics) - count + 1
    assert f'{left[0]} more rows, {left[1]} more metrics' in TEXTS['README.md']


def test_what_detectors_find_is_that_of_the_experiments():
    text = (ROOT / 'docs' / 'experiments.md').read_text(encoding='utf-8')
    (found,) = (table for table in tables(text) if table[0][-1] == 'mean of both')
    # "`seafusion`" and "tuned pyramid (`laplacian`)" by their names for programs.
    measured = {re.sub(r'.*`(.+)`.*', r'\1', row[0]): row[1:] for row in found[1:]}
    _, *rows = tables(TEXTS['README.md'])[0]
    for row in rows:
        assert [float(each) for each in row[-2:]] == [
            float(each) for each in measured[row[0]][:2]
        ], row[0]

    def numbers(text):
        return [float(each) for each in re.findall(r'-?\d*\.\d+', text)]

    told = TEXTS['README.md'].split('In the mean of both detectors')[1].split('The price')[0]
    others = ('tsjnet-light', 'seafusion', 'visible', 'infrared', 'laplacian')
    assert numbers(told) == [value for name in others for value in numbers(measured[name][-1])]


def test_counts_are_true():
    peers = yaml.safe_load((ROOT / 'configs' / 'peers' / 'metafile.yml').read_text())
    text = TEXTS['README.md']
    assert f'{len(METRIC_NAMES)} metrics with' in text
    assert f'{len(peers["Collections"])} published networks' in text
    assert {row[0] for row in tables(text)[0][1:]} <= {*list_models()}


@pytest.mark.parametrize('name', TEXTS)
def test_pages_and_pictures_are_there_and_a_picture_comes_first(name):
    for target in links(TEXTS[name]):
        assert re.match('https?:', target) or (ROOT / target).is_file(), target
    title, _, picture = [line for line in TEXTS[name].splitlines() if line][:3]
    assert title == '# tsjnet_mm' and picture.startswith('![')
    assert len(TEXTS[name].splitlines()) < 80
