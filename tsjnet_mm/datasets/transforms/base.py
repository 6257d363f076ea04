"""Base of the transforms of pairs."""

from mmcv.transforms import BaseTransform


class PairTransform(BaseTransform):
    """Transform that shows its options: the attributes without an underscore before them."""

    def __repr__(self) -> str:
        options = {name: value for name, value in vars(self).items() if name[0] != '_'}
        shown = ', '.join(f'{name}={value!r}' for name, value in options.items())
        return f'{type(self).__name__}({shown})'
