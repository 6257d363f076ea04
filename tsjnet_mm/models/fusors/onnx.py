"""A fusor exported to ONNX, run by onnxruntime."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.optional import optional_imports

from .base import BaseFusor

#: Key of the metadata that marks a file as one of ``tools/deployment/export_onnx.py``.
METADATA_KEY = 'tsjnet_mm.model'
MIN_SIZE_KEY = 'tsjnet_mm.min_size'


def _import_onnxruntime():
    with optional_imports():
        import onnxruntime
    return onnxruntime


@MODELS.register_module()
class OnnxFusor(BaseFusor):
    """Fuse with a file that ``tools/deployment/export_onnx.py`` wrote.

    The computation is always in float32, also under autocast, and has no gradient. It runs on
    the device of the inputs; a GPU needs onnxruntime's CUDA provider.

    Args:
        path (str | Path): The model, an ``.onnx`` file.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: onnxruntime is not installed.
        ValueError: The file is no such model.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        super().__init__(**options)
        if not Path(path).is_file():
            raise FileNotFoundError(f'no ONNX model at {path}')
        self.path = str(path)
        self._sessions = {}
        metadata = self._session('cpu').get_modelmeta().custom_metadata_map
        if METADATA_KEY not in metadata:
            raise ValueError(
                f'{path} is an ONNX model, but none of tools/deployment/export_onnx.py: it '
                f'lacks the metadata {METADATA_KEY!r}'
            )
        # In the state dict, by which folders of fused images know what made them.
        digest = hashlib.sha256(Path(path).read_bytes()).digest()
        self.register_buffer('digest', torch.tensor(list(digest), dtype=torch.uint8))
        self.min_size = int(metadata[MIN_SIZE_KEY])

    def _session(self, device):
        """The session that computes on a type of device; made on its first use."""
        if device not in self._sessions:
            onnxruntime = _import_onnxruntime()
            providers = ['CPUExecutionProvider']
            if device == 'cuda':
                providers.insert(0, 'CUDAExecutionProvider')
                if providers[0] not in onnxruntime.get_available_providers():
                    raise ValueError(
                        'this onnxruntime cannot compute on CUDA devices (onnxruntime-gpu '
                        "can); use device='cpu'"
                    )
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = torch.get_num_threads()
            try:
                session = onnxruntime.InferenceSession(self.path, options, providers)
            except Exception as error:  # onnxruntime's errors have no public base class
                reason = str(error).splitlines()[0]
                raise ValueError(f'{self.path} is no usable ONNX model: {reason}') from error
            self._sessions[device] = session
        return self._sessions[device]

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        inputs = {
            name: image.detach().float().cpu().numpy()
            for name, image in (('ir', ir), ('vi', vi))
        }
        (fused,) = self._session(ir.device.type).run(None, inputs)
        return torch.from_numpy(fused).to(ir)
