"""No tool overwrites what it reads, by whatever path the file is named."""

import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

#: Each with the file that it is asked to overwrite, below the folder of the inputs, and the
#: options that would allow it to overwrite any other file.
COMMANDS = {
    'evaluate, homography': (
        'evaluate.py --fused {in}/ours --ir {in}/ir --vi {in}/vi --warp {in}/warp.json '
        '--workers 1 --out {out} --overwrite',
        'warp.json',
    ),
    'evaluate, image': (
        'evaluate.py --fused {in}/ours --ir {in}/ir --vi {in}/vi --workers 1 --out {out} '
        '--overwrite',
        ('ours/001.png', '.md'),
    ),
    'register, points': (
        'register.py --ir {in}/ir --vi {in}/vi --points {in}/points.csv --out {out} '
        '--overwrite',
        'points.csv',
    ),
    'register, preview': (
        'register.py --ir {in}/ir --vi {in}/vi --points {in}/points.csv --out {new}.json '
        '--preview {out} --overwrite',
        'vi/001.png',
    ),
    'fuse': (
        'fuse.py --ir {in}/ir/001.png --vi {in}/vi/001.png --model average --out {out} '
        '--overwrite',
        'vi/001.png',
    ),
    'video': (
        'fuse_video.py --ir {in}/ir --vi {in}/vi --model average --out {out} --overwrite',
        ('vi/001.png', '.mp4'),
    ),
    'grid': (
        'analysis_tools/plot_grid.py --ir {in}/ir --vi {in}/vi --fused ours={in}/ours '
        '--out {out} --overwrite',
        'ours/001.png',
    ),
    'grid, source': (
        'analysis_tools/plot_grid.py --ir {in}/ir --vi {in}/vi --fused ours={in}/ours '
        '--out {out} --overwrite',
        'ir/001.png',
    ),
    'segmentations, truth': (
        'analysis_tools/plot_segmentations.py --ir {in}/ir --vi {in}/vi --truth {in}/masks '
        '--masks a={in}/masks_a --classes a b c --out {out} --overwrite',
        'masks/001.png',
    ),
    'segmentations, masks': (
        'analysis_tools/plot_segmentations.py --ir {in}/ir --vi {in}/vi --truth {in}/masks '
        '--masks a={in}/masks_a --classes a b c --out {out} --overwrite',
        'masks_a/010.png',
    ),
    'detections': (
        'analysis_tools/plot_detections.py --ir {in}/ir --vi {in}/vi '
        '--annotations {in}/truth.json --results a={in}/found.json --out {out} --overwrite',
        'vi/001.png',
    ),
    'detections, annotations': (
        'analysis_tools/plot_detections.py --ir {in}/ir --vi {in}/vi '
        '--annotations {in}/truth.json --results a={in}/found.json --out {out} --overwrite',
        ('truth.json', '.png'),
    ),
    'radar': (
        'analysis_tools/plot_radar.py {in}/results.csv --out {out} --overwrite',
        ('results.csv', '.pdf'),
    ),
    'box': (
        'analysis_tools/plot_box.py {in}/results.csv --out {out} --overwrite',
        ('results.csv', '.png'),
    ),
    'comparison': (
        'analysis_tools/compare_methods.py {in}/results.csv --method ours --out {out} '
        '--overwrite',
        'results.csv',
    ),
    'onnx, weights': (
        'deployment/export_onnx.py --model tsjnet-light --weights {in}/weights.pth --out {out} '
        '--overwrite',
        ('weights.pth', '.onnx'),
    ),
    'onnx, model': (
        'deployment/export_onnx.py --model {in}/model.onnx --out {out} --overwrite',
        'model.onnx',
    ),
    'peer': (
        'model_converters/convert_peer.py seafusion {in}/weights.pth {out} --overwrite',
        'weights.pth',
    ),
    'release': (
        'model_converters/tsjnet_release.py {in}/weights.pth {out} --overwrite',
        'weights.pth',
    ),
    'masks, fused': (
        'generate_labels.py masks --ir {in}/ir --vi {in}/vi --fused {in}/ours --classes car '
        '--boxes {in}/labels --out {folder} --overwrite',
        'ours/001.png',
    ),
    'masks, infrared': (
        'generate_labels.py masks --ir {in}/ir --vi {in}/vi --classes car '
        '--boxes {in}/labels --out {folder} --overwrite',
        'ir/001.png',
    ),
    'masks, confidence': (
        'generate_labels.py masks --ir {in}/ir --vi {in}/vi --classes car '
        '--boxes {in}/labels --scores {in}/review/confidence.json --out {new} '
        '--review {folder} --overwrite',
        'review/confidence.json',
    ),
    'export, images': (
        'export_fused_dataset.py --dataset folder --data-root {in} --classes car '
        '--layout coco --source vi --out {in} --overwrite',
        'vi/001.png',
    ),
    'zoo, weights': (
        'benchmark_zoo.py --ir {in}/ir --vi {in}/vi --models x=average={in}/zoo/costs.json '
        '--out {folder} --overwrite',
        'zoo/costs.json',
    ),
    'zoo, list': (
        'benchmark_zoo.py --ir {in}/ir --vi {in}/vi --models average --pairs {in}/zoo/table.md '
        '--out {folder} --overwrite',
        'zoo/table.md',
    ),
    'zoo, images': (
        'benchmark_zoo.py --ir {in}/zoo --vi {in}/zoo_vi --models average --out {folder} '
        '--overwrite',
        'zoo/grid.png',
    ),
    'ablation': (
        'ablation.py row={in}/config.py --work-dir {new} --out {out} --overwrite',
        ('config.py', '.json'),
    ),
}


@pytest.fixture
def inputs(pair_folder, tmp_path):
    """Everything that a tool may read."""
    folder = pair_folder(root='in', boxes=[(0, 4.0, 4.0, 20.0, 18.0)], seg_classes=3)
    for name, content in (
        ('warp.json', json.dumps({'homography': np.eye(3).tolist(), 'error': 0.1})),
        (
            'points.csv',
            'ir_x,ir_y,vi_x,vi_y\n' + '1,1,1,1\n9,1,9,1\n9,9,9,9\n1,9,1,9\n5,2,5,2\n',
        ),
        ('config.py', 'model = dict(type="AverageFusor")\n'),
        ('review/confidence.json', json.dumps({'settings': {}, 'objects': []})),
        ('zoo/costs.json', json.dumps({'threads': 1, 'costs': {}})),
        ('zoo/table.md', '001\n002\n'),
        (
            'truth.json',
            json.dumps(
                {
                    'images': [{'id': 1, 'file_name': '001.png', 'width': 32, 'height': 24}],
                    'annotations': [
                        {
                            'id': 1,
                            'image_id': 1,
                            'category_id': 1,
                            'bbox': [4, 4, 9, 9],
                            'area': 81,
                            'iscrowd': 0,
                        }
                    ],
                    'categories': [{'id': 1, 'name': 'car'}],
                }
            ),
        ),
        (
            'found.json',
            json.dumps([{'image_id': 1, 'category_id': 1, 'bbox': [4, 4, 9, 9], 'score': 0.9}]),
        ),
        (
            'results.csv',
            'method,image,convention,SSIM,EN,SF\n'
            + ''.join(
                f'{method},{image},plain,0.{image}{extra},{image}.{extra},{extra}.5\n'
                for method, extra in (('ours', 7), ('theirs', 5))
                for image in range(1, 9)
            ),
        ),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    for source, copy in (('vi', 'ours'), ('masks', 'masks_a')):
        (folder / copy).mkdir()
        for path in (folder / source).iterdir():
            (folder / copy / path.name).write_bytes(path.read_bytes())
    (folder / 'zoo_vi').mkdir()
    for name in ('zoo', 'zoo_vi'):
        Image.new('L', (32, 24), 50).save(folder / name / 'grid.png')
    torch.save({'state_dict': {'weight': torch.ones(2)}}, folder / 'weights.pth')
    (folder / 'model.onnx').write_bytes(b'tsjnet_mm.model')
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}


@pytest.mark.parametrize('by', ['itself', 'symlink'])
@pytest.mark.parametrize('name', COMMANDS)
def test_no_tool_writes_over_what_it_reads(name, by, inputs, run_main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command, target = COMMANDS[name]
    target, extension = (target, None) if isinstance(target, str) else target
    target = inputs / target
    out, folder = target, target.parent
    if extension or by == 'symlink':
        if by == 'itself' and '{out}' in command:
            os.link(target, tmp_path / f'link{extension}')  # The same file by another name.
            out = tmp_path / f'link{extension}'
        else:
            out = tmp_path / f'link{extension or target.suffix}'
            out.symlink_to(target)
    if by == 'symlink':
        folder = tmp_path / 'folder'
        folder.symlink_to(target.parent, target_is_directory=True)
    before = contents(tmp_path)
    words = {'in': inputs, 'out': out, 'folder': folder, 'new': tmp_path / 'new'}
    status, _, error = run_main(*(word.format(**words) for word in command.split()))
    assert status in (1, 2), error
    last = error.strip().splitlines()[-1]
    refused = 'would be overwritten', 'so the next run would read it', 'holds the images of'
    assert 'error: ' in last and any(words in last for words in refused)
    assert contents(tmp_path) == before
    assert 'Traceback' not in error
