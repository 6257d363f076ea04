import json

import pytest

from tsjnet_mm.labels.records import Records, read_scores

OBJECT = {'label': 'car', 'box': [1, 2, 3, 4], 'score': 0.5}


@pytest.fixture
def outputs(tmp_path):
    return {stem: tmp_path / 'out' / f'{stem}.txt' for stem in ('a', 'b')}


def make(records, path):
    records.begin(path.stem)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    records.finish(path.stem, image=f'{path.stem}.png', height=8, width=9, objects=[OBJECT])


def test_complete_pairs_are_done(tmp_path, outputs):
    records = Records(tmp_path / 'review', {'x': (1, 2)})
    assert records.find_done(outputs) == set()
    make(records, outputs['a'])
    assert Records(tmp_path / 'review', {'x': [1, 2]}).find_done(outputs) == {'a'}
    assert records.find_done(outputs, overwrite=True) == set()


def test_a_pair_killed_between_label_and_record_is_made_again(tmp_path, outputs):
    records = Records(tmp_path / 'review', {})
    records.begin('a')
    outputs['a'].parent.mkdir()
    outputs['a'].touch()
    assert records.find_done(outputs) == set()


def test_a_label_that_was_removed_is_made_again(tmp_path, outputs):
    records = Records(tmp_path / 'review', {})
    make(records, outputs['a'])
    outputs['a'].unlink()
    assert records.find_done(outputs) == set()


def test_files_of_others_are_not_touched(tmp_path, outputs):
    records = Records(tmp_path / 'review', {})
    outputs['b'].parent.mkdir()
    outputs['b'].write_text('mine')
    with pytest.raises(ValueError, match=r'b\.txt is there already .*1 such file.*--overwrite'):
        records.find_done(outputs)


def test_other_settings_are_not_mixed(tmp_path, outputs):
    make(Records(tmp_path / 'review', {'x': 1, 'y': 1}), outputs['a'])
    with pytest.raises(ValueError, match=r'has 1 pair made with another x:'):
        Records(tmp_path / 'review', {'x': 2, 'y': 1}).find_done(outputs)


def test_one_file_for_all(tmp_path):
    path = tmp_path / 'all.json'
    shared = {'a': path, 'b': path}
    records = Records(tmp_path / 'review', {})
    path.write_text('{}')
    with pytest.raises(ValueError, match=r'all\.json is there already'):
        records.find_done(shared)
    make(records, tmp_path / 'a.x')
    assert records.find_done(shared) == {'a'}
    records.remember(path)
    records.check_unchanged(path)
    path.write_text('corrected')
    with pytest.raises(ValueError, match='was changed since'):
        records.check_unchanged(path)


def test_summary_and_scores(tmp_path, outputs):
    records = Records(tmp_path / 'review', {'x': 1})
    for path in outputs.values():
        make(records, path)
    assert list(records.summarise(outputs)) == ['a', 'b']
    content = json.loads((tmp_path / 'review' / 'confidence.json').read_text())
    assert content['settings'] == {'x': 1}
    assert content['objects'][1] == {'image': 'b.png', 'object': 0, **OBJECT}
    assert read_scores(tmp_path / 'review' / 'confidence.json') == {
        'a': [OBJECT],
        'b': [OBJECT],
    }


def test_scores_of_another_file(tmp_path):
    (tmp_path / 'x.json').write_text('[]')
    with pytest.raises(ValueError, match=r'expected a confidence\.json'):
        read_scores(tmp_path / 'x.json')
