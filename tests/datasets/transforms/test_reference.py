"""docs/transforms.md lists each transform with each of its options."""

import inspect
import re
from pathlib import Path

from tsjnet_mm.datasets import transforms

PAGE = Path(__file__).resolve().parents[3] / 'docs' / 'transforms.md'


def test_every_option_of_every_transform_is_listed():
    rows = re.findall(r'^\| `(\w+)` \| .* \| (.*) \|$', PAGE.read_text(encoding='utf-8'), re.M)
    assert sorted(name for name, _ in rows) == sorted(transforms.__all__)
    for name, options in rows:
        taken = set(inspect.signature(getattr(transforms, name)).parameters)
        listed = set(re.findall(r'`([a-z0-9_]+)`', options))
        assert listed == taken, name
