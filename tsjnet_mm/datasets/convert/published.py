"""The published files of each dataset, and their places in the layout.

Commands list them before they import torch.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Part:
    """One folder of a dataset.

    Attributes:
        kind (str): 'ir', 'vi', 'masks' or 'boxes'.
        target (str): Where it goes below the dataset's root.
        source (str): The end of its path in the archive, in any case of letters; the same as
            ``target`` where empty.
        needed_from (str): For a part that may be absent: where it is published.
    """

    kind: str
    target: str
    source: str = ''
    needed_from: str = ''

    @property
    def sources(self) -> tuple[str, ...]:
        """Ends of its path: in the published archive, and in the layout of this package."""
        return tuple(dict.fromkeys((self.source or self.target, self.target)))

    @property
    def extensions(self) -> tuple[str, ...]:
        """Extensions of its files, in lower case."""
        from tsjnet_mm.io.images import IMAGE_EXTENSIONS

        return ('.txt', '.xml') if self.kind == 'boxes' else IMAGE_EXTENSIONS


@dataclass(frozen=True)
class PublishedDataset:
    """A dataset as its authors publish it.

    Attributes:
        dataset (str): Name of the class that reads it, in :mod:`tsjnet_mm.datasets`.
        root (str): Where the configs look for it.
        pairs (dict[str | None, int]): Number of pairs of each split; None where there are no
            splits.
        parts (tuple[Part, ...]): Its folders; ``{split}`` stands for each split.
        size (tuple[int, int], optional): Width and height of its images; None if they vary.
        size_is_fixed (bool): Whether a pair of another size is an error. Defaults to True.
    """

    dataset: str
    root: str
    pairs: dict[str | None, int]
    parts: tuple[Part, ...]
    size: tuple[int, int] | None = None
    size_is_fixed: bool = True

    @property
    def dataset_class(self) -> type:
        """The class that reads it."""
        from tsjnet_mm import datasets

        return getattr(datasets, self.dataset)

    def parts_of(self, split: str | None) -> list[Part]:
        """Folders that a split is read from.

        Args:
            split (str | None): One of ``pairs``.

        Returns:
            list[Part]: With the split filled in.
        """
        return [
            replace(
                part,
                target=part.target.format(split=split),
                source=part.source.format(split=split),
            )
            for part in self.parts
        ]


#: Datasets by the name that the tool knows them by.
PUBLISHED = {
    'msrs': PublishedDataset(
        dataset='MSRSDataset',
        root='data/MSRS',
        pairs={'train': 1083, 'test': 361},
        size=(640, 480),
        parts=(
            Part('ir', '{split}/ir'),
            Part('vi', '{split}/vi'),
            Part('masks', '{split}/Segmentation_labels'),
            Part(
                'boxes',
                '{split}/labels',
                'fusion/{split}',
                'https://github.com/Lele-3/MSRS-detection-label',
            ),
        ),
    ),
    'm3fd-fusion': PublishedDataset(
        dataset='M3FDDataset',
        root='data/M3FD_Fusion',
        pairs={None: 300},
        size=(1024, 768),
        size_is_fixed=False,
        parts=(Part('ir', 'Ir'), Part('vi', 'Vis')),
    ),
    'm3fd-detection': PublishedDataset(
        dataset='M3FDDataset',
        root='data/M3FD_Detection',
        pairs={None: 4200},
        size=(1024, 768),
        size_is_fixed=False,
        parts=(Part('ir', 'Ir'), Part('vi', 'Vis'), Part('boxes', 'Annotation')),
    ),
    'llvip': PublishedDataset(
        dataset='LLVIPDataset',
        root='data/LLVIP',
        pairs={'train': 12025, 'test': 3463},
        size=(1280, 1024),
        parts=(
            Part('ir', 'infrared/{split}'),
            Part('vi', 'visible/{split}'),
            Part('boxes', 'Annotations'),
        ),
    ),
    'roadscene': PublishedDataset(
        dataset='RoadSceneDataset',
        root='data/RoadScene',
        pairs={None: 221},
        parts=(Part('ir', 'cropinfrared'), Part('vi', 'crop_LR_visible')),
    ),
    'fmb': PublishedDataset(
        dataset='FMBDataset',
        root='data/FMB',
        pairs={'train': 1220, 'test': 280},
        size=(800, 600),
        parts=(
            Part('ir', '{split}/Infrared'),
            Part('vi', '{split}/Visible'),
            Part('masks', '{split}/Label'),
        ),
    ),
}
