import subprocess
import sys

from mmengine import registry as root

from tsjnet_mm import registry


def test_every_root_has_a_child_of_our_scope():
    roots = {
        name: value
        for name, value in vars(root).items()
        if isinstance(value, root.Registry) and name != 'STRATEGIES'
    }
    for name, parent in roots.items():
        child = getattr(registry, name)
        assert child.parent is parent
        assert child.scope == 'tsjnet_mm'


def test_models_build_from_another_library_without_an_import_by_hand():
    code = (
        'from mmdet.registry import MODELS\n'
        "fusor = MODELS.build(dict(type='tsjnet_mm.AverageFusor'))\n"
        'print(type(fusor).__module__)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == 'tsjnet_mm.models.fusors.classical', done.stderr
