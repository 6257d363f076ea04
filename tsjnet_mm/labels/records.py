"""Records of labelled pairs: for finishing a run, and for checking its labels."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tsjnet_mm.io.resume import NOTE, differing_settings, digest_file, read_record, write_record
from tsjnet_mm.io.text import LARGE_LIMIT, expect, read_json, read_text
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.words import counted

SUMMARY = 'confidence.json'


class Records:
    """A json file for each complete pair, and a summary of all.

    A pair is complete if its record and its label file exist. Complete label files are kept,
    also if a person has corrected them.

    Args:
        folder (str | Path): Where the records are kept: ``pairs/<stem>.json`` and, written
            by :meth:`summarise`, ``confidence.json``.
        settings (dict): What made the labels; plain values.
    """

    def __init__(self, folder: str | Path, settings: dict) -> None:
        self.folder = Path(folder)
        self.settings = settings

    def path(self, stem: str) -> Path:
        """Path of a pair's record."""
        return self.folder / 'pairs' / f'{stem}.json'

    def read(self, stem: str) -> dict | None:
        """A pair's record, or None if it does not exist or cannot be read."""
        return read_record(self.path(stem))

    def begin(self, stem: str) -> None:
        """Note that a pair's label file is about to be written, and is no one else's."""
        write_record(self.path(stem), self.settings, {})

    def finish(self, stem: str, **content: Any) -> None:
        """Write a pair's record; its label file must be there already.

        Args:
            stem (str): The pair.
            **content: ``image``, ``height``, ``width`` and ``objects``; of a scene also
                ``sources`` and ``shares``.
        """
        write_record(self.path(stem), self.settings, content)

    def find_done(self, outputs: dict[str, Path], overwrite: bool = False) -> set[str]:
        """Tell what is complete, and refuse to touch what others made.

        Args:
            outputs (dict[str, Path]): Label file of each stem; several may share one.
            overwrite (bool): Make everything anew. Defaults to False.

        Returns:
            set[str]: Stems that are complete.

        Raises:
            ValueError: A label file is there that no record tells of, or records are of
                other settings.
        """
        if overwrite:
            return set()
        done, shared = set(), len(set(outputs.values())) < len(outputs)
        foreign, changed = [], []
        records = {stem: self.read(stem) for stem in outputs}
        known = any(record is not None for record in records.values())
        for stem, path in outputs.items():
            record = records[stem]
            if record is None:
                if path.exists() and not (shared and known):
                    foreign.append(path)
            elif 'objects' in record and differing_settings(record[NOTE], self.settings):
                changed.append(record[NOTE])
            elif 'objects' in record and (shared or path.exists()):
                done.add(stem)
        if foreign:
            raise ValueError(
                f'{foreign[0]} is there already and was not made here ('
                f'{counted(len(set(foreign)), "such file")}): name another --out, or '
                '--overwrite them'
            )
        if changed:
            differing = differing_settings(changed[0], self.settings)
            raise ValueError(
                f'{self.folder} has {counted(len(changed), "pair")} made with another '
                f'{", ".join(differing)}: name another --out, or --overwrite them'
            )
        return done

    def summarise(self, stems: Iterable[str]) -> dict[str, dict]:
        """Write ``confidence.json`` of these pairs.

        Args:
            stems (Iterable[str]): Stems of complete pairs.

        Returns:
            dict[str, dict]: The record of each.
        """
        records = {stem: self.read(stem) for stem in stems}
        objects = [
            {'image': record['image'], 'object': number, **item}
            for record in records.values()
            for number, item in enumerate(record['objects'])
        ]
        text = json.dumps({'settings': self.settings, 'objects': objects}, indent=1)
        write_whole(self.folder / SUMMARY, text + '\n')
        return records

    def check_unchanged(self, path: Path) -> None:
        """Refuse a file for all pairs that is not as :meth:`remember` saw it.

        Raises:
            ValueError: It was changed since.
        """
        noted = self._digest_file()
        if path.exists() and noted.is_file() and read_text(noted) != digest_file(path):
            raise ValueError(
                f'{path} was changed since it was made here and would be overwritten: move '
                'it away, or --overwrite it'
            )

    def remember(self, path: Path) -> None:
        """Remember what a file for all pairs was when it was written."""
        write_whole(self._digest_file(), digest_file(path))

    def _digest_file(self):
        return self.folder / 'written.sha256'


def read_scores(path: str | Path) -> dict[str, list[dict]]:
    """Confidences of boxes, of a ``confidence.json``.

    Args:
        path (str | Path): The file.

    Returns:
        dict[str, list[dict]]: Stem of the image to its objects: ``label``, ``box``, ``score``.

    Raises:
        ValueError: It is no such file.
    """
    scores, expected = {}, 'a confidence.json of this tool'
    content = read_json(path, limit=LARGE_LIMIT, expected=expected)
    with expect(path, expected):
        for item in content['objects']:
            box = [float(edge) for edge in item['box']]
            score = float(item['score'])
            if len(box) != 4 or not np.isfinite([*box, score]).all():
                raise ValueError(f'box {box} with score {score}')
            found = {'label': item['label'], 'box': box, 'score': score}
            scores.setdefault(Path(item['image']).stem, []).append(found)
    return scores
