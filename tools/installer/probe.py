"""Imports and calls what an incomplete installation breaks; prints the failures as JSON."""

import importlib
import json


def probe() -> dict[str, str]:
    """Import and call what an incomplete installation breaks.

    Returns:
        dict[str, str]: Name of what failed to its error.
    """

    def torchvision_ops():
        import torch
        from torchvision.ops import nms

        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)

    def imports(name):
        return lambda: importlib.import_module(name)

    checks = {'cv2': imports('cv2'), 'torchvision': torchvision_ops}
    modules = ('mmcv._ext', 'mmdet.models', 'mmseg.models', 'tsjnet_mm')
    checks.update((name, imports(name)) for name in modules)
    failures = {}
    for name, check in checks.items():
        try:
            check()
        except Exception as error:
            failures[name] = f'{type(error).__name__}: {error}'
    return failures


if __name__ == '__main__':
    print(json.dumps(probe()))
