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
