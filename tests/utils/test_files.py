import pytest

from tsjnet_mm.utils import whole_file


def test_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / 'new' / 'a.b.txt'
    with whole_file(path) as partial:
        partial.write_text('text')
        assert partial.suffix == '.txt'
        assert not path.exists()
    assert path.read_text() == 'text'
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_earlier_file(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def fail():
        with whole_file(path) as partial:
            partial.write_text('half')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]
