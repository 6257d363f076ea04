import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleLR
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file

from tsjnet_mm.utils.checkpoints import (
    DIGEST_KEY,
    CheckpointError,
    add_digest,
    load_state_dict,
    load_weights,
    read_checkpoint,
)
from tsjnet_mm.utils.tensors import digest_tensors

ROOT = Path(__file__).resolve().parents[2]

# Loads by mmengine's door, in a process of its own: the guard is for whole processes.
LOAD = """
import sys
from pickle import UnpicklingError

from torch import load, nn

if sys.argv[1] in ('late', 'unprepared'):  # mmengine's loader is there before the package.
    from mmengine.runner import load_checkpoint
import tsjnet_mm
if sys.argv[1] == 'late':
    from tsjnet_mm.utils.env import prepare_mmengine
    prepare_mmengine()
from tsjnet_mm.utils.checkpoints import CheckpointError, refuse_unsafe_checkpoints
from mmengine.runner import load_checkpoint

if sys.argv[1] == 'guarded':
    refuse_unsafe_checkpoints()
for path in sys.argv[2:]:
    try:
        if path.startswith('torch:'):
            load(path.removeprefix('torch:'), weights_only=False)
        else:
            load_checkpoint(nn.Linear(2, 1), path, strict=True, logger='silent')
        print('read')
    except CheckpointError as error:
        print(error)
    except UnpicklingError:
        print('UnpicklingError')
"""


@pytest.fixture
def load(tmp_path):
    script = tmp_path / 'load.py'
    script.write_text(LOAD)

    def run(*arguments, **environment):
        done = subprocess.run(
            [sys.executable, script, *map(str, arguments)],
            env={
                **os.environ,
                'PYTHONPATH': str(ROOT),
                'OMP_NUM_THREADS': '1',
                'TORCH_HOME': str(tmp_path / 'hub'),
                'no_proxy': '*',
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if 'Downloading' not in line]

    return run


@pytest.fixture
def runner_checkpoint(tmp_path):
    """What the Runner writes: weights beside a log history."""
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    path = tmp_path / 'epoch_1.pth'
    torch.save(
        {
            'state_dict': torch.nn.Linear(2, 1).state_dict(),
            'message_hub': {'log_scalars': {'train/loss': history}},
        },
        path,
    )
    return path


@pytest.fixture
def server(tmp_path):
    """Address at which tmp_path is served."""
    process = subprocess.Popen(
        [sys.executable, '-u', '-m', 'http.server', '0', '--bind', '127.0.0.1'],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield 'http://127.0.0.1:' + process.stdout.readline().split(' port ')[1].split()[0]
    process.terminate()
    process.wait()


def test_the_trap_works(hostile, trap):
    torch.load(hostile, weights_only=False)
    assert trap.is_dir()


def test_harmful_pickle_is_refused_unread(hostile, harmful, trap):
    with pytest.raises(
        CheckpointError, match=r'bad\.pth is refused: .*mkdir.* ask for a file'
    ) as raised:
        read_checkpoint(hostile)
    assert '\n' not in str(raised.value)
    hostile.write_bytes(pickle.dumps(harmful, 2))
    with pytest.raises(CheckpointError, match=r'bad\.pth is refused'):
        read_checkpoint(hostile)
    assert not trap.exists()


def test_what_the_runner_stores_is_read(runner_checkpoint):
    history = read_checkpoint(runner_checkpoint)['message_hub']['log_scalars']['train/loss']
    assert history.data[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize('kind', ['cos', 'linear'])
def test_the_state_of_a_one_cycle_schedule_is_read(tmp_path, kind):
    optimiser = torch.optim.SGD(torch.nn.Linear(2, 1).parameters(), lr=0.1)
    schedule = OneCycleLR(optimiser, eta_max=0.1, total_steps=10, anneal_strategy=kind)
    torch.save({'param_schedulers': [schedule.state_dict()]}, tmp_path / 'a.pth')
    (found,) = read_checkpoint(tmp_path / 'a.pth')['param_schedulers']
    assert found['anneal_func'](1, 0, 0.5) == pytest.approx(0.5)
    assert found['anneal_func'] is getattr(OneCycleLR, f'_annealing_{kind}')


@pytest.mark.parametrize('content', [b'', b'hello world', b'PK\x03\x04 torn'])
def test_damaged_and_foreign_files_are_refused(content, tmp_path):
    (tmp_path / 'some.pth').write_bytes(content)
    with pytest.raises(CheckpointError, match=r'some\.pth is refused'):
        read_checkpoint(tmp_path / 'some.pth')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*none\.pth'):
        read_checkpoint(tmp_path / 'none.pth')


@pytest.mark.parametrize('order', ['alone', 'late'])
def test_importing_the_package_guards_every_door_of_mmengine(
    order, hostile, harmful, trap, load, runner_checkpoint, server, tmp_path
):
    home = tmp_path / 'home'
    home.mkdir()
    for name in ('bad.pth', 'epoch_1.pth'):
        (home / name).write_bytes((tmp_path / name).read_bytes())
    (home / 'open_mmlab.json').write_text('{"bad": "bad.pth", "good": "epoch_1.pth"}')
    # Before torch 1.6 files were published as archives of one legacy file.
    bad = {'state_dict': torch.nn.Linear(2, 1).state_dict(), 'meta': harmful}
    torch.save(bad, tmp_path / 'legacy', _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(tmp_path / 'old.pth', 'w') as archive:
        archive.writestr('legacy.pth', (tmp_path / 'legacy').read_bytes())
    doors = ['epoch_1.pth', f'{server}/epoch_1.pth', 'openmmlab://good']
    bad = ['bad.pth', 'legacy', f'{server}/bad.pth', f'{server}/old.pth', 'openmmlab://bad']
    doors += [path if ':' in path else str(tmp_path / path) for path in bad]
    doors[0] = str(tmp_path / 'epoch_1.pth')
    lines = load(order, *doors, MMENGINE_HOME=str(home))
    assert lines[:3] == ['read'] * 3
    assert len(lines) == 8 and all(' is refused: besides weights' in line for line in lines[3:])
    assert not trap.exists()


@pytest.mark.parametrize(
    'advice', [pytest.param('', marks=pytest.mark.slow), 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD']
)
def test_mmengine_refuses_what_is_harmful_and_reads_the_rest(
    hostile, trap, load, runner_checkpoint, server, advice
):
    bad, good = hostile, runner_checkpoint
    doors = [good, bad, good, f'{server}/{bad.name}', f'{server}/{good.name}', f'torch:{bad}']
    first, second, *rest = load('guarded', *doors, **({advice: '1'} if advice else {}))
    assert first == 'read' and second.startswith(f'{bad} is refused: besides weights it holds')
    assert rest[0] == 'read' and rest[1].startswith(f'{server}/bad.pth is refused: besides')
    assert rest[2:] == ['read', 'UnpicklingError']
    assert not trap.exists()


def test_importing_the_package_leaves_the_process_alone(hostile, trap, load):
    assert load('alone', f'torch:{hostile}') == ['read']
    assert trap.is_dir()


def test_importing_the_package_leaves_alone_what_was_imported_before(
    hostile, server, trap, load
):
    """The trap's folder shows that mmengine's own door, which runs code, is as it was."""
    assert load('unprepared', f'{server}/bad.pth') == ['read'] and trap.is_dir()


def flipped(path, offset):
    """The file with a bit of a byte turned over."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 16
    path.write_bytes(content)


def weights(**changes):
    torch.manual_seed(0)
    return {**torch.nn.Linear(20, 10).state_dict(), **changes}


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_flipped_bit_is_seen_wherever_it_is(tmp_path, suffix):
    path = tmp_path / f'some{suffix}'
    state_dict = weights()
    if suffix == '.pth':
        checkpoint = {'state_dict': state_dict}
        add_digest(checkpoint)
        torch.save(checkpoint, path)
    else:
        save_file(state_dict, path, {DIGEST_KEY: digest_tensors(state_dict)})
    intact = path.read_bytes()
    assert torch.equal(load_state_dict(path)['weight'], state_dict['weight'])
    seen = 0
    for offset in range(0, len(intact), 7):
        path.write_bytes(intact)
        flipped(path, offset)
        try:
            found = load_state_dict(path)
        except (CheckpointError, ValueError) as error:
            assert 'some' in str(error)
            seen += 1
        else:  # Outside of what is read: padding, and what the archive says twice.
            assert all(torch.equal(found[name], state_dict[name]) for name in state_dict)
    start = intact.index(state_dict['weight'].numpy().tobytes())
    for offset in range(start, start + 800, 40):
        path.write_bytes(intact)
        flipped(path, offset)
        with pytest.raises(CheckpointError, match='is damaged'):
            read_checkpoint(path)
    assert seen > 100


def test_a_changed_tensor_with_right_checksums_is_seen(tmp_path):
    path = tmp_path / 'some.pth'
    checkpoint = {'state_dict': weights(), 'optimizer': {'state': {0: {'step': torch.ones(3)}}}}
    add_digest(checkpoint)
    checkpoint['message_hub'] = {'log': torch.tensor(float('nan'))}  # Not covered.
    torch.save(checkpoint, path)
    assert read_checkpoint(path)['meta'].keys() == {DIGEST_KEY}
    checkpoint['optimizer']['state'][0]['step'][1] = 2
    torch.save(checkpoint, path)
    with pytest.raises(CheckpointError, match='its tensors differ from its digest'):
        read_checkpoint(path)


@pytest.mark.parametrize(
    'changes, reason',
    [
        ({'weight': torch.full((10, 20), float('nan'))}, 'weight holds NaN or infinity'),
        ({'bias': torch.tensor([0.0] * 9 + [float('inf')])}, 'bias holds NaN or infinity'),
        ({'weight': torch.zeros(10, 20)}, 'all weights are zero'),
        ({'weight': torch.ones(10, 20).to(torch.int8)}, 'weight is of type int8'),
        ({'weight': torch.ones(10, 20).to(torch.complex64)}, 'weight is of type complex64'),
        ({'weight': torch.ones(10, 20).to(torch.float8_e4m3fn)}, 'weight is of type float8'),
        ({'weight': torch.ones(10, 20).to_sparse()}, 'weight is of type float32 sparse_coo'),
        ({'weight': torch.ones(1).expand(10**9, 20)}, 'weight has 20000000000 values'),
        (
            {'weight': torch.quantize_per_tensor(torch.ones(10, 20), 0.1, 0, torch.qint8)},
            'weight is of type qint8',
        ),
    ],
)
def test_what_no_network_has_is_refused(tmp_path, changes, reason):
    path = tmp_path / 'some.pth'
    torch.save({'state_dict': weights(**changes)}, path)
    with pytest.raises(CheckpointError, match=f'refused: (state_dict.)?{reason}'):
        read_checkpoint(path)


@pytest.mark.parametrize(
    'content, reason',
    [
        ({'state_dict': [1]}, 'expected weights by their names'),
        ({'state_dict': {}}, 'expected weights by their names'),
        ({'state_dict': {1: torch.ones(2)}}, 'no name: 1'),
        ({'state_dict': {'a': 1}}, 'no tensors, or have no name: a'),
        ([torch.ones(2)], 'expected a dict of weights'),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path, content, reason):
    torch.save(content, tmp_path / 'some.pth')
    with pytest.raises(ValueError, match=rf'some\.pth: .*{reason}'):
        load_state_dict(tmp_path / 'some.pth')


def test_weights_of_another_kind_do_not_fit(tmp_path):
    torch.save(weights(weight=torch.ones(10, 20, dtype=torch.int64)), tmp_path / 'some.pth')
    with pytest.raises(ValueError, match=r'does not fit Linear: weight is of type'):
        load_weights(torch.nn.Linear(20, 10), tmp_path / 'some.pth')
    torch.save(weights(weight=torch.ones(10, 20).half()), tmp_path / 'some.pth')
    model = torch.nn.Linear(20, 10)
    load_weights(model, tmp_path / 'some.pth')
    assert model.weight.dtype == torch.float32 and bool((model.weight == 1).all())


def test_a_file_that_unpacks_to_more_than_it_has_is_refused_before(tmp_path):
    plain, bomb = tmp_path / 'plain.pth', tmp_path / 'bomb.pth'
    torch.save({'a': torch.zeros(50_000_000)}, plain)
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(bomb, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for part in source.infolist():
            target.writestr(part.filename, source.read(part))
    assert bomb.stat().st_size < 2_000_000
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=r'bomb\.pth is refused: it has \d+ bytes'):
            read_checkpoint(bomb)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_checkpoint_that_holds_itself_is_read(tmp_path):
    checkpoint = {'state_dict': weights()}
    checkpoint['again'] = checkpoint
    torch.save(checkpoint, tmp_path / 'some.pth')
    assert read_checkpoint(tmp_path / 'some.pth')['again']['state_dict']


def test_a_download_that_fails_names_address_and_remedy(tmp_path, monkeypatch):
    """An address on which nothing listens: whoever trains without internet meets it."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    address = 'http://127.0.0.1:9/network-0123abcd.pth'
    with pytest.raises(CheckpointError, match=f'{address} cannot be fetched') as caught:
        CheckpointLoader.load_checkpoint(address)
    assert str(tmp_path / 'checkpoints' / 'network-0123abcd.pth') in str(caught.value)
