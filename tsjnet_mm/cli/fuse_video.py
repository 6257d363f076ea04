r"""Fuse an infrared and a visible video: two files, two folders of frames, two live sources.

Examples:
    python tools/fuse_video.py --ir ir.mp4 --vi vi.mp4 --out fused.mp4
    python tools/fuse_video.py --ir ir.mp4 --vi vi.mp4 --out fused.mkv     # lossless (FFV1)
    python tools/fuse_video.py --ir frames/ir --vi frames/vi --fps 20 --out fused.mp4 \
        --model tsjnet-light --weights work_dirs/tsjnet_light_joint_40e_msrs/epoch_40.pth
    python tools/fuse_video.py --ir 0 --vi 1 --out fused.mp4               # two cameras
    python tools/fuse_video.py --ir rtsp://user:password@10.0.0.2/ir \
        --vi rtsp://user:password@10.0.0.2/vi --out fused.mp4 --max-frames 1500
    python tools/fuse_video.py --ir rtsp://10.0.0.2/ir --vi 0 --out fused.mp4 --ir-delay 0.12
    python tools/fuse_video.py --ir ir.mp4 --vi vi.mp4 --out fused.mp4 --warp H.json
    python tools/fuse_video.py --ir ir.mp4 --vi vi.mp4 --out fused.mp4 --register auto
    python tools/fuse_video.py --ir raw16.mkv --vi vi.mp4 --out fused.mp4 --ir-range 7000 9000
    python tools/fuse_video.py --ir ir.mp4 --vi vi.mp4 --out fused.mp4 --measure-flicker

Press Ctrl-C to stop: the output then has all frames fused so far. Until the end it is a hidden
file in the folder of --out, so that --out is never incomplete.

Frames of two files are paired by time, so the files must have the same duration; the numbers of
dropped and repeated frames are printed. With --fps they are paired by number. Frames in folders
are paired by name, in natural order (2 before 10). Of live sources each visible frame is paired
with the infrared one that is nearest in time; frames that come faster than they are fused are
dropped, and the file plays at real speed. A lost source is opened anew; meanwhile the file
holds the last frame. The size is that of the visible video, without an odd last row or column.
.mp4 and .mov have MPEG-4, .avi motion JPEG, .mkv FFV1 (lossless). The sound of the visible file
is kept if ffmpeg is installed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.words import counted

from .arguments import (
    add_fusing_arguments,
    add_register_argument,
    add_style_arguments,
    add_temperatures_argument,
    check_arguments,
    check_style,
    make_inferencer,
    source_options,
)
from .program import ToolParser, tool

if TYPE_CHECKING:
    from tsjnet_mm.video.live_frames import LiveOptions


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    source = 'video: file, folder of frames, camera index or URL'
    parser.add_argument('--ir', required=True, help=f'infrared {source}')
    parser.add_argument('--vi', required=True, help=f'visible {source}')
    parser.add_argument('--out', required=True, type=Path, help='video file to write')
    parser.add_argument(
        '--fps', type=float, help="frame rate (default: the visible video's; folders: 25)"
    )
    parser.add_argument('--max-frames', type=int, help='stop after this number of frames')
    parser.add_argument(
        '--grey', action='store_true', help='write the fused luma instead of colour'
    )
    parser.add_argument(
        '--no-temporal-filter',
        action='store_true',
        help='fuse each frame by itself; by default, flicker of still regions is suppressed',
    )
    parser.add_argument('--no-sound', action='store_true', help='leave the sound out')
    parser.add_argument(
        '--measure-flicker',
        action='store_true',
        help='print how much the fused video changes from frame to frame, against its sources',
    )
    add_live_arguments(parser)
    batched = 'frames (except of live sources)'
    add_fusing_arguments(parser, 'the first frame, kept for all', batched)
    add_style_arguments(parser)
    add_temperatures_argument(parser)
    add_register_argument(parser, 'in the first frames and follow it as it drifts')
    args = parser.parse_args()
    if args.register and (args.warp or args.resize):
        parser.error('--register stands alone: give no --warp or --resize with it')
    check_style(parser, args)
    check_arguments(parser, args)
    return args


def add_live_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how live sources are paired; what is not given has the defaults of LiveOptions."""
    live = parser.add_argument_group('two live sources')
    live.add_argument(
        '--lead',
        choices=('vi', 'ir'),
        help='whose frames are each fused, with the nearest in time of the other (default: vi)',
    )
    live.add_argument(
        '--clock',
        choices=('arrival', 'stream'),
        help="a frame's time: when it arrives (default), or the stamp of its device (RTSP)",
    )
    live.add_argument(
        '--ir-delay',
        type=float,
        metavar='SECONDS',
        help='so much later than the visible camera the infrared one delivers a moment',
    )
    live.add_argument(
        '--tolerance',
        type=float,
        metavar='SECONDS',
        help='frames further apart are not paired (default: 0.2)',
    )
    live.add_argument(
        '--reconnect',
        type=int,
        metavar='ATTEMPTS',
        help='in a row, to open a lost source anew, after 0.5 s, 1 s, 2 s, ... (default: 8)',
    )


def live_options(args: argparse.Namespace) -> LiveOptions | None:
    """The arguments of :func:`add_live_arguments`; None where none is given."""
    from tsjnet_mm.video.live_frames import LiveOptions

    names = ('lead', 'clock', 'ir_delay', 'tolerance', 'reconnect')
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    return LiveOptions(**given) if given else None


@tool('before the first frame: nothing was written')
def main() -> None:
    """Fuse the video; status 130 if Ctrl-C ended it."""
    args = parse_args()

    from tsjnet_mm.video.fusing import fuse_video

    done = fuse_video(
        make_inferencer(args),
        args.ir,
        args.vi,
        args.out,
        fps=args.fps,
        max_frames=args.max_frames,
        batch_size=args.batch_size,
        grey=args.grey,
        temporal_filter=not args.no_temporal_filter,
        keep_sound=not args.no_sound,
        measure_flicker=args.measure_flicker,
        overwrite=args.overwrite,
        temperatures=args.temperatures,
        live=live_options(args),
        register=args.register is not None,
        **source_options(args),
    )
    print(
        f'{counted(done.frames, "frame")} of {done.size[0]}x{done.size[1]} at {done.fps:g} '
        f'frames per second in {done.path}, made in {done.seconds:.1f} s'
    )
    for note in done.notes:
        print(note)
    if done.ended_early:
        print(done.ended_early)
    if done.sound:
        print(f'sound: {done.sound}')
    if done.flicker:
        print(done.flicker)
    if done.interrupted:
        raise KeyboardInterrupt('the file holds what was fused until then')
