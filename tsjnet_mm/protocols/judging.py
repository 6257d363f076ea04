"""Does fusion help the detector I have? A network as it is, on each method's images."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from tsjnet_mm.apis.task_networks import TaskNetwork, ViewDetector
from tsjnet_mm.datasets import PairedFusionDataset
from tsjnet_mm.datasets.label_writers import write_coco
from tsjnet_mm.evaluation.bootstrap_scores import (
    SIZES,
    average_precisions,
    match_detections,
    resample_images,
    resampled_ious,
)
from tsjnet_mm.evaluation.detection_errors import (
    DetectionTruth,
    read_detection_truth,
    read_detections,
)
from tsjnet_mm.evaluation.segmentation_errors import confusion_matrix
from tsjnet_mm.io.images import read_mask, read_visible
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.resume import digest_files, digest_note, read_record, write_record
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.class_names import map_classes
from tsjnet_mm.utils.tensors import digest_tensors

from .downstream_protocol import SOURCES
from .export_images import build_source

#: Mean luma of visible images, in 0..1, below which a scene counts as night.
DARK = 0.25
#: Column of the mean over the classes.
MEAN = 'mean'
#: Groups of images, and of objects by size.
GROUPS = ('all', 'day', 'night', *list(SIZES)[1:])


class Score(NamedTuple):
    """A score, and its interval over resampled images.

    Attributes:
        value (float): Over all images.
        low (float): Lower end of the 95 % interval.
        high (float): Upper end.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: np.ndarray) -> Score:
        """Score of samples, of which the first is that over all images."""
        known = samples[1:][np.isfinite(samples[1:])]
        low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
        return cls(float(samples[0]), float(low), float(high))


class Judgement(NamedTuple):
    """Scores of all methods.

    Attributes:
        measure (str): ``'AP@0.5'`` or ``'IoU'``.
        images (dict[str, int]): Number of images in each group of them.
        night_by (str): What told day and night apart.
        samples (dict[str, dict[tuple[str, str], np.ndarray]]): By row, then by group (see
            :data:`GROUPS`) and class or :data:`MEAN`: (1 + R,), over all images and over each
            resample, the same images in each row.
    """

    measure: str
    images: dict[str, int]
    night_by: str
    samples: dict[str, dict[tuple[str, str], np.ndarray]]

    def score(self, row: str, group: str = 'all', name: str = MEAN) -> Score:
        """Score of a row, with its interval."""
        return Score.of(self.samples[row][group, name])

    def difference(self, row: str, other: str, group: str = 'all', name: str = MEAN) -> Score:
        """What a row is above another, paired over the images."""
        return Score.of(self.samples[row][group, name] - self.samples[other][group, name])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: value, low and high by row, group and class."""
        scores = {}
        for row, parts in self.samples.items():
            for (group, name), samples in parts.items():
                value = [None if np.isnan(part) else part for part in Score.of(samples)]
                scores.setdefault(row, {}).setdefault(group, {})[name] = value
        return {**self._asdict(), 'samples': None, 'scores': scores}


def find_nights(
    names: Sequence[str], visible: Sequence[str], listed: Sequence[str] | None = None
) -> tuple[np.ndarray, str]:
    """Tell night from day.

    Args:
        names (Sequence[str]): Of the pairs.
        visible (Sequence[str]): Their visible images.
        listed (Sequence[str], optional): Names of those at night.

    Returns:
        tuple[np.ndarray, str]: (N,) bool, and what told: the list; the names, where all end
        with D or N like those of MSRS; or the mean luma of the visible images, below
        :data:`DARK`.
    """
    if listed is not None:
        return np.isin(names, [*listed]), 'list'
    if all(name[-1:] in 'DN' for name in names):
        return np.array([name[-1] == 'N' for name in names]), 'names'
    weights = np.array([0.299, 0.587, 0.114])
    luma = [float((read_visible(path) @ weights).mean()) for path in visible]
    return np.array(luma) < DARK, f'mean luma of the visible image below {DARK}'


class Judge:
    """Run a network as it is on each method's images, and compare what it finds.

    Rows of the visible and the infrared images come first. What the network found is kept in
    ``out``, and is not computed again for the same images and weights.

    Args:
        dataset (PairedFusionDataset): Pairs with boxes, or with masks for a segmentor, in
            test mode.
        methods (Mapping[str, str | Path]): Method to folder of its fused images.
        network (TaskNetwork | None): A :class:`.ViewDetector` or :class:`.ViewSegmentor` of
            single images. None where all rows come by ``predictions``.
        out (str | Path): Folder for what was found.
        predictions (Mapping[str, str | Path], optional): Row to COCO list of results, found by
            a detector elsewhere: of ``visible`` and ``infrared``, too. Numbers are those of
            ``truth.json`` in ``out``; names of pairs and classes may stand for them.
        class_map (Sequence[str]): ``NETWORK=DATASET`` each, see :func:`.map_classes`.
        preparation (Preparation, optional): How infrared images are prepared.

    Raises:
        ValueError: No class of the network is one of the data set's, a name is taken, or the
            sources' predictions are missing.
    """

    def __init__(
        self,
        dataset: PairedFusionDataset,
        methods: Mapping[str, str | Path],
        network: TaskNetwork | None,
        out: str | Path,
        predictions: Mapping[str, str | Path] | None = None,
        class_map: Sequence[str] = (),
        preparation: Preparation | None = None,
    ) -> None:
        self.out = Path(out)
        self.infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        self.names = [info['img_id'] for info in self.infos]
        self._numbers = {name: number for number, name in enumerate(self.names, start=1)}
        self.network = network
        self.is_detection = network is None or isinstance(network, ViewDetector)
        self.classes = list(dataset.metainfo['classes' if self.is_detection else 'seg_classes'])
        self.predictions = dict(predictions or {})
        self._options = {'keep_grey': False, 'preparation': preparation}
        taken = [name for name in methods if name in SOURCES]
        if taken:
            raise ValueError(f'{taken[0]} is the name of a source; name the method otherwise')
        if network is None:
            missing = [name for name in SOURCES if name not in self.predictions]
            if missing:
                raise ValueError(
                    f'expected predictions on both sources; those of {" and ".join(missing)} '
                    'are missing: give them, or --config and --weights'
                )
            self.images, self.mapping = {}, {}
            return
        self.images = {**SOURCES, **methods}
        self.mapping = map_classes(network.classes, self.classes, class_map, require_all=False)
        # What the classes of the network count as that stand for none of the data set's.
        names = [name.lower() for name in self.classes]
        self._rest = names.index('background') if 'background' in names else len(names)

    def judge(
        self,
        resamples: int = 1000,
        seed: int = 0,
        nights: Sequence[str] | None = None,
        report: Callable = tqdm.write,
    ) -> Judgement:
        """Run the network where that is not done, and score all rows.

        Args:
            resamples (int): Of the images, for the intervals. Defaults to 1000.
            seed (int): Of the resamples. Defaults to 0.
            nights (Sequence[str], optional): See :func:`find_nights`.
            report (Callable): Called with a line for each row. Defaults to ``tqdm.write``.

        Returns:
            Judgement: The rows in their order.

        Raises:
            ValueError: A prediction is of an unknown image or class.
            FileNotFoundError, PairError: See :func:`.build_source`.
        """
        night, night_by = find_nights(
            self.names, [info['vi_path'] for info in self.infos], nights
        )
        weights = resample_images(len(self.names), resamples, seed)
        groups = {'all': np.ones(len(night), bool), 'day': ~night, 'night': night}
        groups = {name: part for name, part in groups.items() if part.any()}
        if len(groups) == 2:  # Day or night alone is all.
            groups = {'all': groups['all']}
        if self.is_detection:
            self._truth = self._write_truth()
        samples = {}
        for row, images in self.images.items():
            found = self._found(row, images, report)
            samples[row] = self._score(found, groups, weights)
        for row, path in self.predictions.items():
            found = read_detections(path, self._truth)
            samples[row] = self._score(found, groups, weights)
        counts = {name: int(part.sum()) for name, part in groups.items()}
        measure = 'AP@0.5' if self.is_detection else 'IoU'
        return Judgement(measure, counts, night_by, samples)

    def _write_truth(self):
        images = (
            {
                'file_name': f'{info["img_id"]}.png',
                'height': info['height'],
                'width': info['width'],
                'instances': info['instances'],
            }
            for info in self.infos
        )
        path = self.out / 'truth.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        write_coco(path, images, self.classes)
        truth = read_detection_truth(path)
        names = {name: name for name in truth.objects}
        kinds = {name: name for name in self.classes}
        return DetectionTruth(truth.classes | kinds, truth.images | names, truth.objects)

    def _found(self, row, images, report):
        """What the network finds in a row's images: from the record, or anew."""
        source = build_source(images, self.infos, 1, self._options)
        note = {
            'network': digest_tensors(self.network.model.state_dict()),
            'pipeline': repr(self.network.pipeline),
            'mapping': self.mapping,
            'classes': self.classes,
            'images': digest_note(
                {
                    'source': source.description,
                    'files': [digest_files(source.files(info)) for info in self.infos],
                }
            ),
        }
        path = self.out / 'found' / f'{row}.json'
        record = read_record(path)
        kept = record is not None and record.get('settings') == note
        report(f'{row}: {"found before" if kept else "looking"}')
        if not kept:
            made = source.make(self.infos)
            bar = tqdm(made, row, len(self.infos), unit='image', leave=False)
            look = self._detections if self.is_detection else self._confusion
            record = {'settings': note, 'found': [
                look(image, info) for image, info in zip(bar, self.infos, strict=True)
            ]}  # fmt: skip
            path.parent.mkdir(parents=True, exist_ok=True)
            write_record(path, {'row': row}, record)
        if not self.is_detection:
            return np.array(record['found'])
        flat = [item for part in record['found'] for item in part]
        results = self.out / 'predictions' / f'{row}.bbox.json'
        results.parent.mkdir(exist_ok=True)
        write_whole(results, json.dumps(flat) + '\n')
        return read_detections(results, self._truth)

    def _detections(self, image, info):
        found = self.network(image)
        rows = []
        for box, score, label in zip(*(found[key].tolist() for key in found), strict=True):
            own = self.mapping.get(self.network.classes[label])
            if own is not None:
                left, top, right, bottom = box
                rows.append(
                    {
                        'image_id': self._numbers[info['img_id']],
                        'category_id': own + 1,
                        'bbox': [left, top, right - left, bottom - top],
                        'score': score,
                    }
                )
        return rows

    def _confusion(self, image, info):
        table = np.full(max(256, len(self.network.classes)), self._rest, np.int64)
        for name, own in self.mapping.items():
            table[self.network.classes.index(name)] = own
        truth = read_mask(info['seg_map_path'])
        predicted = table[self.network(image)]
        return confusion_matrix(predicted, truth, len(self.classes) + 1).tolist()

    def _score(self, found, groups, weights):
        samples = {}
        if self.is_detection:
            matches = match_detections(self._truth.objects, found, self.classes)
            for group, part in groups.items():
                for name in self.classes:
                    samples[group, name] = average_precisions(
                        matches[name, 'all'], weights * part
                    )
            for size in list(SIZES)[1:]:
                for name in self.classes:
                    samples[size, name] = average_precisions(matches[name, size], weights)
        else:
            known = sorted({*self.mapping.values(), self._rest} - {len(self.classes)})
            for group, part in groups.items():
                ious = resampled_ious(found, weights * part)
                samples.update({(group, self.classes[i]): ious[:, i] for i in known})
        for group in dict.fromkeys(group for group, _ in samples):
            parts = [value for key, value in samples.items() if key[0] == group]
            samples[group, MEAN] = _finite_mean(np.stack(parts))
        return samples


def _finite_mean(values):
    """Mean over the first axis of what is finite; nan where nothing is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=0)
    count = known.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
