import pytest

from tsjnet_mm.evaluation import EvaluationResults
from tsjnet_mm.evaluation.selection import read_selection


@pytest.fixture
def write(tmp_path):
    """Write results of methods whose values tell method, metric and image apart."""

    def make(name, methods, images=('1', '2', '3'), metrics=('SSIM', 'CV'), convention='plain'):
        values = {
            method: {
                metric: [
                    ord(method) + ord(metric[0]) / 100 + int(image) / 1000 for image in images
                ]
                for metric in metrics
            }
            for method in methods
        }
        path = tmp_path / name
        EvaluationResults(convention, metrics, tuple(methods), images, values).save(path)
        return path

    return make


def test_all_is_kept_unless_said_otherwise(write):
    found = read_selection([write('a.csv', 'abc')])
    assert found.methods == ('a', 'b', 'c') and found.metrics == ('SSIM', 'CV')
    assert found.convention == 'plain' and found.images == ('1', '2', '3')


def test_methods_and_metrics_in_the_order_asked_for(write):
    path = write('a.json', 'abc')
    found = read_selection([path], ['c', 'a'], ['cv', 'SSIM'])
    assert found.methods == ('c', 'a') and found.metrics == ('CV', 'SSIM')
    assert list(found.values) == ['c', 'a'] and list(found.values['c']) == ['CV', 'SSIM']
    assert found.values['c'] == {
        metric: read_selection([path]).values['c'][metric] for metric in ('CV', 'SSIM')
    }


def test_files_are_joined_image_by_image(write):
    first, second = write('a.csv', 'ab'), write('c.json', 'c', ('3', '1', '2'), ('CV', 'SSIM'))
    found = read_selection([first, second])
    whole = read_selection([write('whole.csv', 'abc')])
    assert found.images == whole.images and found.methods == whole.methods
    assert found.values == whole.values


def test_what_is_not_there_is_named(write):
    path = write('a.csv', 'ab')
    with pytest.raises(ValueError, match=r'a\.csv: no methods x, y; there are a, b'):
        read_selection([path], ['x', 'a', 'y'])
    with pytest.raises(ValueError, match=r'a\.csv: no metrics PSNR, .*; there are SSIM, CV'):
        read_selection([path], metrics=['paper'])
    with pytest.raises(ValueError, match="unknown metric 'FID'"):
        read_selection([path], metrics=['FID'])
    with pytest.raises(FileNotFoundError, match=r'b\.csv'):
        read_selection([path, path.with_name('b.csv')])


def test_files_that_do_not_fit_are_refused(write):
    path = write('a.csv', 'a')
    with pytest.raises(ValueError, match=r'b\.csv: the method a is in an earlier file'):
        read_selection([path, write('b.csv', 'a')])
    message = r'c\.csv and .*a\.csv differ in images: the former lacks 3 and has 4 of its own'
    with pytest.raises(ValueError, match=message):
        read_selection([path, write('c.csv', 'c', ('1', '2', '4'))])
    message = r'd\.csv and .*a\.csv differ in metrics: the former lacks SSIM and has nothing'
    with pytest.raises(ValueError, match=message):
        read_selection([path, write('d.csv', 'd', metrics=('CV',))])
    message = r'e\.csv and .*a\.csv differ in convention: the former lacks plain and has tsjnet'
    cv = write('cv.csv', 'a', metrics=('CV',))
    with pytest.raises(ValueError, match=message.replace('a\\', 'cv\\')):
        read_selection([cv, write('e.csv', 'e', metrics=('CV',), convention='tsjnet')])
