import json
import math

import pytest

from tsjnet_mm.evaluation import EvaluationResults, load_results

NAN, INFINITY = float('nan'), float('inf')
VALUES = {
    'ours': {'PSNR': [20.1, 1 / 3, 22.0], 'CC': [0.1, 0.2, -0.3]},
    'visible only': {'PSNR': [INFINITY, 30.0, NAN], 'CC': [1e-17, 0.2, 1.0]},
    'infrared only': {'PSNR': [INFINITY] * 3, 'CC': [0.5, 0.5, 0.5]},
}


def make_results(**changes):
    arguments = {
        'convention': 'plain',
        'metrics': ('PSNR', 'CC'),
        'methods': tuple(VALUES),
        'images': ('00537D', 'a,b "c"', 'größe'),
        'values': VALUES,
        'paths': {'ir': 'data/ir', 'vi': 'data/vi', 'fused': {'ours': 'out'}},
    }
    return EvaluationResults(**{**arguments, **changes})


def same(left, right):
    """Equal values, and nan where there is nan."""
    return repr(left) == repr(right)


def test_means_leave_out_what_is_not_finite():
    results = make_results()
    means = results.means()
    assert means['ours']['PSNR'] == pytest.approx((20.1 + 1 / 3 + 22) / 3, rel=1e-15)
    assert means['visible only']['PSNR'] == 30.0
    assert math.isnan(means['infrared only']['PSNR'])
    assert results.not_finite() == {
        ('visible only', 'PSNR'): 2,
        ('infrared only', 'PSNR'): 3,
    }


def test_table_says_what_is_left_out():
    text = make_results().table().splitlines()
    assert text[0].startswith('convention: plain, 3 pairs')
    assert text[2].split() == ['ours', '14.14²', '0.000³', '2.50²']
    assert text[-2:] == [
        'PSNR of visible only: not finite for 2 of 3 pairs, which its mean leaves out',
        'PSNR of infrared only: not finite for 3 of 3 pairs, which its mean leaves out',
    ]
    markdown = make_results().table('markdown').splitlines()
    assert markdown[-1] == text[-1] and markdown[-2] == ''


@pytest.mark.parametrize('extension', ['.csv', '.json', '.JSON'])
def test_written_and_read_again(tmp_path, extension):
    path = tmp_path / 'new' / f'results{extension}'
    results = make_results()
    results.save(path)
    loaded = load_results(path)
    for name in ('convention', 'metrics', 'methods', 'images', 'values'):
        assert same(getattr(loaded, name), getattr(results, name)), name
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_csv_is_a_line_for_each_image_of_each_method(tmp_path):
    make_results().save(tmp_path / 'results.csv')
    lines = (tmp_path / 'results.csv').read_text(encoding='utf-8').splitlines()
    assert lines[0] == 'method,image,convention,PSNR,CC'
    assert lines[1] == 'ours,00537D,plain,20.1,0.1'
    assert lines[2] == 'ours,"a,b ""c""",plain,0.3333333333333333,0.2'
    assert lines[4] == 'visible only,00537D,plain,inf,1e-17'
    assert len(lines) == 10


def test_json_holds_everything_and_is_strict(tmp_path):
    def refuse(constant):
        raise AssertionError(f'{constant} is no JSON')

    make_results().save(tmp_path / 'results.json')
    text = (tmp_path / 'results.json').read_text(encoding='utf-8')
    content = json.loads(text, parse_constant=refuse)
    assert content['convention'] == 'plain' and content['pairs'] == 3
    assert content['paths'] == {'ir': 'data/ir', 'vi': 'data/vi', 'fused': {'ours': 'out'}}
    assert content['means']['visible only']['PSNR'] == 30.0
    assert content['means']['infrared only']['PSNR'] == 'nan'
    assert content['values']['visible only']['PSNR'] == ['inf', 30.0, 'nan']
    assert content['ranks']['visible only'] == {'PSNR': 1, 'CC': 2}
    assert content['ranks']['infrared only'] == {'PSNR': None, 'CC': 1}
    assert content['mean_ranks'] == {'ours': 2.5, 'visible only': 1.5, 'infrared only': None}
    assert content['version'].count('.') == 2
    assert load_results(tmp_path / 'results.json').paths == content['paths']


def test_markdown_is_the_table(tmp_path):
    make_results().save(tmp_path / 'results.md')
    text = (tmp_path / 'results.md').read_text(encoding='utf-8')
    assert text == make_results().table('markdown') + '\n'


def test_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / 'results.json'
    path.write_text('old')
    with pytest.raises(TypeError, match='not JSON serializable'):
        make_results(paths={'ir': object()}).save(path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ['old']


def test_unknown_extensions(tmp_path):
    with pytest.raises(
        ValueError, match=r"x.txt: expected a name ending in .csv, .json or .md, found '.txt'"
    ):
        make_results().save(tmp_path / 'x.txt')
    with pytest.raises(
        ValueError, match=r"x.md: expected a name ending in .csv or .json, found '.md'"
    ):
        load_results(tmp_path / 'x.md')
    with pytest.raises(FileNotFoundError):
        load_results(tmp_path / 'x.csv')


def test_csv_of_the_runners_metric(tmp_path):
    path = tmp_path / 'epoch_40.csv'
    path.write_text('image,convention,CC,MSE\n1.png,tsjnet,0.5,20.5\n2.png,tsjnet,0.25,inf\n')
    results = load_results(path)
    assert results.convention == 'tsjnet' and results.methods == ('epoch_40',)
    assert results.images == ('1.png', '2.png')
    assert results.values == {'epoch_40': {'CC': [0.5, 0.25], 'MSE': [20.5, INFINITY]}}


def test_csv_in_any_order_of_images(tmp_path):
    path = tmp_path / 'r.csv'
    path.write_text(
        'method,image,convention,CC\na,1,plain,0.1\nb,2,plain,0.4\na,2,plain,0.2\nb,1,plain,0.3\n'
    )
    assert load_results(path).values == {'a': {'CC': [0.1, 0.2]}, 'b': {'CC': [0.3, 0.4]}}


HEAD = 'method,image,convention,CC\n'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (HEAD, 'expected one convention, found no line'),
        ('', 'expected one convention, found no line'),
        (HEAD + 'a,1,plain,0.1\na,2,tang,0.1\n', 'expected one convention, found plain, tang'),
        (HEAD + 'a,1,plain\n', 'line 2 has not as many fields as the head'),
        (HEAD + 'a,1,plain,1,2\n', 'line 2 has not as many fields as the head'),
        (HEAD + 'a,1,plain,1\na,1,plain,2\n', 'line 3 repeats the image 1'),
        (HEAD + 'a,1,plain,x\n', "could not convert string to float: 'x'"),
        (HEAD + 'a,1,plain,1\nb,2,plain,1\n', 'b and a differ in images: 1, 2'),
        (HEAD.replace('CC', 'FID') + 'a,1,plain,1\n', "unknown metric 'FID'"),
        (HEAD.replace(',CC', '') + 'a,1,plain\n', 'metrics must be there, each once'),
        ('method,CC\na,1\n', r"no results of an evaluation \(KeyError\('convention'\)\)"),
    ],
)
def test_damaged_csv(tmp_path, text, message):
    path = tmp_path / 'bad.csv'
    path.write_text(text)
    with pytest.raises(ValueError, match=f'bad.csv: {message}'):
        load_results(path)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'Expecting property name'),
        ('[1]', 'no results of an evaluation'),
        ('{"convention": "plain"}', r"no results of an evaluation \(KeyError\('values'\)\)"),
    ],
)
def test_damaged_json(tmp_path, text, message):
    path = tmp_path / 'bad.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=f'bad.json: {message}'):
        load_results(path)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'metrics': ()}, r'metrics must be there, each once, got \[\]'),
        ({'methods': ('ours', 'ours')}, 'methods must be there, each once'),
        ({'images': ()}, 'images must be there, each once'),
        ({'images': ('1', '2')}, 'ours: expected 2 values of PSNR, one an image, found 3'),
        ({'metrics': ('PSNR', 'MSE')}, 'ours: expected 3 values of MSE, one an image, found 0'),
        ({'methods': ('theirs',)}, 'theirs: expected 3 values of PSNR'),
        ({'convention': 'mine'}, "unknown convention 'mine'"),
    ],
)
def test_results_are_whole(changes, message):
    with pytest.raises(ValueError, match=message):
        make_results(**changes)
