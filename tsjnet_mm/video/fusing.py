"""Fuse two videos frame by frame; the result can be played also after an interruption."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import itertools
import os
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from tsjnet_mm.io.embedded import find_visible
from tsjnet_mm.io.outputs import check_outputs, list_read, mark_file
from tsjnet_mm.io.pairs import read_pair, to_array
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.thermal import read_measured, write_temperatures
from tsjnet_mm.io.unit_range import single_channel
from tsjnet_mm.registration.drift import DriftFollower
from tsjnet_mm.utils import whole_file
from tsjnet_mm.utils.parallel import read_ahead, thread_map
from tsjnet_mm.utils.words import counted

from .flicker import Flicker, FlickerMeter
from .frame_sources import open_frames
from .live_frames import LiveOptions
from .temporal_filter import TemporalFilter
from .video_files import FileFrames
from .video_writer import VideoWriter, add_sound, set_aspect

if TYPE_CHECKING:
    from tsjnet_mm.apis.inferencer import FusionInferencer


@dataclass
class FusedVideo:
    """Result of fusing a video.

    Attributes:
        path (Path): The file.
        frames (int): Number of frames in it.
        fps (float): Its frame rate.
        size (tuple[int, int]): Its width and height.
        seconds (float): Time that it took.
        interrupted (bool): Whether Ctrl-C ended it.
        ended_early (str | None): Which source ended before the other or before it should.
        sound (str | None): ``'kept'``, or why it was left out; None for a source without sound.
        flicker (Flicker | None): Temporal differences, if they were to be measured.
        notes (tuple[str, ...]): What else became of the frames: those that were left out or
            shown longer, a cut edge, the shape of the pixels, infrared without contrast.
    """

    path: Path
    frames: int
    fps: float
    size: tuple[int, int]
    seconds: float
    interrupted: bool
    ended_early: str | None
    sound: str | None
    flicker: Flicker | None
    notes: tuple[str, ...] = ()


def _fix_range(frames, preparation):
    """Take infrared percentiles from the first frame with a range, and keep them.

    Percentiles of every frame would let one hot object darken and lighten all the others.
    """
    percentiles = preparation.ir_percentiles
    if percentiles is None:
        return frames, preparation
    frames, skipped = iter(frames), []
    for ir, vi in itertools.islice(frames, 100):
        skipped.append((ir, vi))
        measured, read = read_measured(ir, preparation)
        stored = to_array(ir if measured is None else measured, 'infrared frame')
        low, high = np.percentile(single_channel(stored), percentiles)
        if high > low:
            by_degrees = measured is not None and read.ir_unit is not None
            kind = 'ir_celsius' if by_degrees else 'ir_range'
            limits = {kind: (float(low), float(high)), 'ir_percentiles': None}
            preparation = dataclasses.replace(preparation, **limits)
            break
    if skipped and preparation.ir_percentiles is not None:
        raise ValueError(
            f'infrared percentiles {tuple(percentiles)} are equal in the first '
            f'{counted(len(skipped), "frame")}: give ir_range=(low, high)'
        )
    return itertools.chain(skipped, frames), preparation


def _prepare(frames, describe, preparation, notes, follower):
    """Yield each pair of frames prepared; of like warnings the first is given, all counted."""
    like = collections.Counter()
    for index, (ir, vi) in enumerate(frames):
        names = describe('infrared', index), describe('visible', index)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            if follower is not None:
                preparation = follower.prepare((ir, vi), index, describe)
            pair = read_pair(f'{index:06d}', ir, vi, preparation, names)
        for warning in caught:
            kind = str(warning.message).replace(names[0], 'infrared').split(':')[0]
            like[kind] += 1
            if like[kind] == 1:
                warnings.warn(str(warning.message), warning.category, stacklevel=2)
        if not index and pair.seen is not None:
            notes.append(
                f'the infrared camera sees {pair.covered:.0%} of the first frame; the rest '
                'shows the visible image'
            )
        yield pair
    if follower is not None and follower.tried:
        notes.append(follower.note())
    notes += [f'{kind}: in {count} frames' for kind, count in like.items() if count > 1]


def _keep_temperatures(pairs, describe, folder, sources, overwrite):
    """Yield each pair after its temperatures are written."""
    for index, pair in enumerate(pairs):
        path = Path(folder) / f'{pair.name}.tif'
        check_outputs([path], sources, overwrite)
        write_temperatures(pair.thermal(), path, describe('infrared', index))
        yield pair


def _fused_frames(
    inferencer, source, frames, batch_size, grey, temporal, preparation, notes, keep, register
):
    """Yield (pair, fused image); frames of files are read in a thread ahead of the fusion."""
    frames, preparation = _fix_range(frames, preparation)
    follower = DriftFollower(preparation) if register else None
    if follower is not None:
        frames = iter(frames)
        frames = itertools.chain(follower.start(frames, source.describe), frames)
    prepared = _prepare(frames, source.describe, preparation, notes, follower)
    if keep is not None:
        prepared = keep(prepared, source.describe)
    if not source.is_live:
        prepared = read_ahead(prepared)
    with contextlib.closing(prepared):
        first, second = itertools.tee(prepared)
        images = inferencer.fuse_pairs(first, batch_size, grey, temporal=temporal)
        for pair, (_, image) in zip(second, images, strict=True):
            yield pair, image


def fuse_video(
    inferencer: FusionInferencer,
    ir: int | str | Path,
    vi: int | str | Path,
    out: str | Path,
    fps: float | None = None,
    max_frames: int | None = None,
    batch_size: int = 1,
    grey: bool = False,
    temporal_filter: bool = True,
    keep_sound: bool = True,
    measure_flicker: bool = False,
    preparation: Preparation | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
    overwrite: bool = False,
    live: LiveOptions | None = None,
    temperatures: str | Path | None = None,
    register: bool = False,
    **options: Any,
) -> FusedVideo:
    """Fuse two videos, two folders of frames or two live sources into a video file.

    Threads read files two frames ahead and write behind the fusion, so memory does not grow
    with the number of frames. Ctrl-C ends the video after the last whole frame and the file is
    finished like any other; an error leaves no file, and an earlier one stays. Of live
    sources the newest frames are fused, and each is written until the next was taken, so that
    the file plays at real speed, independent of the speed of fusion; also through a gap.

    Args:
        inferencer (FusionInferencer): Fuses; its ``show_progress`` shows frames per second.
        ir (int | str | Path): Infrared source, see :func:`.open_frames`.
        vi (int | str | Path): Visible source, or ``'embedded'``, see
            :func:`.find_visible`; the sound of a file is kept where ffmpeg is.
        out (str | Path): Video file, one of :data:`CODECS` by its extension.
        fps (float, optional): Frame rate of the output. Defaults to the visible video's, and
            to 25 for folders and for cameras that do not say.
        max_frames (int, optional): End after so many frames.
        batch_size (int): Frames at once, except of live sources. Defaults to 1.
        grey (bool): Write the fused luma alone. Defaults to False.
        temporal_filter (bool): Suppress flicker, see :class:`.TemporalFilter`. Defaults to
            True.
        keep_sound (bool): Keep the sound. Defaults to True.
        measure_flicker (bool): Measure temporal differences. Defaults to False.
        preparation (Preparation, optional): How frames are prepared; percentiles are taken from
            the first frame and kept.
        ir_affix (str | Iterable[str], optional): Of folders, see :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.
        overwrite (bool): Write over a file that is there already. Defaults to False.
        live (LiveOptions, optional): How live sources are paired, and opened anew.
        temperatures (str | Path, optional): Folder for the temperatures of each pair of frames,
            ``000000.tif`` and so on, see :func:`.write_temperatures`.
        register (bool): Find the mapping in the first frames and follow it, see
            :class:`.DriftFollower`. Defaults to False.
        **options: Instead of ``preparation`` its parts, such as ``ir_range``.

    Returns:
        FusedVideo: What was written.

    Raises:
        FileNotFoundError: A source does not exist.
        PairError: A source, or a pair of frames, cannot be used.
        ValueError: The sources do not go together, give no frames, or an option is unusable.
        OSError: The file cannot be written.
        KeyboardInterrupt: Before the first frame was fused.
    """
    for name, value in (('fps', fps), ('max_frames', max_frames)):
        if value is not None and not value > 0:
            raise ValueError(f'{name} must be above 0, got {value}')
    preparation = Preparation.of(preparation, **options)
    out, vi = Path(out), find_visible(ir, vi)
    notes = []
    sources = [source for source in (ir, vi) if isinstance(source, str | os.PathLike)]
    read = list_read(*sources)
    check_outputs([out], read, overwrite)
    keep = None
    if temperatures is not None:
        kept = {'folder': temperatures, 'sources': read, 'overwrite': overwrite}
        keep = functools.partial(_keep_temperatures, **kept)
    opened = open_frames(ir, vi, fps, max_frames, ir_affix, vi_affix, live)
    with contextlib.closing(opened) as frames:
        rate = fps or frames.fps or 25.0
        VideoWriter(out, rate)  # refuses an unusable name before the first frame is fused
        with whole_file(out) as partial:
            silent = partial.with_name(f'{partial.stem}.silent{partial.suffix}')
            shaped = partial.with_name(f'{partial.stem}.shaped{partial.suffix}')
            writer, meter = VideoWriter(silent, rate), FlickerMeter()
            started = time.perf_counter()
            try:
                fused = _fused_frames(
                    inferencer,
                    frames,
                    frames if frames.is_live else itertools.islice(frames, max_frames),
                    1 if frames.is_live else batch_size,
                    grey,
                    TemporalFilter() if temporal_filter else None,
                    preparation,
                    notes,
                    keep,
                    register,
                )
                with contextlib.closing(fused):
                    interrupted = _write_frames(
                        fused,
                        writer,
                        meter if measure_flicker else None,
                        frames,
                        max_frames,
                        inferencer.show_progress,
                    )
                seconds = time.perf_counter() - started
                writer.check()
                sound, aspect = None, getattr(frames, 'aspect', (1, 1))
                if aspect[0] != aspect[1]:
                    if note := set_aspect(silent, shaped, aspect, writer.size):
                        notes.append(note)
                    else:
                        os.replace(shaped, silent)
                if keep_sound and isinstance(frames, FileFrames):
                    sound = add_sound(silent, vi, partial, writer.count / rate)
                if sound != 'kept':
                    os.replace(silent, partial)
                mark_file(partial)
            finally:
                writer.release()
                silent.unlink(missing_ok=True)
                shaped.unlink(missing_ok=True)
    return FusedVideo(
        out,
        writer.count,
        rate,
        writer.size,
        seconds,
        interrupted,
        # What is read ahead may end where no more was asked for.
        None if writer.count == max_frames else frames.ended_early,
        sound,
        meter.result(),
        tuple(note for note in (*frames.notes, writer.left_out, *notes) if note),
    )


def _write_frames(fused, writer, meter, frames, max_frames, show_progress):
    """Write frames, in a thread, until they end; return whether Ctrl-C ended them."""
    total = min((n for n in (frames.count, max_frames) if n is not None), default=None)

    def repeated():
        count, before, started = 0, None, None
        for pair, image in fused:
            times, held = 1, 0
            if frames.is_live:
                taken = frames.fused()
                started = taken if started is None else started
                held = max(0, round((taken - started) * writer.fps) - count)
                times = int(round((taken - started) * writer.fps) >= count)
            elif isinstance(frames, FileFrames):
                times = frames.repeats.popleft()
            if meter is not None:
                meter.update(pair.filled, pair.vi, image)
            for shown, often in ((before, held), (image, times)):
                often = often if max_frames is None else min(often, max_frames - count)
                count += often
                if often or shown is image:
                    yield shown, often, shown is image
            if count == max_frames:
                return
            before = image

    def write(frame):
        image, times, is_new = frame
        writer.write(image, times)
        return is_new if frames.is_live else times

    interrupted = False
    try:
        with (
            tqdm(None, 'fusing', total, unit='frame', disable=not show_progress) as bar,
            contextlib.closing(thread_map(write, repeated(), 1)) as written,
        ):
            for count in written:
                bar.update(count)
                if frames.is_live:
                    bar.set_postfix_str(frames.progress, refresh=False)
    except KeyboardInterrupt:
        if not writer.count:
            raise
        interrupted = True
    writer.release()
    if not writer.count:
        raise ValueError('the sources gave no frames')
    return interrupted
