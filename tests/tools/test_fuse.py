import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer, find_pairs


def test_folders_give_colour_images_of_the_same_size(run_tool, pair_folder, tmp_path):
    data = pair_folder(stems=('a.b', '2', '10'), size=(33, 47), vi_extension='.bmp')
    out = tmp_path / 'out'
    done = run_tool('fuse.py', '--ir', data / 'ir', '--vi', data / 'vi', '--out', out)
    assert '3 fused images' in done.stdout
    assert {path.name for path in out.iterdir()} == {'a.b.png', '2.png', '10.png'}
    assert np.asarray(Image.open(out / 'a.b.png')).shape == (33, 47, 3)


def test_single_pair_of_files_in_grey(run_main, pair_folder, tmp_path):
    data = pair_folder(stems=('x',))
    _, stdout, _ = run_main(
        'fuse.py', '--ir', data / 'ir' / 'x.png', '--vi', data / 'vi' / 'x.png',
        '--out', tmp_path / 'out', '--grey', '--model', 'max',
    )  # fmt: skip
    assert '1 fused image ' in stdout
    fused = np.asarray(Image.open(tmp_path / 'out' / 'x.png')).astype(float)
    ir = np.asarray(Image.open(data / 'ir' / 'x.png')).astype(float)
    vi = np.asarray(Image.open(data / 'vi' / 'x.png')) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(fused - np.maximum(ir, vi)).max() <= 0.51


def test_missing_partner_stops_with_its_name_and_no_trace(run_main, pair_folder, tmp_path):
    data = pair_folder(stems=('a', 'b'))
    (data / 'vi' / 'b.png').unlink()
    status, _, stderr = run_main(
        'fuse.py', '--ir', data / 'ir', '--vi', data / 'vi', '--out', tmp_path / 'out'
    )
    assert status == 1
    assert 'Traceback' not in stderr
    assert 'b' in stderr.split('error:')[1]
    assert not (tmp_path / 'out').exists()


def test_network_needs_weights(run_main, tmp_path):
    status, _, stderr = run_main(
        'fuse.py', '--ir', 'x', '--vi', 'y', '--out', tmp_path, '--model', 'tsjnet-official'
    )
    assert status == 2 and 'needs --weights' in stderr


def test_real_pair_keeps_the_visible_colour(real_data):
    pairs = find_pairs(real_data / 'MSRS' / 'test' / 'ir', real_data / 'MSRS' / 'test' / 'vi')
    assert len(pairs) == 180
    _, ir, vi = next(pair for pair in pairs if pair[0].endswith('D'))
    fused = FusionInferencer('laplacian')(ir, vi)[0].astype(float)
    visible = np.asarray(Image.open(vi).convert('RGB')).astype(float)
    assert fused.shape == visible.shape == (480, 640, 3)

    def chroma(image):
        return image[..., [0, 2]] - (image @ np.array([0.299, 0.587, 0.114]))[..., None]

    unclipped = (fused > 3).all(-1) & (fused < 252).all(-1)
    assert unclipped.mean() > 0.5
    assert np.abs(chroma(fused) - chroma(visible))[unclipped].max() < 1.5


def test_a_second_run_keeps_what_is_there(run_main, pair_folder, tmp_path):
    data, out = pair_folder(), tmp_path / 'out'
    command = 'fuse.py', '--ir', data / 'ir', '--vi', data / 'vi', '--out', out
    assert '3 fused images' in run_main(*command)[1]
    (out / '002.png').unlink()
    assert f'1 fused image in {out}, 2 were there already' in run_main(*command)[1]


@pytest.mark.slow
def test_processes_share_the_work(run_tool, pair_folder, tmp_path):
    data, out = pair_folder(), tmp_path / 'out'
    command = 'fuse.py', '--ir', data / 'ir', '--vi', data / 'vi', '--out', out
    first = run_tool(*command, RANK='0', WORLD_SIZE='2')
    second = run_tool(*command, SLURM_PROCID='1', SLURM_NTASKS='2')
    assert '2 fused images' in first.stdout and '1 fused image ' in second.stdout
    assert len(list(out.iterdir())) == 3


def test_the_documented_torchrun_command_shares_the_work(repository, pair_folder, tmp_path):
    pages = [repository / page for page in ('tsjnet_mm/cli/fuse.py', 'docs/inference.md')]
    (command,) = {
        found
        for page in pages
        for found in re.findall(r'torchrun (.* --out OUT)', page.read_text())
    }
    data, out = pair_folder(stems=[f'{n}' for n in range(5)]), tmp_path / 'out'
    command = command.replace('--nproc_per_node 4', '--nproc_per_node 2')
    for word, path in (('IR', data / 'ir'), ('VI', data / 'vi'), ('OUT', out)):
        command = re.sub(rf'\b{word}\b', str(path), command)
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--standalone', *command.split()],
        cwd=repository,
        env={**os.environ, 'PYTHONPATH': str(repository), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == ['2', '3']
    assert len(list(out.iterdir())) == 5


def test_raw_infrared_of_another_size_is_stretched_and_warped(run_main, tmp_path):
    ir = np.full((20, 30), 7000, np.uint16)
    ir[:, 10:] = 8000
    Image.fromarray(ir).save(tmp_path / 'ir.tif')
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / 'vi.png')
    command = (
        'fuse.py', '--ir', tmp_path / 'ir.tif', '--vi', tmp_path / 'vi.png', '--out',
        tmp_path / 'out', '--model', 'max', '--grey', '--ir-range', '7000', '8000',
    )  # fmt: skip
    status, _, stderr = run_main(*command)
    assert status == 1 and 'Traceback' not in stderr
    assert 'different sizes: expected 60x40' in stderr
    (tmp_path / 'H.json').write_text('{"homography": [[2, 0, 0], [0, 2, 0], [0, 0, 1]]}')
    for option in (['--resize'], ['--warp', tmp_path / 'H.json']):
        assert run_main(*command, *option)[0] == 0
        fused = np.asarray(Image.open(tmp_path / 'out' / 'vi.png'))
        assert fused.shape == (40, 60)
        assert (fused[:, :18] == 0).all() and (fused[:, 22:] == 255).all()


def test_help_teaches(run_main):
    _, text, _ = run_main('fuse.py', '--help')
    assert 'torchrun' in text and 'Examples:' in text


def test_watch_needs_time_and_folders(run_main, pair_folder, tmp_path):
    data = pair_folder(stems=('1',))
    command = 'fuse.py', '--model', 'average', '--out', tmp_path / 'out'
    files = '--ir', data / 'ir' / '1.png', '--vi', data / 'vi' / '1.png'
    status, _, stderr = run_main(*command, *files, '--watch', '0')
    assert status == 2 and '--watch: expected seconds above 0' in stderr
    status, _, stderr = run_main(*command, *files, '--watch')
    assert status == 1 and 'only folders and patterns are watched' in stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == 'nt', reason='no such signals')
@pytest.mark.parametrize('number, status', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watch_fuses_what_arrives_until_a_signal(
    number, status, pair_folder, repository, tmp_path
):
    data, late = pair_folder(stems=('1', '2')), pair_folder(stems=('3',), root='late')
    (data / 'ir' / '2.png').unlink()
    out = tmp_path / 'out'
    process = subprocess.Popen(
        [
            *(sys.executable, str(repository / 'tools' / 'fuse.py'), '--ir', data / 'ir'),
            *('--vi', data / 'vi', '--out', out, '--model', 'average', '--watch'),
        ],
        env={**os.environ, 'PYTHONPATH': str(repository), 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )

    def wait_for(name):
        end = time.monotonic() + 60
        while not (out / name).exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)

    try:
        wait_for('1.png')
        for kind in ('vi', 'ir'):
            shutil.copy(late / kind / '3.png', data / kind)
        wait_for('3.png')
        time.sleep(0.5)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == status and 'Traceback' not in stderr
    assert stdout == f'2 fused images, 1 file without a partner in {out}\n'
    assert sorted(path.name for path in out.iterdir()) == ['1.png', '3.png']
