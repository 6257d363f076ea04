"""What a network costs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import multiprocessing
from tsjnet_mm.protocols.timing import _gigabytes

if __name__ == '__main__':
    block = b'1' * 2_000_000_000
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(_gigabytes('cpu'), pool.apply(_gigabytes, ['cpu']))
"""


@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='no /proc')
def test_memory_is_that_of_the_process_and_not_of_its_parent(tmp_path):
    (tmp_path / 'program.py').write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, tmp_path / 'program.py'],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    parent, child = map(float, done.stdout.split())
    assert parent > 2 and 0.05 < child < 1.5
