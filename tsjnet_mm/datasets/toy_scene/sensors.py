"""Render a canvas as a visible image (light) and an infrared image (warmth)."""

import cv2
import numpy as np

from .canvas import Canvas


def _noise(rng):
    """Smooth, seamless noise (512, 512) float32, mean 0 and standard deviation 1."""
    noise = 0
    for weight, count in ((1.0, 8), (0.8, 16), (0.6, 64), (0.5, 128)):
        grid = np.pad(rng.standard_normal((count, count), np.float32), 1, mode='wrap')
        edge = 512 // count
        whole = cv2.resize(grid, (512 + 2 * edge,) * 2, interpolation=cv2.INTER_CUBIC)
        noise = noise + weight * whole[edge:-edge, edge:-edge]
    return (noise - noise.mean()) / noise.std()


def _grain(noise, depth, x, ground):
    """Texture of the ground, which fades with the distance: visible, infrared, (H, W) each."""
    z, x, both = depth[ground], x[ground] + 300, np.ones((2, *depth.shape), np.float32)
    cells = (np.stack((z, x)) * np.float32(per_metre) for per_metre in (4, 30))
    patches, fine = (noise[tuple(cell.astype(int) & 511)] / 10 for cell in cells)
    grain = 1 + np.minimum(15 / z, 1.6) * fine + patches, 1 - patches
    both[:, ground] = np.clip(grain, 0.3, 2)
    return both


def _lamplight(canvas, depth, x, y, ground):
    """Light of a night, (H, W, 3): a faint sky, lamps and, if it is wet, their streaks."""
    rng, camera = canvas.rng, canvas.camera
    sky = np.float32(rng.uniform(0.9, 1.05, 3) * np.exp(rng.uniform(-6, -3.5)))
    light = np.zeros_like(depth) + sky[:, None, None]
    wet, exposure = 0.3 * ground * (rng.random() < 0.4), np.float32(rng.uniform(1.5, 3.4))
    columns, rows = np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5
    for left, up, far, *colour, power, reach in np.float32(canvas.lights).reshape(-1, 8):
        square = (x - left) ** 2 + (y - up) ** 2 + (depth - far) ** 2
        strength = power / (1 + square / reach**2) ** np.float32(1.5)
        if wet.any() and 1 < far < 45:
            across, down = camera.project((left, -up, far))
            size = camera.focal / far
            profile = np.exp(-(((columns - across) / (0.35 * size + 1.5)) ** 2))
            drop = np.exp(-np.abs(rows - down) / (1.2 * size + 4))
            strength += wet * np.outer(drop, power * profile).astype(np.float32)
        light += strength * np.array(colour)[:, None, None]
    return np.dstack(light) * exposure


def _visible(canvas, light):
    """Image of the visible camera: halos, response curve, lens and grain."""
    rng, (height, width) = canvas.rng, light.shape[:2]
    small = cv2.resize(light, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    excess = np.maximum(small - 1.2, 0) * (1 if canvas.night else 0.12)
    for share, spread in ((0.5, 0.006), (0.4, 0.02), (0.45, 0.06)):
        halo = share * cv2.GaussianBlur(excess, (0, 0), spread * width)
        light = light + cv2.resize(halo, (width, height))
    image = cv2.GaussianBlur((1 - np.exp(-light)) ** 0.625, (0, 0), 0.0012 * width + 0.2)
    grain = rng.standard_normal(image.shape, np.float32)
    grain = cv2.GaussianBlur(grain + grain.mean(axis=2, keepdims=True), (0, 0), 0.6)
    image += (0.012 if canvas.night else 0.005) * (0.4 + np.sqrt(np.maximum(image, 0))) * grain
    return 255 * (image + np.float32((0.0, 0.01, 0.006)) * canvas.night)


def render(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Infrared (H, W) and visible RGB (H, W, 3) images of a painted canvas, both uint8."""
    rng, width = canvas.rng, canvas.camera.width
    noise, (_, instances, depth) = _noise(rng), canvas.centres()
    ground, (x, y) = instances == -1, canvas.camera.unproject(depth)
    visible_grain, infrared_grain = _grain(noise, depth, x, ground)
    surface, glow = canvas.averages()
    light = _lamplight(canvas, depth, x, y, ground) if canvas.night else np.float32(2.2)
    light = light * (surface[..., :3] / 255) ** 1.6 * visible_grain[..., None]
    visible = _visible(canvas, light + 10 * (glow[..., :3] / 255) ** 2.4)
    heat = surface[..., 3] * infrared_grain * (1 + 0.08 * cv2.resize(noise, depth.shape[::-1]))
    # Contrast of the scene, edges that the sensor sharpens, noise of pixels and of columns.
    heat += rng.uniform(-0.2, 0.9 if canvas.night else 1.4) * heat * np.exp(-heat / 50)
    heat = cv2.GaussianBlur(heat, (0, 0), 0.0013 * width + 0.15)
    heat += 0.22 * np.clip(heat - cv2.GaussianBlur(heat, (0, 0), 0.015 * width), -25, 25)
    heat += 1.3 * rng.standard_normal(heat.shape) + 0.5 * rng.standard_normal(width)
    return tuple(np.clip(np.round(part), 0, 255).astype(np.uint8) for part in (heat, visible))
