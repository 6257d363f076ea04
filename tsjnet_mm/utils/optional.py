"""Optional packages: messages that name the extra that installs them."""

import contextlib
import importlib.util
import re
from collections.abc import Iterator

#: Import name -> extra of this package that brings it.
EXTRAS = {
    **dict.fromkeys(('mmcv', 'mmdet', 'mmseg', 'torchvision', 'pycocotools'), 'train'),
    **dict.fromkeys(('tensorboard', 'scipy', 'matplotlib'), 'train'),
    **dict.fromkeys(('onnx', 'onnxruntime', 'onnxscript'), 'onnx'),
    'gradio': 'demo',
    'natten': 'natten',
}


def explain_missing(error: BaseException) -> str | None:
    """One sentence about an optional package that could not be imported.

    Args:
        error: What an import raised.

    Returns:
        str | None: What is missing and the command that brings it; None of any other error.
    """
    if not isinstance(error, ImportError):
        return None
    if re.search(r'\bmmcv[./\\]_ext\b', str(error)):
        return (
            f'the compiled operators of mmcv, which detectors and segmentors need, cannot be '
            f'imported ({error}): compile them by `bash tools/install.sh`, or as '
            'docs/install.md says under "No module named \'mmcv._ext\'"'
        )
    name = (error.name or '').partition('.')[0]
    if name in EXTRAS and importlib.util.find_spec(name) is None:
        return (
            f'this needs {name}, which is not installed: '
            f'pip install "tsjnet_mm[{EXTRAS[name]}]" (docs/install.md)'
        )
    return None


@contextlib.contextmanager
def optional_imports() -> Iterator[None]:
    """Failed imports of optional packages within the block name the extra that installs them.

    Raises:
        ImportError: Such a package is missing; see :func:`explain_missing`.
    """
    try:
        yield
    except ImportError as error:
        sentence = explain_missing(error)
        if sentence is None:
            raise
        raise ImportError(sentence, name=error.name) from error


def require(*names: str) -> None:
    """Import packages, or name the extra that installs them.

    Args:
        names: Names to import; ``'mmcv._ext'`` are mmcv's compiled operators.

    Raises:
        ImportError: One cannot be imported; of :data:`EXTRAS` it says what brings it.
    """
    with optional_imports():
        for name in names:
            importlib.import_module(name)
