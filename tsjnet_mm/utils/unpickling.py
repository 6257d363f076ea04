"""Torch's environment variable against executing code in checkpoints."""

import os
from collections.abc import MutableMapping


def refuse_unsafe_checkpoints(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make every ``torch.load`` of this process, and of those it starts, refuse to run code.

    Whatever its arguments; mmengine's own loading is guarded apart from it, see
    :func:`~tsjnet_mm.utils.checkpoints.guard`. It is meant for programs, not to be called on
    import.

    Args:
        environment (MutableMapping[str, str]): Variables that are changed. Defaults to this
            process's; those of a process that is to be started change nothing here.
    """
    environment.pop('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', None)
    environment['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
