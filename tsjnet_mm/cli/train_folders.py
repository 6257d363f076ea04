"""Training on folders: the arguments, and the config made from them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.files import write_whole
from tsjnet_mm.utils.words import counted

from .arguments import add_source_arguments, source_preparation
from .dataset_arguments import add_encoding_argument, read_names

if TYPE_CHECKING:
    import argparse

#: Options that stand for something where they are not given.
DEFAULTS = {'epochs': 20, 'batch_size': 4, 'crop': 192, 'workers': 2, 'lr': 1e-4}
_LOADING = ('ir_range', 'ir_percentiles', 'ir_celsius', 'ir_unit', 'resize')
_SOURCES = (*_LOADING, 'warp', 'ir_affix', 'vi_affix')
#: Smaller crops have no room for the windows of the loss's metrics.
_MIN_CROP = 64


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what trains on folders instead of a config."""
    data = parser.add_argument_group('folders instead of CONFIG')
    data.add_argument('--ir', metavar='DIR', help='folder of infrared images')
    data.add_argument('--vi', metavar='DIR', help='folder of visible images, paired by name')
    data.add_argument(
        '--boxes',
        metavar='LABELS',
        help='folder of YOLO or VOC labels, or a COCO json: adds a small detector',
    )
    data.add_argument(
        '--masks', metavar='DIR', help='folder of index masks: adds a small segmentor'
    )
    data.add_argument(
        '--out', metavar='DIR', help='folder of the config, the logs and the checkpoints'
    )
    data.add_argument(
        '--classes',
        nargs='+',
        metavar='NAME',
        help='of the boxes in the order of their numbers, or msrs, m3fd or llvip, or a text '
        'file (default: those of the labels)',
    )
    data.add_argument(
        '--seg-classes',
        nargs='+',
        metavar='NAME',
        help='of the masks by index, background first, or msrs, or a text file (default: '
        'background and --classes; where the masks have more, numbers)',
    )
    data.add_argument(
        '--val-ir', metavar='DIR', help='validate on these (default: a tenth of the pairs)'
    )
    data.add_argument('--val-vi', metavar='DIR', help='the visible images of --val-ir')
    add_encoding_argument(data)
    for name, kind, text in (
        ('epochs', int, 'times that each pair is seen'),
        ('batch_size', int, 'crops in a batch'),
        ('crop', int, 'side of the crops, in pixels'),
        ('workers', int, 'processes that load images'),
        ('lr', float, 'learning rate; that of drivers is ten times as large'),
    ):
        data.add_argument(
            f'--{name.replace("_", "-")}',
            type=kind,
            metavar='N' if kind is int else 'RATE',
            help=f'{text} (default: {DEFAULTS[name]})',
        )
    add_source_arguments(parser, percentiles_of='each infrared image')


def check_folder_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where a config and folders are mixed, or something is missing.

    Options that are not given get their values in ``args``.
    """
    of_folders = (
        *('ir', 'vi', 'boxes', 'masks', 'out', 'classes', 'seg_classes', 'val_ir', 'val_vi'),
        *('encoding', *DEFAULTS, *_SOURCES),
    )
    given = [name for name in of_folders if getattr(args, name) not in (None, False)]
    if args.config:
        if given:
            option = f'--{given[0].replace("_", "-")}'
            parser.error(
                f'give CONFIG or folders, not both: {option} goes with --ir and --vi (an entry '
                'of a config is changed by --cfg-options)'
            )
        return
    for name in ('ir', 'vi', 'out'):
        if not getattr(args, name):
            parser.error('expected CONFIG, or --ir DIR --vi DIR --out DIR')
    if args.work_dir:
        parser.error('--work-dir goes with CONFIG: with folders it is --out')
    if args.launcher != 'none':
        parser.error(
            '--launcher goes with CONFIG: give it the config.py that a training on folders '
            'leaves in --out'
        )
    if bool(args.val_ir) != bool(args.val_vi):
        parser.error('--val-ir and --val-vi go together')
    for name, needed in (('classes', 'boxes'), ('seg_classes', 'masks')):
        if getattr(args, name) and not getattr(args, needed):
            parser.error(f'--{name.replace("_", "-")} goes with --{needed}')
    for name, value in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    least = {'epochs': 1, 'batch_size': 2 if args.masks else 1, 'crop': _MIN_CROP, 'workers': 0}
    for name, value in least.items():
        if getattr(args, name) < value:
            why = ' with --masks' if name == 'batch_size' and args.masks else ''
            parser.error(
                f'--{name.replace("_", "-")} must be at least {value}{why}, got '
                f'{getattr(args, name)}'
            )
    if not 0 < args.lr < 1:
        parser.error(f'--lr must lie between 0 and 1, got {args.lr}')


def write_config(args: argparse.Namespace) -> Path:
    """Look at all pairs and labels; write ``config.py`` into ``--out``, and the lists it reads.

    Raises ValueError, FileNotFoundError or PairError where something cannot be trained on, or
    where ``--out`` has the config of another training. Returns the path of the config.
    """
    from tsjnet_mm.datasets import FolderDataset
    from tsjnet_mm.engine.folder_config import folder_config

    out = Path(args.out).absolute()
    options = _dataset_options(args, args.ir, args.vi)
    classes, seg_classes = _classes(args, options)
    metainfo = {'classes': classes, 'seg_classes': seg_classes}
    metainfo = {name: names for name, names in metainfo.items() if names}
    dataset = FolderDataset(**options, metainfo=metainfo, test_mode=True)
    infos = _infos(dataset)
    lists, val = {}, None
    if args.val_ir:
        val = _dataset_options(args, args.val_ir, args.val_vi, labelled=False)
        FolderDataset(**val, test_mode=True)
    elif len(infos) > 1:
        lists = _split(infos)
        val = {**options, 'ann_file': str(out / 'val.txt')}
    train = {**options, 'ann_file': str(out / 'train.txt')} if lists else options
    pairs = len(lists.get('train.txt', infos))
    numbers = {name: getattr(args, name) for name in DEFAULTS}
    texts = {name: '\n'.join([*stems, '']) for name, stems in lists.items()}
    texts['config.py'] = folder_config(
        out, train, val, pairs, classes, seg_classes, _loading(args), **numbers
    )
    _write(out, texts)
    drivers = [
        f'a {name} of {", ".join(names)}'
        for name, names in (('detector', classes), ('segmentor', seg_classes))
        if names
    ]
    words = f' with {" and ".join(drivers)}' if drivers else ', fusion alone'
    print(f'{out / "config.py"}: {counted(pairs, "pair")} to train on{words}')
    return out / 'config.py'


def fusing_command(args: argparse.Namespace, weights: Path) -> str:
    """The command that fuses by the trained ``weights``, to be pasted into a shell."""
    from tsjnet_mm.engine.folder_config import MODEL

    words = ['tsjnet', 'fuse', '--ir', 'IR', '--vi', 'VI', '--out', 'OUT']
    words += ['--model', MODEL, '--weights', str(weights)]
    for name in _SOURCES:
        value = getattr(args, name)
        if value not in (None, False):
            words.append(f'--{name.replace("_", "-")}')
            values = value if isinstance(value, list | tuple) else [value]
            words += [] if value is True else [f'{item}' for item in values]
    return shlex.join(words)


def _dataset_options(args, ir, vi, labelled=True):
    """Options of a FolderDataset."""
    prefix = {'ir': _folder(ir), 'vi': _folder(vi)}
    annotations = [name for name in ('boxes', 'masks') if labelled and getattr(args, name)]
    prefix |= {name: os.path.abspath(getattr(args, name)) for name in annotations}
    found = {'data_prefix': prefix, 'annotations': annotations}
    if args.resize or args.warp:
        found['any_ir_size'] = True
    given = {'ir_affix': args.ir_affix, 'vi_affix': args.vi_affix, 'encoding': args.encoding}
    return found | {name: value for name, value in given.items() if value}


def _folder(path):
    if not os.path.isdir(path):
        raise FileNotFoundError(f'{path}: expected a folder of images, found none')
    return os.path.abspath(path)


def _loading(args):
    """Options of LoadPair; they are checked."""
    source_preparation(args)
    given = {name: getattr(args, name) for name in _LOADING}
    given['homography'] = args.warp and os.path.abspath(args.warp)
    return {name: value for name, value in given.items() if value}


def _given_names(words, encoding):
    """Names that are given one by one, by commas, or in a text file."""
    return read_names(words[0], encoding) if len(words) == 1 else words


def _classes(args, options):
    """Classes of the boxes and of the masks, as given or as the files have them."""
    from tsjnet_mm.datasets import FolderDataset
    from tsjnet_mm.datasets.found_classes import found_classes, last_index
    from tsjnet_mm.labels import box_classes, seg_classes

    boxes, masks = [], []
    if args.boxes:
        path = options['data_prefix']['boxes']
        if not os.path.exists(path):
            raise FileNotFoundError(f'{args.boxes}: expected labels of boxes, found nothing')
        if args.classes:
            boxes = box_classes(_given_names(args.classes, args.encoding))
        else:
            boxes = found_classes(path, encoding=args.encoding)
    if args.masks and args.seg_classes:
        masks, _ = seg_classes(_given_names(args.seg_classes, args.encoding), boxes)
    elif args.masks:
        _folder(args.masks)
        alone = {**options, 'annotations': ['masks'], 'check': False, 'test_mode': True}
        last = last_index(info['seg_map_path'] for info in _infos(FolderDataset(**alone)))
        if not last:
            raise ValueError(f'{args.masks}: expected class indices, found background alone')
        numbered = [f'class_{index}' for index in range(1, last + 1)]
        named = boxes if last <= len(boxes) else numbered
        masks, _ = seg_classes([], named)
    return tuple(boxes), tuple(masks)


def _infos(dataset):
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def _split(infos):
    """Lists of nine tenths and of one tenth, near-duplicates on one side where that works."""
    from tsjnet_mm.datasets.splits import make_split

    pairs = [(info['img_id'], info['ir_path'], info['vi_path']) for info in infos]
    held_out = max(1, round(len(pairs) / 10))
    counts = [len(pairs) - held_out, held_out]
    try:
        return make_split(pairs, counts=counts).lists
    except ValueError:
        print('note: the pairs look alike, so those to validate on are like those to train on')
        return make_split(pairs, counts=counts, threshold=2).lists


def _write(out, texts):
    """Write the files, unless others are there."""
    for name, text in texts.items():
        path = out / name
        if path.exists() and path.read_text(encoding='utf-8') != text:
            raise ValueError(
                f'{path} is of other data or options, or was changed: train it by '
                f'`tsjnet train {shlex.quote(str(out / "config.py"))}`, or take another --out'
            )
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_whole(out / name, text)
