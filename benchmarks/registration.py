"""How often `tsjnet register` is right, wrong, or refuses, on pairs warped by known transforms.

    python benchmarks/registration.py --data ../shared/data
    python benchmarks/registration.py --data ../shared/data --curve curve.png
    python benchmarks/registration.py --data ../shared/data --part tune --pairs 20 --others 20

The infrared image of each pair is warped by a random scale of 0.7 to 1.5, an angle up to 15
degrees, a shift up to 20 % of each side, and corners moved by up to 4 % (perspective); half of
them are made of half the size. What the warp leaves empty is black, or repeats the border. The
visible image stays. An accepted mapping is right if it puts the infrared corners within 1.5 %
of the visible diagonal, on average, of where they belong.

Where they belong: by the known transform, as if the data set's own pair coincided. It does not
always: so each wrong one is compared with the mapping of the pair before the warp, too, if
that one is accepted. `--others` pairs take their visible image from another scene.

The search was tuned on the pairs of odd index (`--part tune`), the least share that is accepted
was chosen on the others, which are the default.
"""

import argparse
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.io.images import read_image, visible_to_unit
from tsjnet_mm.io.matching import find_pairs
from tsjnet_mm.registration.edges import Edges, map_corners, seen_area
from tsjnet_mm.registration.estimate import Estimate, Evidence, estimate, follow
from tsjnet_mm.registration.homography import to_luma

#: Folder, and draws of each pair.
SETS = {'MSRS': ('MSRS/test', 1), 'RoadScene': ('RoadScene', 1), 'LLVIP': ('LLVIP/train', 1)}
SETS['M3FD'] = ('M3FD', 4)
RIGHT = 0.015


@dataclass
class Case:
    """One trial: errors are parts of the visible diagonal.

    ``gain`` is by how much mutual information is higher than under the known transform.
    """

    group: str
    name: str
    evidence: Evidence
    error: float
    own_error: float
    gain: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the mapping is accepted."""
        return self.evidence.objection is None


def read_luma(path: str) -> np.ndarray:
    """Luma of a file, (H, W) float32 in [0, 1]."""
    return to_luma(visible_to_unit(read_image(path), path))


def draw_warp(image: np.ndarray, key: str) -> tuple[np.ndarray, np.ndarray]:
    """The image under a random transform that the key determines, and the way back."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    height, width = image.shape
    scale, angle = np.exp(rng.uniform(np.log(0.7), np.log(1.5))), rng.uniform(-15, 15)
    away = np.eye(3)
    away[:2] = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    away[:2, 2] += rng.uniform(-0.2, 0.2, 2) * (width, height)
    corners = map_corners(np.eye(3), image.shape)
    moved = corners + rng.uniform(-0.04, 0.04, (4, 2)) * (width, height)
    away = away @ cv2.getPerspectiveTransform(np.float32(corners), np.float32(moved))
    part = 0.5 if rng.random() < 0.5 else 1
    border = cv2.BORDER_CONSTANT if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    away = np.array([[part, 0, (part - 1) / 2], [0, part, (part - 1) / 2], [0, 0, 1]]) @ away
    if scale * part < 1:
        image = cv2.GaussianBlur(image, (0, 0), 0.5 / (scale * part))
    size = round(width * part), round(height * part)
    warped = cv2.warpPerspective(image, away, size, borderMode=border)
    return np.float32(np.rint(warped * 255) / 255), np.linalg.inv(away)


def corner_error(found: np.ndarray, truth: np.ndarray, ir: tuple, vi: tuple) -> float:
    """Mean distance of the infrared corners from where they belong, of the visible diagonal."""
    apart = map_corners(found, ir) - map_corners(truth, ir)
    return float(np.linalg.norm(apart, axis=1).mean() / np.hypot(*vi))


def judge(group: str, name: str, ir: np.ndarray, vi: np.ndarray, same: bool) -> Case:
    """One trial with an infrared and a visible image of one scene, or of two."""
    key = f'{group} {name} {same}'
    warped, truth = draw_warp(ir, key)
    visible = Edges(vi)
    found: Estimate | None = estimate([(Edges(warped), visible)])
    if found is None:
        return Case(group, name, Evidence(0, 0, 0.0, 1.0), np.inf, np.inf)
    error = corner_error(found.matrix, truth, warped.shape, vi.shape)
    case = Case(group, name, found.evidence, error, error)
    if same and case.accepted and error > RIGHT:
        own = follow([(Edges(ir), visible)], np.eye(3))
        if own and own.evidence.objection is None:
            own_truth = own.matrix @ truth
            case.own_error = corner_error(found.matrix, own_truth, warped.shape, vi.shape)
        case.gain = information(warped, vi, found.matrix) - information(warped, vi, truth)
    return case


def information(ir: np.ndarray, vi: np.ndarray, matrix: np.ndarray) -> float:
    """Mutual information in bits of both images where the infrared one is seen."""
    size = vi.shape[::-1]
    seen = cv2.warpPerspective(np.float32(seen_area(ir)), matrix, size) > 0.99
    warped = cv2.warpPerspective(ir, matrix, size)
    joint = np.histogram2d(warped[seen], vi[seen], 64, ((0, 1), (0, 1)))[0] / seen.sum()
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log2(joint[filled] / product[filled])).sum())


def group_of(kind: str, name: str) -> str:
    """Data set and time of day, where names tell it."""
    if kind == 'MSRS':
        return 'MSRS, night' if name.endswith('N') else 'MSRS, day'
    return 'LLVIP, night' if kind == 'LLVIP' else kind


def trials(data: Path, part: str, count: int | None, others: int) -> Iterator[Case]:
    """All trials, one after the other."""
    files = {}
    for kind, (folder, _) in SETS.items():
        found = find_pairs(data / folder / 'ir', data / folder / 'vi')
        files[kind] = found[1 if part == 'tune' else 0 :: 2]
        files[kind] = files[kind][:: max(1, len(files[kind]) // (count or len(files[kind])))]
    for kind, pairs in files.items():
        for name, ir, vi in pairs:
            images = read_luma(ir), read_luma(vi)
            for number in range(SETS[kind][1]):
                yield judge(group_of(kind, name), f'{name} {number}', *images, True)
    # The camera of LLVIP does not move: only other sets have other scenes.
    kinds = [kind for kind in files if kind != 'LLVIP'] * others
    for number in range(others):
        one = files[kinds[number]]
        name, ir, _ = one[number // 3 % len(one)]
        other = files[kinds[number + number // len(one) % 3]]
        at = (number // 3 + len(other) // 2 + number) % len(other)
        if other[at][0] == name:
            at = (at + 1) % len(other)
        images = read_luma(ir), read_luma(other[at][2])
        yield judge('different scenes', f'{name} {other[at][0]}', *images, False)


def report(cases: list[Case]) -> None:
    """Print the table, and the wrong ones."""
    groups = list(dict.fromkeys(case.group for case in cases))
    print(
        '| pairs of | trials | accepted, right | accepted, wrong | of these the set | refused |'
    )
    print('|---|---|---|---|---|---|')
    for group in groups:
        of = [case for case in cases if case.group == group]
        right = [case for case in of if case.accepted and case.error <= RIGHT]
        wrong = [case for case in of if case.accepted and case.error > RIGHT]
        own = [case for case in wrong if case.own_error <= RIGHT]
        refused = len(of) - len(right) - len(wrong)
        share = f'{len(right)} ({len(right) / len(of):.0%})'
        print(f'| {group} | {len(of)} | {share} | {len(wrong)} | {len(own)} | {refused} |')
    for case in cases:
        if case.accepted and case.error > RIGHT:
            errors = f'{case.error:.2%} by the transform, {case.own_error:.2%} by the pair'
            gain = f'{case.gain:+.3f} bits'
            print(f'wrong: {case.group}, {case.name}: {errors}, {gain}, {case.evidence}')


def draw_curve(cases: list[Case], path: Path) -> None:
    """Draw what is accepted right and wrong, and of other scenes, at each least share."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    thresholds = np.linspace(0, 1, 201)
    kinds = {
        'one scene, accepted right': (False, lambda case: case.own_error <= RIGHT),
        'one scene, accepted wrong': (False, lambda case: case.own_error > RIGHT),
        'different scenes, accepted': (True, lambda case: True),
    }
    figure, axes = pyplot.subplots(figsize=(6, 4))
    for label, (other, counts) in kinds.items():
        of = [case for case in cases if (case.group == 'different scenes') is other]
        if not of:
            continue
        shares = np.array([case.evidence.share if counts(case) else -1 for case in of])
        axes.plot(thresholds, [(shares >= least).mean() for least in thresholds], label=label)
    axes.set(xlabel='least share of blocks that agree', ylabel='part of the trials')
    axes.legend()
    figure.savefig(path, dpi=150, bbox_inches='tight')


def main() -> None:
    """Run the trials and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', type=Path, required=True, help='folder of the data sets')
    parser.add_argument('--part', choices=('tune', 'report'), default='report')
    parser.add_argument('--pairs', type=int, help='most pairs of each set (default: all)')
    parser.add_argument('--others', type=int, default=300, help='pairs of different scenes')
    parser.add_argument('--curve', type=Path, metavar='PNG', help='draw the curve')
    args = parser.parse_args()
    cases, started = [], time.perf_counter()
    for case in trials(args.data, args.part, args.pairs, args.others):
        cases.append(case)
        print(f'{len(cases)}: {case}', flush=True)
    print(f'{(time.perf_counter() - started) / len(cases):.2f} s a trial')
    report(cases)
    if args.curve:
        draw_curve(cases, args.curve)


if __name__ == '__main__':
    main()
