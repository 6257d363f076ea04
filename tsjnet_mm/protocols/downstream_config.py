"""Change any mmdet or mmseg config to use an exported dataset."""

from pathlib import Path

from mmengine.config import Config, ConfigDict

_LOADERS = {'train_dataloader': 'train', 'val_dataloader': 'test', 'test_dataloader': 'test'}
#: What a dataset keeps of its config; all else says where the data are.
_KEPT = ('type', 'pipeline', 'filter_cfg', 'test_mode', 'batch_shapes_cfg', '_scope_')


def _leaf_datasets(node):
    """Configs of datasets that read files, below wrappers such as MultiImageMixDataset."""
    if isinstance(node, (list, tuple)):
        for item in node:
            yield from _leaf_datasets(item)
    elif isinstance(node, dict):
        inner = node.get('dataset') or node.get('datasets')
        if inner is not None:
            yield from _leaf_datasets(inner)
        else:
            yield node


def _set_everywhere(node, key, value):
    if isinstance(node, dict):
        if key in node:
            node[key] = value
        for item in node.values():
            _set_everywhere(item, key, value)
    elif isinstance(node, (list, tuple)):
        for item in node:
            _set_everywhere(item, key, value)


def _replace(dataset, default_type, **entries):
    kept = {key: dataset[key] for key in _KEPT if key in dataset}
    if not kept.get('type', '').endswith(default_type):
        kept['type'] = default_type
    dataset.clear()
    dataset.update(kept, **entries)


def _fit(cfg, dataset_type, entries, classes, palette, evaluator, outputs):
    """Set datasets to ``entries(split)``, the number of classes, and the evaluators."""
    metainfo = {'classes': tuple(classes), **({'palette': palette} if palette else {})}
    for name, split in _LOADERS.items():
        for dataset in _leaf_datasets(cfg[name].dataset):
            _replace(dataset, dataset_type, **entries(split), metainfo=metainfo)
    cfg.val_evaluator = ConfigDict(evaluator)
    cfg.test_evaluator = ConfigDict(evaluator, **outputs)
    _set_everywhere(cfg.model, 'num_classes', len(classes))


def fit_detection_config(
    cfg: Config, data: str | Path, metainfo: dict, work_dir: str | Path
) -> None:
    """Make a detector's config train and test on a dataset exported in COCO layout.

    Datasets become mmdet's ``CocoDataset`` (a class of another library whose name ends so is
    kept), all heads get the number of classes, and the test writes ``results.bbox.json``.
    Pipelines and schedule are not changed.

    Args:
        cfg (Config): Changed in place.
        data (str | Path): Folder of the export, with the splits train and test.
        metainfo (dict): ``classes``, and perhaps ``palette``.
        work_dir (str | Path): Folder of the run.
    """
    root = Path(data).resolve()

    def entries(split):
        return {
            'data_root': f'{root}/',
            'ann_file': f'annotations/{split}.json',
            'data_prefix': {'img': f'{split}/'},
        }

    evaluator = {
        'type': 'mmdet.CocoMetric',
        'ann_file': str(root / 'annotations' / 'test.json'),
        'metric': 'bbox',
    }
    outputs = {'outfile_prefix': str(Path(work_dir).resolve() / 'results')}
    classes, palette = metainfo['classes'], metainfo.get('palette')
    _fit(cfg, 'CocoDataset', entries, classes, palette, evaluator, outputs)


def fit_segmentation_config(
    cfg: Config, data: str | Path, metainfo: dict, work_dir: str | Path
) -> None:
    """Make a segmentor's config train and test on a dataset exported in mmseg's layout.

    Datasets become ``BaseSegDataset``, all heads get the number of classes, and the test
    writes its predictions to ``masks/``.

    Args:
        cfg (Config): Changed in place.
        data (str | Path): Folder of the export, with the splits train and test.
        metainfo (dict): ``seg_classes``, and perhaps ``seg_palette``.
        work_dir (str | Path): Folder of the run.
    """

    def entries(split):
        return {
            'data_root': str(Path(data).resolve()),
            'data_prefix': {'img_path': f'img_dir/{split}', 'seg_map_path': f'ann_dir/{split}'},
            'img_suffix': '.png',
            'seg_map_suffix': '.png',
        }

    evaluator = {'type': 'mmseg.IoUMetric', 'iou_metrics': ['mIoU']}
    outputs = {'output_dir': str(Path(work_dir).resolve() / 'masks')}
    classes, palette = metainfo['seg_classes'], metainfo.get('seg_palette')
    _fit(cfg, 'BaseSegDataset', entries, classes, palette, evaluator, outputs)
