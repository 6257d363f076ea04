"""The models of the web page: fusors, and detectors of joint models, each built once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from tsjnet_mm.apis.inferencer import FusionInferencer
from tsjnet_mm.models.drivers import plain_sample
from tsjnet_mm.models.fusors.presets import type_name
from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import rgb_to_luma
from tsjnet_mm.utils.checkpoints import read_checkpoint
from tsjnet_mm.utils.model_index import model_index, ready_models
from tsjnet_mm.utils.tensors import entries_below

if TYPE_CHECKING:
    from tsjnet_mm.models.drivers import DetectionDriver


class Detections(NamedTuple):
    """Objects that a detector found in one image.

    Attributes:
        boxes (np.ndarray): (N, 4) float32 xyxy in pixels.
        scores (np.ndarray): (N,) float32 in [0, 1].
        labels (np.ndarray): (N,) int64.
        classes (dict[int, str]): Label to name; those without a name go by their number.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    classes: dict[int, str]

    def names(self) -> list[str]:
        """list[str]: The class of each object."""
        return [self.classes.get(label, f'class {label}') for label in self.labels.tolist()]

    def above(self, threshold: float) -> Detections:
        """The objects whose score is at least a threshold in [0, 1]."""
        kept = self.scores >= threshold
        boxes, scores, labels = self.boxes[kept], self.scores[kept], self.labels[kept]
        return Detections(boxes, scores, labels, self.classes)


class FusedImageDetector:
    """The detection driver of a joint model, used to find objects in fused images.

    Args:
        driver (DetectionDriver): With its weights.
        classes (Sequence[str]): The classes of the data set that it was trained on.
        device (str | torch.device): Where it runs.
    """

    def __init__(
        self, driver: DetectionDriver, classes: Sequence[str], device: str | torch.device
    ) -> None:
        self.driver = driver.to(device).eval()
        self.device = device
        numbers = range(len(classes)) if driver.label_map is None else driver.label_map.tolist()
        self.classes = {
            number: name for number, name in zip(numbers, classes, strict=False) if number >= 0
        }

    @torch.inference_mode()
    def __call__(self, fused: np.ndarray, vi: np.ndarray) -> Detections:
        """Find objects.

        Args:
            fused (np.ndarray): Fused image, (H, W, 3) RGB or (H, W), uint8.
            vi (np.ndarray): Visible image, (H, W, 3) float32 RGB in [0, 1], for drivers that
                see colour.

        Returns:
            Detections: Of any score, as the detector's own configuration leaves them.
        """
        planes = fused[None] if fused.ndim == 2 else np.moveaxis(fused, -1, 0)
        luma = rgb_to_luma(torch.from_numpy(planes.copy())[None].to(self.device).float() / 255)
        visible = torch.from_numpy(vi).permute(2, 0, 1)[None].to(self.device)
        size = fused.shape[:2]
        inputs, samples = self.driver.prepare(
            luma, visible, [plain_sample(FusionDataSample(), size)]
        )
        (done,) = self.driver.model.predict(inputs, samples, rescale=False)
        found = done.pred_instances.cpu().numpy()
        return Detections(found.bboxes, found.scores, found.labels, self.classes)


def load_detector(
    model: str | Path, weights: str | Path | None, device: str | torch.device
) -> FusedImageDetector | None:
    """Build the detector that a joint model was trained with.

    Args:
        model (str | Path): What :func:`~tsjnet_mm.apis.init_fusor` takes.
        weights (str | Path | None): Checkpoint.
        device (str | torch.device): Where it runs.

    Returns:
        FusedImageDetector | None: None unless ``model`` is the config of a joint model with a
        detector and the checkpoint holds the detector's weights.

    Raises:
        ValueError: The detector's weights do not fit, or the checkpoint is unsafe to load.
        FileNotFoundError: There is no such checkpoint.
    """
    if weights is None or Path(model).suffix == '.onnx' or not Path(model).is_file():
        return None
    config = Config.fromfile(model)
    config = config.get('model', config)
    if type_name(config) != 'JointFusor' or config.get('detector') is None:
        return None
    checkpoint = read_checkpoint(weights)
    state_dict = entries_below('detector.', checkpoint.get('state_dict', checkpoint))
    if not state_dict:
        return None
    with DefaultScope.overwrite_default_scope(SCOPE):
        driver = MODELS.build(config.detector)
    try:
        driver.load_state_dict(state_dict)
    except RuntimeError as error:
        raise ValueError(f'{weights} does not fit the detector of {model}: {error}') from error
    classes = checkpoint.get('meta', {}).get('dataset_meta', {}).get('classes', ())
    return FusedImageDetector(driver, classes, device)


class DemoModel(NamedTuple):
    """A fusor that is ready, and its detector.

    Attributes:
        inferencer (FusionInferencer): It fuses.
        detector (FusedImageDetector | None): It finds objects in what was fused.
    """

    inferencer: FusionInferencer
    detector: FusedImageDetector | None


class DemoModels:
    """Models by the name that the page shows.

    The given models are built at once, so that mistakes appear before the page is served.
    Published and classical models are built at their first use.

    Args:
        given (Sequence[tuple[str | Path, str | Path | None]]): Model and weights of each, as
            :func:`~tsjnet_mm.apis.init_fusor` takes them.
        device (str, optional): See :class:`~tsjnet_mm.apis.FusionInferencer`.
        precision (str): See there. Defaults to ``'auto'``.

    Raises:
        ValueError: A model is unknown, or its weights do not fit or are unsafe.
        FileNotFoundError: There is no such checkpoint.
    """

    def __init__(
        self,
        given: Sequence[tuple[str | Path, str | Path | None]] = (),
        device: str | None = None,
        precision: str = 'auto',
    ) -> None:
        self._options = {'device': device, 'precision': precision, 'show_progress': False}
        self._built = {}
        ready = ready_models()
        for model, weights in given:
            # A classical method takes no weights.
            if model not in ready or (weights and model_index()[model].parameters):
                name = self._free_name(model, weights)
                self._built[name] = self._build(model, weights)
        chosen = [*self._built, *(model for model, _ in given if model in ready)]
        #: str: The name that the page begins with.
        self.default = chosen[0] if chosen else ready[0]
        #: list[str]: All names, those given first.
        self.names = [*self._built, *ready]

    def _free_name(self, model, weights):
        name = Path(model).stem if Path(model).is_file() else str(model)
        if name in self._built or name in ready_models():
            name = f'{name} ({Path(weights or model).name})'
        free, count = name, 1
        while free in self._built:
            count += 1
            free = f'{name} {count}'
        return free

    def _build(self, model, weights=None):
        inferencer = FusionInferencer(model, weights, **self._options)
        return DemoModel(inferencer, load_detector(model, weights, inferencer.device))

    def __getitem__(self, name: str) -> DemoModel:
        """DemoModel: The model of a name; the same one every time.

        Raises:
            KeyError: The name is not among :attr:`names`.
        """
        if name not in self.names:
            raise KeyError(name)
        if name not in self._built:
            self._built[name] = self._build(name)
        return self._built[name]

    def has_detector(self, name: str) -> bool:
        """Whether a model finds objects; builds nothing."""
        return name in self._built and self._built[name].detector is not None
