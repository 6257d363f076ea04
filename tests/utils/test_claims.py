import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tsjnet_mm.utils.claims import MAX_CLAIM_AGE, Claims
from tsjnet_mm.utils.files import owner_name

ROOT = Path(__file__).resolve().parents[2]

DIES = """
import os, sys
from tsjnet_mm.utils.claims import Claims
assert Claims().take(sys.argv[1])
os._exit(1)
"""


def claim_of(path):
    return path.with_name(f'.{path.name}.claim')


def test_one_holds_a_claim_until_it_is_given_back(tmp_path):
    path = tmp_path / 'new' / 'a.png'
    with Claims() as mine, Claims() as other:
        assert mine.take(path) and not other.take(path)
        assert claim_of(path).read_text() == owner_name()
        mine.release(path)
        assert other.take(path) and not mine.take(path)
        assert mine.take(path.with_name('b.png'))
    assert not list(path.parent.iterdir())


def test_a_claim_is_void_when_its_process_has_ended_or_it_is_old(tmp_path):
    path = tmp_path / 'a.png'
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    died = subprocess.run([sys.executable, '-c', DIES, path], env=environment)
    assert died.returncode == 1 and claim_of(path).exists()
    with Claims() as claims:
        assert claims.take(path)
    claim_of(path).write_text(f'not-{socket.gethostname()}.1')
    with Claims() as claims:
        assert not claims.take(path)
        old = time.time() - MAX_CLAIM_AGE - 5
        os.utime(claim_of(path), (old, old))
        assert claims.take(path)
    claim_of(path).write_text('')  # Made a moment ago, its owner not yet written.
    assert not Claims().take(path)


def test_everything_is_done_once_and_nobody_ends_before_all_is_done(tmp_path):
    made, ends, lock = [], [], threading.Lock()

    def work(pause):
        with Claims() as claims:
            for share in claims.rounds(range(40), lambda item: tmp_path / f'{item}'):
                batch = []
                for item in share:
                    if item in made:
                        claims.release(tmp_path / f'{item}')
                        continue
                    batch.append(item)
                    if len(batch) == 3:
                        finish(claims, batch, pause)
                finish(claims, batch, pause)
        with lock:
            ends.append(len({*made}))

    def finish(claims, batch, pause):
        time.sleep(pause)
        while batch:
            item = batch.pop()
            with lock:
                made.append(item)
            claims.release(tmp_path / f'{item}')

    threads = [threading.Thread(target=work, args=(pause,)) for pause in (0.001, 0.02)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(made) == [*range(40)] and ends == [40, 40]
    assert not list(tmp_path.iterdir())
