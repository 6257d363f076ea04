"""Drawing of the toy dataset's scenes: see :mod:`tsjnet_mm.datasets.toy`."""
