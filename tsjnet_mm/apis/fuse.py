"""Fusing files: from two paths to a picture on disk."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tsjnet_mm.datasets import PairedFusionDataset
from tsjnet_mm.datasets.errors import PairError
from tsjnet_mm.datasets.image_io import IMAGE_EXTENSIONS, read_infrared, read_visible
from tsjnet_mm.utils import recolour, whole_file


def find_pairs(ir, vi):
    """Pairs of files.

    Args:
        ir (str | Path): An image, or a folder of them.
        vi (str | Path): The same of the visible images, which pair by file stem.

    Returns:
        list[tuple[str, str, str]]: Stem of the visible image, infrared path, visible path.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: A folder comes with a file.
        PairError: A file has no partner, or partners differ in size.
    """
    ir, vi = Path(ir), Path(vi)
    for path in (ir, vi):
        if not path.exists():
            raise FileNotFoundError(f'no such file or folder: {path}')
    if ir.is_dir() != vi.is_dir():
        raise ValueError(f'give two files or two folders, got {ir} and {vi}')
    if ir.is_dir():
        dataset = PairedFusionDataset(
            data_prefix={'ir': str(ir), 'vi': str(vi)}, annotations=[], test_mode=True
        )
        infos = (dataset.get_data_info(index) for index in range(len(dataset)))
        return [(info['img_id'], info['ir_path'], info['vi_path']) for info in infos]
    for path in (ir, vi):
        if path.suffix.lower() not in IMAGE_EXTENSIONS:
            raise PairError.of(
                'not an image', path, f'one of {", ".join(IMAGE_EXTENSIONS)}', path.suffix
            )
    return [(vi.stem, str(ir), str(vi))]


@torch.no_grad()
def fuse_files(fusor, ir_path, vi_path, colour=True):
    """Fuse two image files.

    Args:
        fusor (BaseFusor): See :func:`tsjnet_mm.apis.init_fusor`.
        ir_path (str): Infrared image; 1 or 3 channels, 8 or 16 bits.
        vi_path (str): Visible image of the same size; grey or colour.
        colour (bool): Give the fused luma the visible image's chroma. Defaults to True.

    Returns:
        np.ndarray: (H, W, 3) RGB, or (H, W) grey, uint8.

    Raises:
        PairError: A file cannot be read, or the sizes differ.
    """
    ir, vi = read_infrared(ir_path), read_visible(vi_path)
    if ir.shape != vi.shape[:2]:
        raise PairError.of(
            'different sizes',
            ir_path,
            f'{vi.shape[1]}x{vi.shape[0]} as {vi_path}',
            f'{ir.shape[1]}x{ir.shape[0]}',
        )
    device = fusor.data_preprocessor.device
    ir = torch.from_numpy(ir)[None, None].to(device)
    vi = torch.from_numpy(vi).permute(2, 0, 1)[None].to(device)
    fused = fusor.fuse(ir, vi)
    if colour:
        fused = recolour(fused, vi)
    array = (fused[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return array if colour else array[..., 0]


def save_image(image, path):
    """Write an image as a whole or not at all.

    Args:
        image (np.ndarray): (H, W, 3) RGB or (H, W), uint8.
        path (str | Path): The file; its extension names the format.
    """
    with whole_file(path) as partial:
        Image.fromarray(np.ascontiguousarray(image)).save(partial)
