import importlib
import importlib.util
import inspect
from pathlib import Path

import pytest

from tsjnet_mm.utils.moved import MOVED_MODULES


@pytest.mark.parametrize(
    'old, new, name',
    [
        ('tsjnet_mm.datasets.image_io', 'tsjnet_mm.io.images', 'read_infrared'),
        ('tsjnet_mm.datasets.errors', 'tsjnet_mm.io.errors', 'PairError'),
        ('tsjnet_mm.apis.pairs', 'tsjnet_mm.io.pairs', 'find_pairs'),
        ('tsjnet_mm.evaluation.folders', 'tsjnet_mm.io.names', 'match_names'),
        ('tsjnet_mm.evaluation.functional', 'tsjnet_mm.metrics', 'ssim'),
        ('tsjnet_mm.evaluation.functional.qabf', 'tsjnet_mm.metrics.qabf', 'qabf'),
        ('tsjnet_mm.models.fusors.zoo.ship', 'tsjnet_mm.models.peers.ship', 'SHIP'),
        ('tsjnet_mm.apis.labels.grabcut', 'tsjnet_mm.labels.grabcut', 'cv2'),
        # The package moved first, and then the module was renamed.
        ('tsjnet_mm.apis.labels.sheet', 'tsjnet_mm.labels.review_sheets', 'draw_sheets'),
        (
            'tsjnet_mm.models.losses.ssim',
            'tsjnet_mm.models.losses.structural_similarity',
            'ssim_loss',
        ),
    ],
)
def test_old_names_work_and_warn(old, new, name):
    module = importlib.import_module(old)
    with pytest.warns(DeprecationWarning) as caught:
        found = getattr(module, name)
    assert f'is now {new};' in str(caught[0].message)
    assert found is getattr(importlib.import_module(new), name)


@pytest.mark.parametrize(
    'old, name, key, part',
    [
        ('apis', 'CLASSICAL_FUSORS', 'laplacian', {'type': 'LaplacianPyramidFusor'}),
        ('apis', 'PRESETS', 'tsjnet-light', '_base_/models/tsjnet_light.py'),
        ('models.fusors.presets', 'CLASSICAL_FUSORS', 'max', {'type': 'MaxFusor'}),
        ('models.fusors.presets', 'PRESETS', 'tsjnet-light', '_base_/models/tsjnet_light.py'),
    ],
)
def test_old_dictionaries_of_models(old, name, key, part):
    module = importlib.import_module(f'tsjnet_mm.{old}')
    with pytest.warns(DeprecationWarning, match='list_models') as caught:
        found = getattr(module, name)
    assert found[key] == part
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]
    with pytest.raises(AttributeError):
        module.NEVER_THERE


def test_old_peers_and_published_weights():
    with pytest.warns(DeprecationWarning, match='list_models'):
        from tsjnet_mm.models.peers import PEERS
    assert PEERS['ifcnn-sum'].fusor == {'type': 'IFCNN', 'rule': 'sum'}
    with pytest.raises(ValueError):
        PEERS['ifcnn-sum'].convert({'other': 1})
    with pytest.warns(DeprecationWarning, match='list_models'):
        from tsjnet_mm.models.fusors.hub import PUBLISHED
    assert PUBLISHED['tsjnet-light'].file.startswith('tsjnet-light-')
    assert not PUBLISHED['tsjnet-light'].url
    assert (
        PUBLISHED['tsjnet-light'].file.split('-')[2][:8] == PUBLISHED['tsjnet-light'].sha256[:8]
    )


def test_old_name_of_the_timer():
    with pytest.warns(DeprecationWarning, match='SideBySideTimer'):
        from tsjnet_mm.protocols.timing import Contest
    from tsjnet_mm.protocols.timing import SideBySideTimer

    assert Contest is SideBySideTimer


@pytest.mark.parametrize(('old', 'new'), MOVED_MODULES.items())
def test_every_old_module_has_a_new_one(old, new):
    assert importlib.util.find_spec(f'tsjnet_mm.{new}') is not None
    assert importlib.util.find_spec(f'tsjnet_mm.{old}') is not None


@pytest.mark.parametrize(
    'name', ['fuse_video', 'FusedVideo', 'FusePair', 'temporal_difference']
)
def test_names_that_left_apis(name):
    apis = importlib.import_module('tsjnet_mm.apis')
    with pytest.warns(DeprecationWarning, match=name):
        found = getattr(apis, name)
    assert found.__name__ == name


@pytest.mark.parametrize('old', MOVED_MODULES)
def test_no_old_module_hides_what_a_package_has_under_that_name(old):
    """To import it would set it in its package, in the place of the function of that name."""
    parent, _, name = f'tsjnet_mm.{old}'.rpartition('.')
    found = vars(importlib.import_module(parent)).get(name)
    assert found is None or inspect.ismodule(found)
