import pytest

from tsjnet_mm.io.listing import is_pattern, list_images


@pytest.fixture
def tree(tmp_path):
    """Make empty files below the test's folder."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def names(source):
    return sorted(list_images(source).names)


def test_a_folder_or_else_its_sub_folders(tree):
    root = tree('a/1.png', 'a/sub/2.png', 'b/x/1.JPG', 'b/y/z/2.tif', 'b/.h/3.png', 'b/t.txt')
    assert names(root / 'a') == ['1.png']
    assert names(root / 'b') == ['x/1.JPG', 'y/z/2.tif']
    assert list_images(root / 'a' / '1.png') is None


def test_linked_sub_folders_are_entered_and_hidden_ones_are_not(tree):
    root = tree('data/.cache/deep/3.png', 'data/a/1.png', 'elsewhere/2.png')
    (root / 'data' / 'b').symlink_to(root / 'elsewhere')
    assert names(root / 'data') == ['a/1.png', 'b/2.png']


def test_patterns(tree):
    root = tree('IR/a/1.tif', 'IR/b/1.tif', 'IR/b/c/2.tif', 'IR/b/2.png', 'IR/.h/1.tif')
    assert names(f'{root}/IR/**/*.tif') == ['a/1.tif', 'b/1.tif', 'b/c/2.tif']
    assert names(f'{root}/IR/*/1.tif') == ['a/1.tif', 'b/1.tif']
    assert names(f'{root}/IR/**/**/*.tif') == ['a/1.tif', 'b/1.tif', 'b/c/2.tif']
    assert names(f'{root}/I*/b/*') == ['IR/b/1.tif', 'IR/b/2.png']
    assert list_images(f'{root}/I*/b/*.png').path('IR/b/2.png') == f'{root}/IR/b/2.png'


@pytest.mark.parametrize('pattern', ['d[1]/ir/*.png', 'd[1]/*/1.png', '*/ir/1[a].png', 'd[1]'])
def test_folders_and_files_with_brackets(tree, pattern):
    root = tree('d[1]/ir/1.png', 'd[1]/ir/1[a].png')
    found = list_images(f'{root}/{pattern}')
    assert found is not None and found.names
    assert all((found.root / name).is_file() for name in found.names)


def test_brackets_still_choose(tree):
    root = tree('d1/1.png', 'd2/1.png', 'd3/1.png')
    assert names(f'{root}/d[12]/*.png') == ['d1/1.png', 'd2/1.png']
    with pytest.raises(FileNotFoundError, match=r'write \[\[\] for a bracket'):
        list_images(f'{root}/d[89]/*.png')


def test_relative_patterns(tree, monkeypatch):
    monkeypatch.chdir(tree('ir/1.png', '2.png'))
    assert names('ir/*.png') == ['1.png']
    assert names('*.png') == ['2.png']
    assert names('.') == ['2.png']


def test_what_would_be_listed(tree):
    root = tree('ir/1.png', 'deep/a/1.png')
    folder = list_images(root / 'ir')
    assert folder.would_list(root / 'ir' / '9.png')
    assert not folder.would_list(root / 'ir' / 'out' / '9.png')
    assert not folder.would_list(root / 'vi' / '9.png')
    assert list_images(root / 'deep').would_list(root / 'deep' / 'b' / 'c' / '9.png')
    pattern = list_images(f'{root}/*/*.png')
    assert pattern.would_list(root / 'out' / '9.png')
    assert not pattern.would_list(root / 'out' / '9.tif')
    assert not pattern.would_list(root / '9.png')
    assert list_images(f'{root}/**/*.png').would_list(root / 'out' / 'x' / '9.png')
    (root / 'link').symlink_to(root / 'ir')
    assert folder.would_list(root / 'link' / '9.png')


def test_is_pattern(tree):
    root = tree('v[1].mp4')
    assert not is_pattern(root / 'v[1].mp4')
    assert is_pattern(root / '*.png') and not is_pattern(root / 'gone.png')
