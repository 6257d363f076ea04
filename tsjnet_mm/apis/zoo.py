"""All fusion methods on one data set, in one run: their images, quality and cost."""

import json
from pathlib import Path

import torch
from tqdm import tqdm

from tsjnet_mm.models.fusors.presets import CLASSICAL_FUSORS
from tsjnet_mm.models.fusors.zoo import PEERS, convert_peer
from tsjnet_mm.utils import whole_file
from tsjnet_mm.utils.checkpoints import read_checkpoint

from .contest import Contest
from .evaluate import evaluate_folders
from .folder import fuse_to_folder
from .inferencer import FusionInferencer
from .init import init_fusor


def build_zoo_model(name, weights=None):
    """Build a fusor of the zoo.

    Args:
        name (str): A published network (a key of
            :data:`~tsjnet_mm.models.fusors.zoo.PEERS`), or what :func:`.init_fusor` takes.
        weights (str | Path, optional): Checkpoint; of a published network the file that its
            authors give.

    Returns:
        BaseFusor: In evaluation mode.

    Raises:
        ValueError: The name is unknown, a network has no weights, or they do not fit.
        FileNotFoundError: There is no such checkpoint.
    """
    if weights is None and name not in CLASSICAL_FUSORS:
        raise ValueError(f'{name} needs weights: {name}=FILE')
    if name in PEERS:
        return convert_peer(name, read_checkpoint(weights))
    return init_fusor(name, weights)


def _build_contender(name, weights):
    """For :class:`Contest`: the network in inference form, and how to call it."""
    inferencer = FusionInferencer(
        build_zoo_model(name, weights), precision='fp32', device='cpu', show_progress=False
    )
    fusor = inferencer.fusor
    network = fusor if isinstance(fusor, torch.nn.Module) else torch.nn.Module()
    return network, fusor.fuse


class ZooBenchmark:
    """Fuse, measure and time every method of a zoo.

    Args:
        models (dict[str, tuple[str, str | Path | None]]): Row to name and weights, see
            :func:`build_zoo_model`.
        ir (str | Path): Folder of infrared images.
        vi (str | Path): Folder of visible images.
        out (str | Path): Folder of all that is written: ``fused/<row>/``, ``results.json``,
            ``costs.json``.

    Raises:
        ValueError: There is no model.
    """

    def __init__(self, models, ir, vi, out):
        if not models:
            raise ValueError('a zoo needs at least one model')
        self.models = models
        self.ir, self.vi, self.out = ir, vi, Path(out)

    def folder(self, row):
        """Where a method's images are."""
        return self.out / 'fused' / row

    def fuse(self, device=None, report=tqdm.write):
        """Fuse all pairs by each method; images that are there and up to date are kept.

        Args:
            device (str, optional): See :class:`FusionInferencer`.
            report (Callable): Called with a line for each method. Defaults to
                ``tqdm.write``.

        Raises:
            ValueError, FileNotFoundError, PairError: See :func:`build_zoo_model` and
                :func:`fuse_to_folder`. Nothing is fused if a model cannot be built.
        """
        for name, weights in self.models.values():
            build_zoo_model(name, weights)
        for row, (name, weights) in self.models.items():
            inferencer = FusionInferencer(
                build_zoo_model(name, weights), device=device, precision='fp32'
            )
            fused, kept = fuse_to_folder(inferencer, self.ir, self.vi, self.folder(row))
            report(f'{row}: {fused} fused, {kept} there already')

    def evaluate(self, metrics='all', convention='tsjnet', workers=1):
        """Measure all images.

        Args:
            metrics (str | Iterable[str]): See :func:`evaluate_folders`. Defaults to
                ``'all'``.
            convention (str): Defaults to ``'tsjnet'``.
            workers (int): Processes. Defaults to 1.

        Returns:
            EvaluationResults: Also written to ``results.json``.
        """
        results = evaluate_folders(
            {row: self.folder(row) for row in self.models},
            self.ir,
            self.vi,
            metrics,
            convention,
            workers=workers,
            progress=True,
        )
        results.save(self.out / 'results.json')
        return results

    def costs(self, size=(640, 480), repeats=5, threads=2):
        """Parameters, multiply-accumulates, memory and time of each network on the CPU.

        Each runs in a process of its own, in fp32; they take turns, and the time is the
        median of all turns but the first. Colour, reading and writing are not counted.

        Args:
            size (tuple[int, int]): Width and height of the pair. Defaults to (640, 480).
            repeats (int): Turns that count. Defaults to 5.
            threads (int): Of each process. Defaults to 2.

        Returns:
            dict[str, dict[str, float]]: Row to ``parameters``, ``gmacs``, ``gigabytes`` and
            ``seconds``; also written to ``costs.json``.

        Raises:
            RuntimeError: A method could not be built.
        """
        contenders = {
            row: (_build_contender, name, weights)
            for row, (name, weights) in self.models.items()
        }
        contest = Contest(contenders, 'cpu', threads)
        try:
            if contest.absent:
                raise RuntimeError(
                    '; '.join(f'{row}: {reason}' for row, reason in contest.absent.items())
                )
            measured = contest.run(size, repeats)
        finally:
            contest.close()
        costs = {
            row: {
                'parameters': result.parameters,
                'gmacs': result.gmacs,
                'gigabytes': result.gigabytes,
                'seconds': result.seconds,
            }
            for row, result in measured.items()
        }
        with whole_file(self.out / 'costs.json') as partial:
            text = {'size': list(size), 'threads': threads, 'repeats': repeats, 'costs': costs}
            partial.write_text(json.dumps(text, indent=2) + '\n')
        return costs
