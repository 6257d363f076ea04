"""Folder layouts of datasets that unchanged mmdet and mmseg train on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from tsjnet_mm.datasets.label_writers import write_coco, write_voc
from tsjnet_mm.datasets.transforms import LoadPairAnnotations
from tsjnet_mm.io.text import read_text
from tsjnet_mm.utils import whole_file, write_whole


def _write_list(path, stems):
    write_whole(path, ''.join(f'{stem}\n' for stem in stems))


class ExportLayout(ABC):
    """Paths of the files of a dataset, and the config that reads them.

    Args:
        root (Path): The dataset's folder.
        metainfo (dict): ``classes`` and ``palette``, ``seg_classes`` and ``seg_palette``.
    """

    #: What a pair must have: a key of its data_info, and in words.
    needs = ('instances', 'boxes')
    #: Where ``metainfo`` has the names and the colours of what is learned.
    names = ('classes', 'palette')
    #: The validation's evaluator in a config, where the usual one does not fit.
    evaluator = None

    def __init__(self, root: Path, metainfo: dict) -> None:
        self.root = root
        self.metainfo = metainfo

    @property
    def classes(self) -> tuple[str, ...]:
        """tuple[str, ...]: Names of what is learned."""
        return tuple(self.metainfo[self.names[0]])

    @abstractmethod
    def image_path(self, split: str, stem: str) -> Path:
        """Path of an image."""

    def check(self, split: str, stems: Sequence[str]) -> None:  # noqa: B027 most layouts have a folder for each split
        """Raise a ValueError if these images conflict with existing ones.

        Args:
            split (str): Name of the split.
            stems (Sequence[str]): Its images.
        """

    @abstractmethod
    def label_paths(self, split: str, stems: Sequence[str]) -> list[Path]:
        """list[Path]: The files that :meth:`write_labels` writes of these images."""

    @abstractmethod
    def write_labels(self, split: str, infos: Sequence[dict]) -> None:
        """Write the labels of a split; the file that lists its images comes last.

        Args:
            split (str): Name of the split.
            infos (Sequence[dict]): data_info of each pair.
        """

    @abstractmethod
    def dataset_options(self, split: str) -> dict:
        """Options of the dataset in a config, besides ``data_root`` and ``metainfo``."""

    def config_lines(self, splits: Sequence[str]) -> list[str]:
        """Lines to paste at the end of a config.

        Args:
            splits (Sequence[str]): The splits that there are. 'train' is trained on, else the
                first; 'val' validated on and 'test' tested on, else either, else the last.

        Returns:
            list[str]: Python. They replace the datasets of a config that has
            ``train_dataloader``, ``val_dataloader`` and ``test_dataloader`` of one dataset
            each.
        """
        chosen = {
            'train': next((split for split in splits if split == 'train'), splits[0]),
            'val': next((split for split in ('val', 'test') if split in splits), splits[-1]),
            'test': next((split for split in ('test', 'val') if split in splits), splits[-1]),
        }
        metainfo = {'classes': self.classes}
        palette = self.metainfo.get(self.names[1])
        if palette:
            metainfo['palette'] = [tuple(colour) for colour in palette]
        lines = [
            f'# and num_classes={len(self.classes)} in the heads of the model',
            f'data_root = {self.root.resolve().as_posix() + "/"!r}',
            f'metainfo = dict({_arguments(metainfo)})',
        ]
        for role, split in chosen.items():
            if role == 'test' and split == chosen['val']:
                lines.append('test_dataloader = val_dataloader')
                continue
            options = _arguments(self.dataset_options(split))
            lines.append(f'{role}_dataloader = dict(dataset=dict(')
            lines.append(f'    data_root=data_root, metainfo=metainfo, {options}))')
        if self.evaluator is not None:
            lines.append(f'val_evaluator = {self.evaluator.format(split=chosen["val"])}')
            lines.append(f'test_evaluator = {self.evaluator.format(split=chosen["test"])}')
        return lines


def _arguments(options):
    return ', '.join(
        f'{key}=dict({_arguments(value)})' if isinstance(value, dict) else f'{key}={value!r}'
        for key, value in options.items()
    )


class CocoLayout(ExportLayout):
    """``<split>/<stem>.png`` and ``annotations/<split>.json``: mmdet's ``CocoDataset``."""

    evaluator = "dict(ann_file=data_root + 'annotations/{split}.json')"

    def image_path(self, split: str, stem: str) -> Path:
        """See :meth:`ExportLayout.image_path`."""
        return self.root / split / f'{stem}.png'

    def label_paths(self, split: str, stems: Sequence[str]) -> list[Path]:
        """See :meth:`ExportLayout.label_paths`."""
        return [self.root / 'annotations' / f'{split}.json']

    def write_labels(self, split: str, infos: Sequence[dict]) -> None:
        """See :meth:`ExportLayout.write_labels`."""
        images = [
            {**info, 'file_name': self.image_path(split, info['img_id']).name} for info in infos
        ]
        write_coco(self.root / 'annotations' / f'{split}.json', images, self.classes)

    def dataset_options(self, split: str) -> dict:
        """See :meth:`ExportLayout.dataset_options`."""
        return {
            'type': 'CocoDataset',
            'ann_file': f'annotations/{split}.json',
            'data_prefix': {'img': f'{split}/'},
        }


class VocLayout(ExportLayout):
    """``VOC2007/{JPEGImages,Annotations,ImageSets/Main}``: mmdet's ``XMLDataset``.

    That dataset knows no other extension than ``.jpg``. The images are PNG under that name,
    so nothing is lost: OpenCV and Pillow, and with them mmcv by default, go by the content.

    ``VOCDataset`` reads the same, but where its path has VOC2007 in it the evaluation prints
    the names of Pascal VOC's own classes.
    """

    evaluator = "dict(_delete_=True, type='VOCMetric', metric='mAP', eval_mode='area')"

    def __init__(self, root: Path, metainfo: dict) -> None:
        super().__init__(root, metainfo)
        self._folder = root / 'VOC2007'

    def image_path(self, split: str, stem: str) -> Path:
        """See :meth:`ExportLayout.image_path`."""
        return self._folder / 'JPEGImages' / f'{stem}.jpg'

    def check(self, split: str, stems: Sequence[str]) -> None:
        """Refuse names that another split has: all splits share the folders."""
        for path in sorted((self._folder / 'ImageSets' / 'Main').glob('*.txt')):
            if path.stem == split:
                continue
            both = {*read_text(path).split('\n')} & {*stems}
            if both:
                raise ValueError(
                    f'{path}: {min(both)} is in the split {path.stem} too, and the VOC layout '
                    f'has one folder for all splits: export {split} to another folder'
                )

    def label_paths(self, split: str, stems: Sequence[str]) -> list[Path]:
        """See :meth:`ExportLayout.label_paths`."""
        labels = [self._folder / 'Annotations' / f'{stem}.xml' for stem in stems]
        return [*labels, self._folder / 'ImageSets' / 'Main' / f'{split}.txt']

    def write_labels(self, split: str, infos: Sequence[dict]) -> None:
        """See :meth:`ExportLayout.write_labels`."""
        stems = [info['img_id'] for info in infos]
        for stem, info in zip(stems, infos, strict=True):
            write_voc(
                self._folder / 'Annotations' / f'{stem}.xml',
                info['instances'],
                (info['height'], info['width']),
                self.classes,
                f'{stem}.jpg',
                for_mmdet=True,
            )
        _write_list(self._folder / 'ImageSets' / 'Main' / f'{split}.txt', stems)

    def dataset_options(self, split: str) -> dict:
        """See :meth:`ExportLayout.dataset_options`."""
        return {
            'type': 'XMLDataset',
            'ann_file': f'VOC2007/ImageSets/Main/{split}.txt',
            'data_prefix': {'sub_data_root': 'VOC2007/'},
        }


class MmsegLayout(ExportLayout):
    """``img_dir/<split>``, ``ann_dir/<split>`` and ``splits/<split>.txt``: ``BaseSegDataset``.

    The masks are grey PNG of class indices, 255 to be ignored.
    """

    needs = ('seg_map_path', 'masks')
    names = ('seg_classes', 'seg_palette')

    def image_path(self, split: str, stem: str) -> Path:
        """See :meth:`ExportLayout.image_path`."""
        return self.root / 'img_dir' / split / f'{stem}.png'

    def label_paths(self, split: str, stems: Sequence[str]) -> list[Path]:
        """See :meth:`ExportLayout.label_paths`."""
        masks = [self.root / 'ann_dir' / split / f'{stem}.png' for stem in stems]
        return [*masks, self.root / 'splits' / f'{split}.txt']

    def write_labels(self, split: str, infos: Sequence[dict]) -> None:
        """See :meth:`ExportLayout.write_labels`."""
        load = LoadPairAnnotations(with_boxes=False)
        for info in infos:
            size = info['height'], info['width']
            mask = load({**info, 'img_shape': size})['gt_seg_map']
            with whole_file(self.root / 'ann_dir' / split / f'{info["img_id"]}.png') as partial:
                Image.fromarray(mask).save(partial)
        _write_list(self.root / 'splits' / f'{split}.txt', [info['img_id'] for info in infos])

    def dataset_options(self, split: str) -> dict:
        """See :meth:`ExportLayout.dataset_options`."""
        return {
            'type': 'BaseSegDataset',
            'ann_file': f'splits/{split}.txt',
            'data_prefix': {
                'img_path': f'img_dir/{split}',
                'seg_map_path': f'ann_dir/{split}',
            },
            'img_suffix': '.png',
            'seg_map_suffix': '.png',
            'reduce_zero_label': False,
        }


#: The layouts by name.
EXPORT_LAYOUTS: dict[str, type[ExportLayout]] = {
    'coco': CocoLayout,
    'voc': VocLayout,
    'mmseg': MmsegLayout,
}


def build_layout(name: str, root: str | Path, metainfo: dict) -> ExportLayout:
    """Make a layout.

    Args:
        name (str): 'coco', 'voc' or 'mmseg'.
        root (str | Path): The dataset's folder.
        metainfo (dict): See :class:`ExportLayout`.

    Returns:
        ExportLayout: Of this name.

    Raises:
        ValueError: There is no such layout.
    """
    if name not in EXPORT_LAYOUTS:
        raise ValueError(f'layout must be one of {", ".join(EXPORT_LAYOUTS)}, got {name!r}')
    return EXPORT_LAYOUTS[name](Path(root), metainfo)
