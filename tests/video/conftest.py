import struct

import cv2
import numpy as np
import pytest


@pytest.fixture
def make_frames():
    """Factory of smooth moving RGB frames, (T, H, W, 3) uint8: red left, blue right."""

    def make(count=12, size=(48, 64), seed=0):
        rng = np.random.default_rng(seed)
        rows, columns = np.mgrid[: size[0], : size[1]].astype(float)
        phase = rng.uniform(0, 6)
        frames = []
        for index in range(count):
            wave = 100 + 40 * np.sin(columns / 9 + index / 3 + phase) * np.cos(rows / 7)
            tint = 50 * (columns / size[1] - 0.5)
            frames.append(np.stack([wave - tint, wave, wave + tint], -1))
        return np.array(frames).clip(0, 255).astype(np.uint8)

    return make


@pytest.fixture
def write_video():
    """Write RGB frames to a file: .mkv without loss, .mp4 with."""

    def write(path, frames, fps=10):
        codec = {'.mkv': 'FFV1', '.mp4': 'mp4v'}[path.suffix]
        size = frames.shape[2], frames.shape[1]
        writer = cv2.VideoWriter(
            str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), fps, size
        )
        assert writer.isOpened()
        for frame in frames:
            writer.write(frame[..., ::-1].copy())
        writer.release()
        return path

    return write


@pytest.fixture
def read_video():
    """Read a file back: RGB frames (T, H, W, 3) uint8, and its frame rate."""

    def read(path):
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        assert capture.isOpened(), path
        frames = []
        while (got := capture.read())[0]:
            frames.append(got[1][..., ::-1])
        return np.array(frames), capture.get(cv2.CAP_PROP_FPS)

    return read


def _boxes(data, start, end):
    """(start, size, kind) of the boxes of an MP4 file."""
    while start < end:
        size, kind = struct.unpack('>I4s', data[start : start + 8])
        yield start, size, kind
        start += size


@pytest.fixture
def retime():
    """Give an OpenCV-written .mp4 durations of each frame, in milliseconds, and pixels' shape.

    No program that does it may be at hand: the table of durations (stts) and the lengths in the
    headers are written anew. The tables follow the pictures, so no offset changes.
    """

    def rebuild(data, start, end, durations, scale, aspect):
        parts = []
        for at, size, kind in _boxes(data, start, end):
            body = data[at + 8 : at + size]
            if kind in (b'moov', b'trak', b'mdia', b'minf', b'stbl'):
                body = rebuild(data, at + 8, at + size, durations, scale, aspect)
            elif kind == b'edts':
                continue
            elif kind == b'stsd' and aspect:
                (entry,) = struct.unpack('>I', body[8:12])
                shape = struct.pack('>I4sII', 16, b'pasp', *aspect)
                body = body[:8] + struct.pack('>I', entry + 16) + body[12:] + shape
            elif kind in (b'mdhd', b'mvhd'):
                unit = struct.unpack('>I', body[12:16])[0]
                total = sum(durations) * unit // 1000
                body = body[:16] + struct.pack('>I', total) + body[20:]
            elif kind == b'tkhd':
                body = body[:20] + struct.pack('>I', sum(durations)) + body[24:]
            elif kind == b'stts':
                entries = b''.join(
                    struct.pack('>II', 1, each * scale // 1000) for each in durations
                )
                body = body[:4] + struct.pack('>I', len(durations)) + entries
            parts.append(struct.pack('>I4s', len(body) + 8, kind) + body)
        return b''.join(parts)

    def change(path, durations, aspect=None):
        data = path.read_bytes()
        at = data.index(b'mdhd')
        scale = struct.unpack('>I', data[at + 16 : at + 20])[0]
        path.write_bytes(rebuild(data, 0, len(data), durations, scale, aspect))
        return path

    return change
