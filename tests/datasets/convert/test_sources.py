import io
import tarfile
import zipfile

import pytest

from tsjnet_mm.datasets.convert.sources import open_source

FILES = {'set/ir/b.png': b'infra', 'set/ir/a.png': b'red', 'set/vi/a.png': b'visible'}
JUNK = ('set/.DS_Store', '__MACOSX/set/ir/._a.png')


def write_zip(path, files):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tar(path, files):
    with tarfile.open(path, 'w:gz' if path.suffix == '.gz' else 'w') as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def write_folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.mark.parametrize(
    'write, name',
    [(write_zip, 's.zip'), (write_tar, 's.tar'), (write_tar, 's.tar.gz'), (write_folder, 's')],
)
def test_files_without_what_is_hidden(tmp_path, write, name):
    path = write(tmp_path / name, FILES | dict.fromkeys(JUNK, b'junk'))
    source = open_source(path)
    assert source.sizes == {name: len(data) for name, data in FILES.items()}
    for name, data in FILES.items():
        source.copy(name, tmp_path / 'copy')
        assert (tmp_path / 'copy').read_bytes() == data
    source.close()


@pytest.mark.parametrize('write, extension', [(write_zip, '.zip'), (write_tar, '.tar')])
@pytest.mark.parametrize('name', ['../ir/a.png', 'set/../../a.png', '/etc/a', '..\\a', 'C:\\a'])
def test_members_that_point_outside_are_refused(tmp_path, write, extension, name):
    path = write(tmp_path / f'bad{extension}', FILES | {name: b'x'})
    with pytest.raises(ValueError, match='points outside the archive'):
        open_source(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_zip_of_windows_names(tmp_path):
    names = {name.replace('/', '\\'): data for name, data in FILES.items()}
    source = open_source(write_zip(tmp_path / 's.zip', names | {'set\\ir\\': b''}))
    assert source.sizes == {name: len(data) for name, data in FILES.items()}
    source.copy('set/ir/a.png', tmp_path / 'copy')
    assert (tmp_path / 'copy').read_bytes() == b'red'


def test_zip_whose_names_are_no_text(tmp_path):
    path = write_zip(tmp_path / 's.zip', {'é.png': b'x'})
    path.write_bytes(path.read_bytes().replace('é'.encode(), b'\xff\xff'))
    with pytest.raises(ValueError, match=r's\.zip: expected an archive.*codec'):
        open_source(path)


def test_zip_whose_table_lies_before_its_begin(tmp_path):
    path = write_zip(tmp_path / 's.zip', FILES)
    data = bytearray(path.read_bytes())
    data[-6:-2] = (len(data) * 2).to_bytes(4, 'little')
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r's\.zip, set/ir/a\.png: expected an archive'):
        open_source(path).copy('set/ir/a.png', tmp_path / 'copy')


def test_links_in_a_tar_are_left_out(tmp_path):
    path = tmp_path / 'linked.tar'
    with tarfile.open(path, 'w') as archive:
        member = tarfile.TarInfo('set/ir/a.png')
        member.type, member.linkname = tarfile.SYMTYPE, '/etc/passwd'
        archive.addfile(member)
    assert open_source(path).sizes == {}


def test_no_archive(tmp_path):
    (tmp_path / 'M3FD.rar').write_bytes(b'Rar!\x1a\x07\x00' + bytes(100))
    with pytest.raises(ValueError, match=r'M3FD\.rar: .*unpack others, such as \.rar'):
        open_source(tmp_path / 'M3FD.rar')
    with pytest.raises(FileNotFoundError, match='none: no such file or folder'):
        open_source(tmp_path / 'none')


def test_damaged_zip(tmp_path):
    path = write_zip(tmp_path / 's.zip', {'set/a.png': bytes(range(256)) * 50})
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    source = open_source(path)
    with pytest.raises(ValueError, match=r's\.zip, set/a\.png: .*download it again'):
        source.copy('set/a.png', tmp_path / 'copy')


def test_cut_tar(tmp_path):
    path = write_tar(tmp_path / 's.tar.gz', {'set/a.png': bytes(range(256)) * 500})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r's\.tar\.gz: .*download it again'):
        open_source(path)
