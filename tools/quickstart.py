"""The whole loop in minutes, on two CPU cores, without a download.

Draws a toy dataset, trains the shipped network on it jointly with a small detector and a small
segmentor, measures it, the shipped network and three classical fusors, and lays a contact sheet
out. What a finished or interrupted run left is not done again.
"""

import sys
from pathlib import Path

from tsjnet_mm.cli.program import ToolParser, tool
from tsjnet_mm.io.text import expect, parse_json, read_lines
from tsjnet_mm.utils.guarded import run_process

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'tsjnet' / 'tsjnet_light_joint_4e_toy.py'
#: Other rows of the table: the shipped network, the classical fusor to beat, two trivial ones.
METHODS = ('tsjnet-light', 'laplacian', 'average', 'max')
READING = """\
How to read the tables. {trained} is the shipped network, tsjnet-light, after a joint
training with a detector and a segmentor on 48 drawn pairs: its loss asks it to keep what
they find. The table of drivers says how well they do on the infrared, the visible and the
fused image. They began from random weights, so after minutes they find next to nothing.
tsjnet-light was trained on streets so that its SSIM, MSE, VIF, CC and CV beat those of
laplacian, a tuned pyramid: each of these columns was in its loss (PSNR is MSE's). average
does well in SSIM, MSE and CC because the mean of two images is the nearest to both; VIF, CV
and the contact sheet show what it costs. 16 drawn pairs rank no methods: docs/zoo.md has 180
real ones."""


def run(script: str, *arguments: str | Path) -> None:
    """Run one of the tools, showing the command."""
    command = [script, *map(str, arguments)]
    print(f'\n$ python {" ".join(command)}', flush=True)
    status = run_process([sys.executable, *command], cwd=ROOT)
    if status:
        sys.exit(status)


def epoch_losses(work_dir: Path) -> dict[int, float]:
    """Mean training loss of each epoch, over all runs in the work dir."""
    losses = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for _, line in read_lines(path):
            with expect(path, 'the log of a training, an object a line'):
                record = parse_json(line)
            if 'epoch_loss' in record:
                losses[record['step']] = record['epoch_loss']
    return dict(sorted(losses.items()))


def make_contact_sheet(data: Path, checkpoint: Path, path: Path, count: int = 6) -> None:
    """Infrared, visible, and what each method makes of them, a pair a row."""
    from tsjnet_mm.apis import FusionInferencer, find_pairs
    from tsjnet_mm.io.images import read_infrared, read_visible
    from tsjnet_mm.visualization.sheet import make_sheet, save_png

    fusors = {'trained': FusionInferencer(CONFIG, checkpoint, show_progress=False)}
    for name in METHODS:
        fusors[name] = FusionInferencer(name, show_progress=False)
    pairs = find_pairs(data / 'test' / 'ir', data / 'test' / 'vi')[:count]
    rows = [
        [
            read_infrared(ir),
            read_visible(vi),
            *(fuse(ir, vi)[0] for fuse in fusors.values()),
        ]
        for _, ir, vi in pairs
    ]
    save_png(make_sheet(rows, titles=['infrared', 'visible', *fusors]), path)


@tool()
def main() -> None:
    """Go through the steps that are not done yet."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=ROOT / 'work_dirs' / CONFIG.stem,
        help='folder of logs, checkpoints and results (default: %(default)s)',
    )
    args = parser.parse_args()

    from mmengine.config import Config

    work_dir = args.work_dir.resolve()
    config = Config.fromfile(CONFIG)
    data = ROOT / config.data_root
    checkpoint = work_dir / f'epoch_{config.train_cfg.max_epochs}.pth'
    table, sheet = work_dir / 'metrics.txt', work_dir / 'contact_sheet.png'
    config_path = CONFIG.relative_to(ROOT)

    run('tools/dataset_converters/make_toy.py', '--out', data, '--train', 48)
    if not checkpoint.exists():
        run('tools/train.py', config_path, '--work-dir', work_dir, '--resume')
    if not table.exists() or table.stat().st_mtime < checkpoint.stat().st_mtime:
        run(
            'tools/test.py', config_path, checkpoint, '--work-dir', work_dir, '--out', table,
            '--baselines', *METHODS,
        )  # fmt: skip
    if not sheet.exists() or sheet.stat().st_mtime < checkpoint.stat().st_mtime:
        make_contact_sheet(data, checkpoint, sheet)

    losses = epoch_losses(work_dir)
    print('\nMean training loss of each epoch:')
    print('  '.join(f'{epoch}: {loss:.2f}' for epoch, loss in losses.items()))
    print(f'\nMetrics on the toy test set:\n{table.read_text()}')
    print(READING.format(trained=CONFIG.stem))
    print(f'\nCheckpoint:    {checkpoint}\nContact sheet: {sheet}')
    print(
        '\nFuse your own images:\n  python tools/fuse.py --ir IR --vi VI --out OUT '
        f'--model tsjnet-light --weights {checkpoint}'
    )


if __name__ == '__main__':
    main()
