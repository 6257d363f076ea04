"""Every shipped config parses and builds."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData

from tsjnet_mm.models.drivers.network import read_network
from tsjnet_mm.models.fusors import JointFusor
from tsjnet_mm.protocols import ablation
from tsjnet_mm.registry import DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS
from tsjnet_mm.structures import FusionDataSample

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / 'configs' / 'tsjnet').glob('*.py'))


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        yield


def single_datasets(dataset):
    """The data sets in wrappers, or the one that is given."""
    if 'datasets' in dataset:
        return [leaf for part in dataset.datasets for leaf in single_datasets(part)]
    return single_datasets(dataset.dataset) if 'dataset' in dataset else [dataset]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_is_complete(path):
    config = Config.fromfile(path)
    assert config.default_scope == 'tsjnet_mm'
    model = config.model
    fusor = model.fusor if model.type == 'JointFusor' else model
    assert MODELS.build(fusor).min_size == 16
    trains = '_test_' not in path.stem
    assert bool(fusor.get('losses')) == trains
    assert ('train_dataloader' in config) == trains
    for driver in ('detector', 'segmentor'):
        if model.get(driver):
            assert MODELS.get(model[driver].type) is not None
            library = 'mmdet' if driver == 'detector' else 'mmseg'
            given = model[driver].get('config') or model[driver].model.type
            assert given.startswith((f'{library}::', 'EncoderDecoder'))
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if loader in config:
            for dataset in single_datasets(config[loader].dataset):
                assert DATASETS.get(dataset.type) is not None
                for transform in dataset.pipeline:
                    TRANSFORMS.build(transform)
    METRICS.build(config.test_evaluator)
    for hook in [*config.default_hooks.values(), *config.get('custom_hooks', [])]:
        assert HOOKS.get(hook.type) is not None
    # What the runner takes for its own must not be left over from another library's base.
    assert 'data_preprocessor' not in config


def test_labels_are_loaded_just_where_a_driver_reads_them():
    for path in CONFIGS:
        config = Config.fromfile(path)
        if 'train_dataloader' not in config:
            continue
        wanted = []
        if config.model.get('detector'):
            wanted.append('boxes')
        if config.model.get('segmentor'):
            wanted.append('masks')
        for dataset in single_datasets(config.train_dataloader.dataset):
            assert list(dataset.annotations) == wanted, path.name


def test_shipped_weights_never_saw_what_they_are_tested_on():
    splits = ROOT / 'configs' / '_base_' / 'datasets' / 'splits'
    lists = {path.stem: path.read_text().split() for path in splits.glob('*.txt')}
    assert {name: len(stems) for name, stems in lists.items()} == {
        'roadscene_train': 150,
        'roadscene_heldout': 21,
        'msrs_train': 34,
        'msrs_test_half': 180,
        'llvip_train': 32,
        'm3fd_train': 6,
        'm3svd_train': 20,
    }
    assert not set(lists['roadscene_train']) & set(lists['roadscene_heldout'])
    config = Config.fromfile(ROOT / 'configs' / 'tsjnet' / 'tsjnet_light_margin_50e_mixed.py')
    for dataset in single_datasets(config.train_dataloader.dataset):
        assert Path(dataset.ann_file).is_file()
        assert Path(dataset.ann_file).stem.endswith('_train')
        assert dataset.get('split', 'train') == 'train'


@pytest.mark.parametrize('preset', ablation.PRESETS)
def test_ablations_leave_out_what_their_names_say(preset):
    def joint(name):
        path = ROOT / 'configs' / 'tsjnet' / f'tsjnet_{preset}_{name}_40e_msrs.py'
        return Config.fromfile(path).model

    base = joint('joint')
    assert base.detector and base.segmentor and base.fusor.features.detail
    without = joint('joint-wo-dsm').fusor
    assert without.features.detail is None
    assert without.fusion_layer.detail is None
    assert joint('joint-wo-det').detector is None
    assert joint('joint-wo-seg').segmentor is None
    neither = joint('joint-wo-det-seg')
    assert neither.detector is None
    assert neither.segmentor is None


def test_paper_recipe():
    config = Config.fromfile(ROOT / 'configs' / 'tsjnet' / 'tsjnet_official_joint_40e_msrs.py')
    losses = config.model.fusor.losses
    weights = {name: term.get('loss_weight', 1.0) for name, term in losses.items()}
    assert weights == {
        'ssim': 1.0,
        'diversity': 0.1,
        'ir_reconstruction': 6.0,
        'vi_reconstruction': 1.0,
    }
    assert losses.diversity.sign == -1
    assert config.optim_wrapper.type == 'AmpOptimWrapper'
    assert config.optim_wrapper.optimizer == {'type': 'Adam', 'lr': 1e-3}
    assert config.param_scheduler == [
        {'type': 'ReduceOnTrainLossLR', 'factor': 0.1, 'patience': 2}
    ]
    assert config.train_cfg.max_epochs == 40
    assert config.train_dataloader.batch_size == 2
    drivers = {}
    for driver, library in (('detector', 'mmdet'), ('segmentor', 'mmseg')):
        keys = ('config', 'model', 'weights', 'num_classes')
        given = {key: config.model[driver].get(key) for key in keys}
        drivers[driver] = read_network(library, **given).model
    assert drivers['detector'].type == 'FasterRCNN'
    assert drivers['detector'].backbone.depth == 50
    assert drivers['segmentor'].decode_head.type == 'DepthwiseSeparableASPPHead'
    assert drivers['segmentor'].decode_head.num_classes == 9
    assert drivers['segmentor'].backbone.depth == 101
    assert drivers['segmentor'].auxiliary_head is None
    assert not [step for step in config.train_pipeline if 'Resize' in step.type]
    for network in drivers.values():
        assert network.init_cfg.checkpoint.startswith('https://')


def test_second_version_has_the_schedule_of_the_release_and_the_mask():
    name = 'tsjnet_official_joint-second-version_100e_msrs.py'
    config = Config.fromfile(ROOT / 'configs' / 'tsjnet' / name)
    optimizer = {'type': 'Adam', 'lr': 1e-4, 'weight_decay': 0.01}
    assert config.optim_wrapper.optimizer == optimizer
    assert config.optim_wrapper.clip_grad == {'max_norm': 1.0}
    assert config.param_scheduler[0].patience == 3 and config.train_cfg.max_epochs == 100
    loader = config.train_dataloader
    assert (loader.batch_size, loader.drop_last) == (2, True)
    steps = [step.type for step in loader.dataset.pipeline]
    assert steps == ['LoadPair', 'LoadPairAnnotations', 'PackFusionInputs']
    losses = config.model.fusor.losses
    assert (losses.vi_reconstruction.loss_weight, losses.diversity.sign) == (6.0, 1)
    assert config.model.detector.loss_terms == ['loss_rpn_cls', 'loss_rpn_bbox', 'loss_bbox']
    assert config.model.segmentor.frozen is False and config.model.detector.get('frozen', True)


@pytest.mark.parametrize('name', ['ums', 'tno'])
def test_data_sets_of_the_second_version_are_two_folders(name, pair_folder):
    config = Config.fromfile(ROOT / 'configs' / 'tsjnet' / f'tsjnet_official_test_{name}.py')
    given = config.test_dataloader.dataset
    assert given.data_root == f'data/{name.upper()}/'
    given.data_root = str(pair_folder(stems=('1', '2'), size=(24, 32)))
    dataset = DATASETS.build(given)
    assert len(dataset) == 2 and dataset[1]['data_samples'].img_path


@pytest.mark.slow
@pytest.mark.parametrize(
    'name', ['official_joint_40e', 'light_joint_40e', 'official_joint-second-version_100e']
)
def test_one_step_of_the_paper_config_at_reduced_size(name):
    """R50-FPN, R101 and the fusor, forward and backward."""
    path = ROOT / 'configs' / 'tsjnet' / f'tsjnet_{name}_msrs.py'
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(path).model)
    assert isinstance(model, JointFusor)
    model.train()
    before = {name: value.clone() for name, value in model.detector.state_dict().items()}
    samples = []
    for label in (0, 2):
        sample = FusionDataSample(
            metainfo={
                'img_path': 'drawn',
                'img_shape': (96, 128),
                'ori_shape': (96, 128),
                'scale_factor': (1.0, 1.0),
            }
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[10.0, 8.0, 60.0, 80.0]]), labels=torch.tensor([label])
        )
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 9, (1, 96, 128)))
        samples.append(sample)
    inputs = {'ir': [torch.rand(1, 96, 128)] * 2, 'vi': [torch.rand(3, 96, 128)] * 2}
    data = model.data_preprocessor({'inputs': inputs, 'data_samples': samples}, training=True)
    loss, log = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    assert {'det_fused.loss_bbox', 'det_fused.loss_rpn_bbox', 'seg.decode.loss_ce'} < set(log)
    assert ('det_fused.loss_rpn_cls' in log) == ('second' in name)
    for part in (model.fusor, model.segmentor):
        assert [name for name, p in part.named_parameters() if p.grad is None] == []
    assert all(p.grad is None for p in model.detector.parameters())
    torch.testing.assert_close(model.detector.state_dict(), before, rtol=0, atol=0)
