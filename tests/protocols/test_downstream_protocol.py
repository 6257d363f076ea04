import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from tsjnet_mm.datasets import MSRSDataset
from tsjnet_mm.protocols.downstream_config import fit_detection_config, fit_segmentation_config
from tsjnet_mm.protocols.downstream_protocol import Protocol, RunFailed, installed_tool

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'downstream'
BOXES = [(0, 4.0, 4.0, 24.0, 20.0), (2, 10.0, 10.0, 30.0, 22.0)]


@pytest.fixture
def data(pair_folder, tmp_path):
    """MSRS in small, and a method's grey images."""
    for split, stems in (('train', ('1', '2')), ('test', ('3', '4', '5'))):
        folder = pair_folder(
            stems=stems,
            root=f'msrs/{split}',
            boxes=BOXES,
            seg_classes=9,
            masks='Segmentation_labels',
        )
        (tmp_path / 'ours' / split).mkdir(parents=True)
        for stem in stems:
            image = Image.open(folder / 'ir' / f'{stem}.png')
            image.save(tmp_path / 'ours' / split / f'{stem}.png')
    return tmp_path


def folds(data, annotations):
    return [
        {
            split: MSRSDataset(
                data_root=str(data / 'msrs'), split=split, annotations=[annotations]
            )
            for split in ('train', 'test')
        }
    ]


def find_what_is_true(library, config, folder, gpus):
    """In place of training. The truth is found in full, but by 'infrared' only half of it."""
    cfg = Config.fromfile(config)
    Path(cfg.work_dir).mkdir(exist_ok=True)
    Path(cfg.work_dir, 'last_checkpoint').write_text('none')
    cfg.load_from = str(Path(cfg.work_dir, 'epoch_20.pth'))  # as the Runner does that tests
    Path(cfg.work_dir, Path(config).name).write_text(cfg.pretty_text)
    half = 'infrared' in Path(folder).parts
    if library == 'mmdet':
        truth = json.loads(Path(cfg.test_evaluator.ann_file).read_text())
        found = [
            {key: item[key] for key in ('image_id', 'category_id', 'bbox')} | {'score': 0.9}
            for item in truth['annotations']
            if not half or item['category_id'] == truth['categories'][0]['id']
        ]
        Path(f'{cfg.test_evaluator.outfile_prefix}.bbox.json').write_text(json.dumps(found))
        return
    masks = Path(cfg.test_evaluator.output_dir)
    masks.mkdir()
    for path in Path(folder, 'data', 'ann_dir', 'test').glob('*.png'):
        mask = np.asarray(Image.open(path)).copy()
        mask[:, : mask.shape[1] // 2 if half else 0] = 0
        Image.fromarray(mask).save(masks / path.name)


def protocol(data, task, run=find_what_is_true, **options):
    annotations, config = {
        'detection': ('boxes', 'faster-rcnn_r18_fpn_20e_toy.py'),
        'segmentation': ('masks', 'deeplabv3plus_r18_20e_toy.py'),
    }[task]
    options = {
        'methods': {'ours': data / 'ours'},
        'work_dir': data / 'work',
        'cfg_options': {'train_dataloader.batch_size': 2},
        **options,
    }
    return Protocol(
        task, folds=folds(data, annotations), config=CONFIGS / config, run=run, **options
    )


def silent(line):
    pass


def test_detection_rows(data):
    rows, failed = protocol(data, 'detection').scores(silent)
    assert not failed
    assert list(rows) == ['visible', 'infrared', 'ours']
    perfect = {'person': 100, 'bicycle': None, 'car': 100, 'mAP@.5': 100}
    assert rows['ours'] == rows['visible'] == pytest.approx(perfect)
    assert rows['infrared'] == pytest.approx({**perfect, 'car': 0, 'mAP@.5': 50})
    table = protocol(data, 'detection').table(rows)
    assert 'AP@0.5 in percent, 3 images, trained on 2, seed 0' in table
    assert [line.split()[0] for line in table.splitlines()[1:]] == ['method', *rows]


def test_segmentation_rows(data):
    rows, _ = protocol(data, 'segmentation').scores(silent)
    assert rows['ours']['mIoU'] == pytest.approx(100)
    assert 20 < rows['infrared']['mIoU'] < 60
    assert list(rows['ours']) == [*MSRSDataset.METAINFO['seg_classes'], 'mIoU']


def test_every_method_has_one_config_and_its_own_images(data):
    protocol(data, 'detection', seed=7).scores(silent)
    configs = {}
    for name in ('visible', 'infrared', 'ours'):
        folder = data / 'work' / name
        text = (folder / 'config.py').read_text()
        configs[name] = text.replace(str(folder), 'FOLDER')
    assert len(set(configs.values())) == 1
    assert "randomness = {'seed': 7}" in text
    levels = {
        name: np.asarray(Image.open(data / 'work' / name / 'data' / 'test' / '3.png')).astype(
            int
        )
        for name in configs
    }
    source = np.asarray(Image.open(data / 'msrs' / 'test' / 'vi' / '3.png'))
    np.testing.assert_array_equal(levels['visible'], source)
    assert (levels['infrared'] == levels['infrared'][..., :1]).all()
    assert not (
        levels['ours'] == levels['ours'][..., :1]
    ).all()  # its colours are the visible's


def test_what_is_finished_is_not_done_again(data):
    done = []

    def run(library, config, folder, gpus):
        done.append(folder.name)
        if len(done) == 2:
            raise KeyboardInterrupt
        find_what_is_true(library, config, folder, gpus)

    with pytest.raises(KeyboardInterrupt):
        protocol(data, 'detection', run).scores(silent)
    assert done == ['visible', 'infrared']
    rows, _ = protocol(data, 'detection', run).scores(silent)
    assert done == ['visible', 'infrared', 'infrared', 'ours']
    again, _ = protocol(data, 'detection', run).scores(silent)
    assert len(done) == 4
    assert again == rows


def test_other_settings_need_another_folder(data):
    protocol(data, 'detection').scores(silent)
    with pytest.raises(ValueError, match=r'visible holds a run of another config'):
        protocol(data, 'detection', seed=1).scores(silent)
    path = data / 'ours' / 'test' / '4.png'
    Image.fromarray(np.full((24, 32), 9, np.uint8)).save(path)
    with pytest.raises(ValueError, match=r'ours: 1 image has changed'):
        protocol(data, 'detection').scores(silent)
    with pytest.raises(
        ValueError, match=r'ours: images or labels have changed'
    ):  # Nor the second time.
        protocol(data, 'detection').scores(silent)


def test_other_labels_need_another_folder(data):
    protocol(data, 'detection', methods={}).scores(silent)
    path = data / 'msrs' / 'test' / 'labels' / '4.txt'
    path.write_text(path.read_text().splitlines()[0] + '\n')
    with pytest.raises(ValueError, match=r'visible: images or labels have changed since'):
        protocol(data, 'detection', methods={}).scores(silent)


def test_problems_show_before_anything_is_trained(data):
    (data / 'ours' / 'test' / '4.png').unlink()
    with pytest.raises(ValueError, match='none for 1: 4'):
        protocol(data, 'detection', lambda *rest: pytest.fail('trained')).scores(silent)


def test_fewer_images_than_a_batch_that_is_never_incomplete(data):
    with pytest.raises(ValueError, match=r'2 training images .* batch of 4: .*batch_size=2$'):
        protocol(data, 'segmentation', cfg_options=None).scores(silent)
    rows, _ = protocol(data, 'detection', cfg_options=None).scores(silent)  # Drops none.
    assert rows


def test_a_failed_run_does_not_stop_the_others(data):
    def run(library, config, folder, gpus):
        if folder.name == 'infrared':
            raise RunFailed('out of memory (all of it: log.txt)')
        find_what_is_true(library, config, folder, gpus)

    lines = []
    rows, failed = protocol(data, 'detection', run).scores(lines.append)
    assert failed == ['infrared']
    assert list(rows) == ['visible', 'ours']
    assert 'infrared: failed: out of memory (all of it: log.txt)' in lines


def test_folds_are_averaged(data):
    base = folds(data, 'boxes')[0]
    swapped = {'train': base['test'], 'test': base['train']}

    def run(library, config, folder, gpus):
        find_what_is_true(library, config, folder, gpus)
        if folder.name == 'fold_2':
            Path(folder, 'results.bbox.json').write_text('[]')

    both = Protocol(
        'detection',
        {},
        [base, swapped],
        CONFIGS / 'faster-rcnn_r18_fpn_20e_toy.py',
        data / 'work',
        run=run,
    )
    rows, _ = both.scores(silent)
    assert rows['visible']['mAP@.5'] == pytest.approx(50)
    assert 'mean of 2 folds' in both.table(rows)
    assert (data / 'work' / 'visible' / 'fold_2' / 'scores.json').is_file()


def test_bad_calls(data):
    with pytest.raises(ValueError, match='task must be one of'):
        Protocol('tracking', {}, [], '', '')
    with pytest.raises(ValueError, match="'visible' cannot be the name"):
        protocol(data, 'detection', methods={'visible': data})
    base = folds(data, 'boxes')[0]
    same = {'train': base['test'], 'test': base['test']}
    with pytest.raises(ValueError, match='fold 1 has 3 pairs both in train and in test'):
        Protocol('detection', {}, [same], '', data)


def test_any_detector_config_is_fitted(tmp_path):
    """YOLOX wraps its dataset, and its head counts 80 classes."""
    cfg = Config.fromfile(CONFIGS / 'yolox_m_300e_m3fd.py')
    fit_detection_config(cfg, tmp_path / 'data', {'classes': ('a', 'b')}, tmp_path)
    assert cfg.model.bbox_head.num_classes == 2
    wrapper = cfg.train_dataloader.dataset
    assert wrapper.type == 'MultiImageMixDataset'
    assert [step.type for step in wrapper.pipeline][:2] == ['Mosaic', 'RandomAffine']
    assert wrapper.dataset.type == 'CocoDataset'
    assert wrapper.dataset.ann_file == 'annotations/train.json'
    assert wrapper.dataset.metainfo.classes == ('a', 'b')
    assert wrapper.dataset.pipeline[0].type == 'LoadImageFromFile'
    assert cfg.test_dataloader.dataset.data_prefix == {'img': 'test/'}
    assert cfg.test_evaluator.ann_file == str(tmp_path / 'data' / 'annotations' / 'test.json')
    assert cfg.train_dataloader.batch_size == 16
    assert cfg.optim_wrapper.optimizer.lr == 0.01
    assert cfg.max_epochs == 300


def test_any_segmentor_config_is_fitted(tmp_path):
    cfg = Config.fromfile(
        installed_tool('mmseg', 'train.py').parents[1]
        / 'configs/bisenetv1/bisenetv1_r18-d32_4xb4-160k_cityscapes-1024x1024.py'
    )
    names = {'seg_classes': ('road', 'car', 'person'), 'seg_palette': [(0, 0, 0)] * 3}
    fit_segmentation_config(cfg, tmp_path / 'data', names, tmp_path)
    heads = [cfg.model.decode_head, *cfg.model.auxiliary_head]
    assert [head.num_classes for head in heads] == [3, 3, 3]
    dataset = cfg.train_dataloader.dataset
    assert dataset.type == 'BaseSegDataset'
    assert dataset.data_prefix == {'img_path': 'img_dir/train', 'seg_map_path': 'ann_dir/train'}
    assert len(dataset.pipeline) > 3
    assert cfg.test_evaluator.output_dir == str(tmp_path / 'masks')
