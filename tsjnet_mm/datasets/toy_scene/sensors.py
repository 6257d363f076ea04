"""From the layers of a scene to the two images: light and lens of one, sensor of the other."""

import cv2
import numpy as np


def _ground_texture(canvas, depth, x):
    """Grain and patches that lie on the ground and fade with the distance.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Factors for the visible and for the
        infrared, (H, W) float32 around 1, and where the ground is, (H, W) bool.
    """
    on_ground = canvas.instances() == -1
    near = depth[on_ground]
    across = x[on_ground] + 300
    noise, period = canvas.noise, len(canvas.noise)

    def sample(per_metre, shift=0):
        rows = (near * per_metre).astype(np.int32) % period
        columns = (across * per_metre + shift).astype(np.int32) % period
        return noise[rows, columns]

    fade = np.clip(9 / near, 0, 1)
    patches = sample(4)
    visible, infrared = np.ones_like(depth), np.ones_like(depth)
    visible[on_ground] = np.clip(1 + 0.16 * fade * sample(30) + 0.1 * patches, 0.3, 2)
    infrared[on_ground] = np.clip(1 + 0.12 * fade * sample(16, 200) - 0.1 * patches, 0.3, 2)
    return visible, infrared, on_ground


def _daylight(canvas, on_ground):
    """Light of a day, (H, W, 3): overcast, or sun with patches of shade on the ground."""
    rng = canvas.rng
    light = rng.uniform(0.75, 1.25) * np.array((1.0, 1.0, 1.04)) * rng.uniform(0.97, 1.03, 3)
    light = np.full((*on_ground.shape, 3), light, np.float32)
    if rng.random() < 0.5:
        size = on_ground.shape[::-1]
        patch = cv2.resize(canvas.noise[:128, :64], size, interpolation=cv2.INTER_CUBIC)
        sun = 0.55 + 0.6 / (1 + np.exp(3 * patch))
        light *= np.where(on_ground, sun, 1)[..., None]
    return light


def _lamplight(canvas, depth, x, y):
    """Light of a night, (H, W, 3): a faint sky, lamps, sometimes the own headlights."""
    rng = canvas.rng
    tints = ((0.9, 1.05, 0.95), (0.95, 1.0, 1.08), (1.0, 1.0, 0.95))
    sky = np.exp(rng.uniform(np.log(0.002), np.log(0.03)))
    sky = sky * np.array(tints[rng.integers(len(tints))])
    light = np.full((*depth.shape, 3), sky, np.float32)
    for (lamp_x, lamp_y, lamp_z), colour, power, reach in canvas.lights:
        square = (x - lamp_x) ** 2 + (y - lamp_y) ** 2 + (depth - lamp_z) ** 2
        square *= np.float32(1 / reach**2)
        square += 1
        strength = np.float32(power) / (square * np.sqrt(square))
        light += cv2.merge([strength * np.float32(part) for part in colour])
    if rng.random() < 0.4:
        beam = np.exp(-((x / (0.32 * depth + 1.5)) ** 2) - np.maximum(y - 0.8, 0) * 1.5)
        beam *= np.float32(rng.uniform(0.1, 0.4)) / (1 + (depth / 11) ** 2)
        light += beam[..., None] * np.array((1.0, 0.97, 0.88), np.float32)
    return light


def _reflections(canvas, on_ground):
    """Streaks that lamps draw on wet asphalt, (H, W, 3)."""
    camera = canvas.camera
    streaks = np.zeros((*on_ground.shape, 3), np.float32)
    columns = np.arange(camera.width, dtype=np.float32) + 0.5
    rows = np.arange(camera.height, dtype=np.float32) + 0.5
    for (x, y, z), colour, power, _ in canvas.lights:
        if not 1 < z < 45:
            continue
        across, down = camera.project(np.array([[x, -y, z]]))[0]
        size = camera.focal / z
        profile = np.exp(-(((columns - across) / (0.35 * size + 1.5)) ** 2))
        drop = np.exp(-np.abs(rows - down) / (1.2 * size + 4))
        streak = np.outer(drop, 0.22 * power * profile).astype(np.float32)
        streaks += cv2.merge([streak * np.float32(part) for part in colour])
    return streaks * on_ground[..., None]


def _bloom(light):
    """Halo of whatever outshines the sensor's range, (H, W, 3)."""
    height, width = light.shape[:2]
    small = cv2.resize(light, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    excess = np.maximum(small - 1.2, 0)
    halo = np.zeros_like(small)
    for share, spread in ((0.5, 0.006), (0.4, 0.02), (0.45, 0.06)):
        halo += share * cv2.GaussianBlur(excess, (0, 0), spread * width)
    return cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR)


def _visible(canvas, reflectance, glow, depth, x, y, on_ground):
    rng = canvas.rng
    if canvas.night:
        light = reflectance * _lamplight(canvas, depth, x, y)
        if rng.random() < 0.4:
            light += np.sqrt(reflectance) * _reflections(canvas, on_ground)
        light *= rng.uniform(1.6, 4)
    else:
        light = reflectance * _daylight(canvas, on_ground) * 2
    light += 10 * (glow / 255) ** 2.4
    light += _bloom(light) * (1 if canvas.night else 0.12)
    image = (1 - np.exp(-light)) ** (1 / 1.6)
    image = cv2.GaussianBlur(image, (0, 0), 0.0012 * canvas.camera.width + 0.2)
    grain = rng.standard_normal((*depth.shape, 3), np.float32)
    grain = cv2.GaussianBlur(grain + grain.mean(axis=2, keepdims=True), (0, 0), 0.6)
    gain = 0.012 if canvas.night else 0.005
    image += gain * (0.4 + np.sqrt(np.maximum(image, 0))) * grain
    black = np.array((0.0, 0.01, 0.006), np.float32) * canvas.night
    return np.clip(np.round((image + black) * 255), 0, 255).astype(np.uint8)


def _infrared(canvas, heat):
    rng, width = canvas.rng, canvas.camera.width
    size = heat.shape[::-1]
    grain = cv2.resize(canvas.noise, size, interpolation=cv2.INTER_LINEAR)
    heat = heat * (1 + 0.08 * grain)
    warmth = rng.uniform(0.8, 1.9) if canvas.night else rng.uniform(1.1, 2.4)
    heat += (warmth - 1) * heat * np.exp(-heat / 50)
    heat = cv2.GaussianBlur(heat, (0, 0), 0.0013 * width + 0.15)
    around = cv2.GaussianBlur(heat, (0, 0), 0.015 * width)
    heat += 0.22 * np.clip(heat - around, -25, 25)
    heat += 1.3 * rng.standard_normal(heat.shape, np.float32)
    heat += 0.5 * rng.standard_normal((1, width), np.float32)
    return np.clip(np.round(heat), 0, 255).astype(np.uint8)


def render(canvas):
    """Both images of a painted scene.

    Args:
        canvas (Canvas): The scene; its generator is the source of the noise.

    Returns:
        tuple[np.ndarray, np.ndarray]: Infrared (H, W) uint8: warm bodies on a cold, soft
        ground, no light. Visible (H, W, 3) uint8 RGB: dark by night where no lamp
        reaches, dazzled by the lamps themselves.
    """
    size = canvas.camera.width, canvas.camera.height
    depth = canvas.depth()
    x, y = canvas.camera.unproject(depth)
    visible_grain, infrared_grain, on_ground = _ground_texture(canvas, depth, x)
    surface = cv2.resize(canvas.surface, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    glow = cv2.resize(canvas.glow, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    reflectance = (surface[..., :3] / 255) ** 1.6 * visible_grain[..., None]
    visible = _visible(canvas, reflectance, glow[..., :3], depth, x, y, on_ground)
    return _infrared(canvas, surface[..., 3] * infrared_grain), visible
