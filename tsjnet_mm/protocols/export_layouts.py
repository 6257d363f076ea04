"""Folder layouts of datasets that unchanged mmdet and mmseg train on."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from tsjnet_mm.datasets.label_writers import write_coco, write_voc
from tsjnet_mm.datasets.transforms import LoadPairAnnotations
from tsjnet_mm.io.text import read_text
from tsjnet_mm.utils import whole_file, write_whole


class ExportLayout:
    """Paths of the files of a dataset, and the config that reads them.

    Args:
        root (Path): The dataset's folder.
        metainfo (dict): ``classes`` and ``palette``, ``seg_classes`` and ``seg_palette``.
    """

    #: What a pair must have: a key of its data_info, and in words.
    needs = ('instances', 'boxes')
    #: Where ``metainfo`` has the names and the colours of what is learned.
    names = ('classes', 'palette')
    #: Paths of an image, of its label where it has a file of its own, and of the file that
    #: lists the images of a split. ``{split}`` and ``{stem}`` stand for their names.
    image, label, listing = '', '', ''
    #: Options of the dataset in a config, besides ``data_root`` and ``metainfo``.
    options = {}
    #: The validation's evaluator in a config, where the usual one does not fit.
    evaluator = None

    def __init__(self, root: Path, metainfo: dict) -> None:
        self.root = root
        self.metainfo = metainfo

    @property
    def classes(self) -> tuple[str, ...]:
        """tuple[str, ...]: Names of what is learned."""
        return tuple(self.metainfo[self.names[0]])

    def image_path(self, split: str, stem: str) -> Path:
        """Path of an image."""
        return self.root / self.image.format(split=split, stem=stem)

    def check(self, split: str, stems: Sequence[str]) -> None:
        """Raise a ValueError if these images conflict with existing ones.

        Args:
            split (str): Name of the split.
            stems (Sequence[str]): Its images.
        """

    def label_paths(self, split: str, stems: Sequence[str]) -> list[Path]:
        """list[Path]: The files that :meth:`write_labels` writes of these images."""
        paths = [self.label.format(split=split, stem=stem) for stem in stems if self.label]
        return [self.root / path for path in (*paths, self.listing.format(split=split))]

    def write_labels(self, split: str, infos: Sequence[dict]) -> None:
        """Write the labels of a split; the file that lists its images comes last.

        Args:
            split (str): Name of the split.
            infos (Sequence[dict]): data_info of each pair.
        """
        stems = [info['img_id'] for info in infos]
        *paths, listing = self.label_paths(split, stems)
        for path, info in zip(paths, infos, strict=True):
            self.write_label(path, info)
        write_whole(listing, ''.join(f'{stem}\n' for stem in stems))

    def write_label(self, path: Path, info: dict) -> None:
        """Write the label of a pair.

        Args:
            path (Path): The file.
            info (dict): data_info of the pair.
        """
        raise NotImplementedError

    def dataset_options(self, split: str) -> dict:
        """Options of the dataset in a config, besides ``data_root`` and ``metainfo``."""
        return _fill(self.options, split)

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


def _fill(options, split):
    if isinstance(options, dict):
        return {key: _fill(value, split) for key, value in options.items()}
    return options.format(split=split) if isinstance(options, str) else options


class CocoLayout(ExportLayout):
    """``<split>/<stem>.png`` and ``annotations/<split>.json``: mmdet's ``CocoDataset``."""

    image, listing = '{split}/{stem}.png', 'annotations/{split}.json'
    options = {
        'type': 'CocoDataset',
        'ann_file': 'annotations/{split}.json',
        'data_prefix': {'img': '{split}/'},
    }
    evaluator = "dict(ann_file=data_root + 'annotations/{split}.json')"

    def write_labels(self, split: str, infos: Sequence[dict]) -> None:
        """See :meth:`ExportLayout.write_labels`."""
        images = [
            {**info, 'file_name': self.image_path(split, info['img_id']).name} for info in infos
        ]
        (path,) = self.label_paths(split, ())
        write_coco(path, images, self.classes)


class VocLayout(ExportLayout):
    """``VOC2007/{JPEGImages,Annotations,ImageSets/Main}``: mmdet's ``XMLDataset``.

    That dataset knows no other extension than ``.jpg``. The images are PNG under that name,
    so nothing is lost: OpenCV and Pillow, and with them mmcv by default, go by the content.

    ``VOCDataset`` reads the same, but where its path has VOC2007 in it the evaluation prints
    the names of Pascal VOC's own classes.
    """

    image, label = 'VOC2007/JPEGImages/{stem}.jpg', 'VOC2007/Annotations/{stem}.xml'
    listing = 'VOC2007/ImageSets/Main/{split}.txt'
    options = {
        'type': 'XMLDataset',
        'ann_file': 'VOC2007/ImageSets/Main/{split}.txt',
        'data_prefix': {'sub_data_root': 'VOC2007/'},
    }
    evaluator = "dict(_delete_=True, type='VOCMetric', metric='mAP', eval_mode='area')"

    def check(self, split: str, stems: Sequence[str]) -> None:
        """Refuse names that another split has: all splits share the folders."""
        for path in sorted((self.root / self.listing).parent.glob('*.txt')):
            if path.stem == split:
                continue
            both = {*read_text(path).split('\n')} & {*stems}
            if both:
                raise ValueError(
                    f'{path}: {min(both)} is in the split {path.stem} too, and the VOC layout '
                    f'has one folder for all splits: export {split} to another folder'
                )

    def write_label(self, path: Path, info: dict) -> None:
        """See :meth:`ExportLayout.write_label`."""
        size, name = (info['height'], info['width']), f'{info["img_id"]}.jpg'
        write_voc(path, info['instances'], size, self.classes, name, for_mmdet=True)


class MmsegLayout(ExportLayout):
    """``img_dir/<split>``, ``ann_dir/<split>`` and ``splits/<split>.txt``: ``BaseSegDataset``.

    The masks are grey PNG of class indices, 255 to be ignored.
    """

    needs = ('seg_map_path', 'masks')
    names = ('seg_classes', 'seg_palette')
    image, label = 'img_dir/{split}/{stem}.png', 'ann_dir/{split}/{stem}.png'
    listing = 'splits/{split}.txt'
    options = {
        'type': 'BaseSegDataset',
        'ann_file': 'splits/{split}.txt',
        'data_prefix': {'img_path': 'img_dir/{split}', 'seg_map_path': 'ann_dir/{split}'},
        'img_suffix': '.png',
        'seg_map_suffix': '.png',
        'reduce_zero_label': False,
    }

    def write_label(self, path: Path, info: dict) -> None:
        """See :meth:`ExportLayout.write_label`."""
        load = LoadPairAnnotations(with_boxes=False)
        mask = load({**info, 'img_shape': (info['height'], info['width'])})['gt_seg_map']
        with whole_file(path) as partial:
            Image.fromarray(mask).save(partial)


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
