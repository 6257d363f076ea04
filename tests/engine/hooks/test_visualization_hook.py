import cv2
import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from torch.utils.data import Dataset

from tsjnet_mm.engine.hooks import FusionVisualizationHook, visualization_hook
from tsjnet_mm.registry import HOOKS
from tsjnet_mm.structures import FusionDataSample

SIZE = (24, 32)


class Pairs(Dataset):
    """Pair number n has an infrared level of n / 20."""

    metainfo = {'classes': ('person',), 'seg_classes': ('background',)}

    def __len__(self):
        return 9

    def __getitem__(self, index):
        sample = FusionDataSample(metainfo={'ir_path': f'set/ir/{index:05d}N.png'})
        ir = torch.full((1, *SIZE), index / 20)
        return {
            'inputs': {'ir': ir, 'vi': torch.full((3, *SIZE), 0.2)},
            'data_samples': sample,
        }


class Mean(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, inputs, data_samples, mode='tensor'):
        ir, vi = (torch.stack(list(inputs[name])) for name in ('ir', 'vi'))
        fused = self.weight * (ir + vi[:, :1])
        if mode == 'loss':
            return {'loss': fused.mean()}
        for sample, luma in zip(data_samples, fused.detach(), strict=True):
            sample.fused = PixelData(data=luma)
        return data_samples


class Nothing:
    """An evaluator without metrics."""

    dataset_meta = None

    def process(self, data_samples, data_batch=None):
        pass

    def evaluate(self, size):
        return {}


@pytest.fixture
def make_runner(tmp_path, request):
    def make(hook, train=None, val_interval=1):
        loader = {
            'dataset': Pairs(),
            'batch_size': 2,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        }
        train = train or {'by_epoch': True, 'max_epochs': 3, 'val_interval': val_interval}
        if not train['by_epoch']:
            training = {**loader, 'sampler': {'type': 'InfiniteSampler', 'shuffle': False}}
        else:
            training = dict(loader)
        runner = Runner(
            model=Mean(),
            work_dir=str(tmp_path),
            train_dataloader=training,
            val_dataloader=dict(loader),
            test_dataloader=dict(loader),
            train_cfg=train,
            val_cfg={},
            test_cfg={},
            optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.0}},
            val_evaluator=[],
            test_evaluator=[],
            custom_hooks=[hook],
            default_hooks={'checkpoint': None, 'logger': None},
            visualizer={
                'type': 'FusionVisualizer',
                'vis_backends': [{'type': 'LocalVisBackend'}],
            },
            default_scope='tsjnet_mm',
            log_level='ERROR',
            experiment_name=request.node.name,
        )
        for loop in (runner.val_loop, runner.test_loop):
            loop.evaluator = Nothing()
        return runner

    return make


def drawn(tmp_path):
    return sorted(path.name for path in tmp_path.rglob('vis_image/*.png'))


def infrared(path):
    """Grey level of the first panel."""
    sheet = cv2.imread(str(path))
    return sheet[24 + SIZE[0] // 2, 4 + SIZE[1] // 2].tolist()


def test_is_registered():
    assert HOOKS.get('FusionVisualizationHook') is FusionVisualizationHook


def test_same_spread_pairs_every_epoch(make_runner, tmp_path):
    make_runner({'type': 'FusionVisualizationHook', 'num_samples': 3}).train()
    assert drawn(tmp_path) == [
        f'val_{stem}_{epoch}.png'
        for stem in ('00000N', '00004N', '00008N')
        for epoch in (1, 2, 3)
    ]


def test_sheet_belongs_to_its_pair(make_runner, tmp_path):
    make_runner({'type': 'FusionVisualizationHook', 'num_samples': 9}).val()
    paths = list(tmp_path.rglob('vis_image/*.png'))
    assert len(paths) == 9
    for path in paths:
        index = int(path.name[4:9])
        assert infrared(path) == [round(index / 20 * 255)] * 3
        fused = cv2.imread(str(path))[30, 4 + 2 * (SIZE[1] + 4) + 5]
        assert np.abs(fused.astype(int) - round((index / 20 + 0.2) / 2 * 255)).max() <= 1


def test_first_pairs(make_runner, tmp_path):
    hook = {'type': 'FusionVisualizationHook', 'num_samples': 3, 'spread': False}
    make_runner(hook).val()
    assert drawn(tmp_path) == [f'val_{stem}_0.png' for stem in ('00000N', '00001N', '00002N')]


def test_no_more_pairs_than_there_are(make_runner, tmp_path):
    make_runner({'type': 'FusionVisualizationHook', 'num_samples': 50}).val()
    assert len(drawn(tmp_path)) == 9


@pytest.mark.parametrize(
    ('interval', 'val_interval', 'epochs'),
    [(2, 1, [1, 3]), (3, 1, [1]), (1, 2, [2, 3]), (1, 3, [3])],
)
def test_interval_counts_epochs(make_runner, tmp_path, interval, val_interval, epochs):
    hook = {'type': 'FusionVisualizationHook', 'num_samples': 1, 'interval': interval}
    make_runner(hook, val_interval=val_interval).train()
    assert drawn(tmp_path) == [f'val_00000N_{epoch}.png' for epoch in epochs]


def test_interval_counts_iterations(make_runner, tmp_path):
    train = {'by_epoch': False, 'max_iters': 8, 'val_interval': 2}
    hook = {
        'type': 'FusionVisualizationHook',
        'num_samples': 1,
        'interval': 4,
        'by_epoch': False,
    }
    make_runner(hook, train).train()
    assert drawn(tmp_path) == ['val_00000N_2.png', 'val_00000N_6.png']


def test_other_processes_do_not_draw_in_validation(make_runner, tmp_path, monkeypatch):
    monkeypatch.setattr(visualization_hook, 'is_main_process', lambda: False)
    make_runner({'type': 'FusionVisualizationHook'}).val()
    assert drawn(tmp_path) == []


def test_test_writes_every_pair_to_its_folder(make_runner, tmp_path):
    runner = make_runner({'type': 'FusionVisualizationHook', 'test_out_dir': 'sheets'})
    runner.test()
    folder = tmp_path / runner.timestamp / 'sheets'
    assert sorted(path.name for path in folder.iterdir()) == [
        f'{index:05d}N.png' for index in range(9)
    ]
    assert infrared(folder / '00007N.png') == [round(7 / 20 * 255)] * 3
    assert drawn(tmp_path) == []


def test_test_draws_nothing_by_default(make_runner, tmp_path):
    make_runner({'type': 'FusionVisualizationHook'}).test()
    assert not list(tmp_path.rglob('*.png'))


@pytest.mark.parametrize('name', ['interval', 'num_samples'])
def test_numbers_are_checked(name):
    with pytest.raises(ValueError, match=f'{name} must be at least 1, got 0'):
        FusionVisualizationHook(**{name: 0})
