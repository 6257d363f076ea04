"""Packaging: metadata, extras from ``requirements/``, configs and tools for mim."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_FILES = ('configs', 'tools', 'model-index.yml')


def requirements(*names):
    """The requirements in ``requirements/<name>.txt``, without comments and options."""
    lines = []
    for name in names:
        lines += (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    lines = [line.split('#')[0].strip() for line in lines]
    return [line for line in lines if line and not line.startswith('-')]


class BuildWithMim(build_py):
    """Put configs, tools and the model index under ``tsjnet_mm/.mim``.

    There mim, and mmengine for ``tsjnet_mm::`` configs, look for them: copies in a wheel,
    links into the checkout in an editable installation.
    """

    def run(self):
        """Build the package, then add the files."""
        super().run()
        mim = (ROOT if self.editable_mode else Path(self.build_lib)) / 'tsjnet_mm' / '.mim'
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for name in MIM_FILES:
            source = ROOT / name
            if self.editable_mode:
                (mim / name).symlink_to(os.path.relpath(source, mim))
            elif source.is_dir():
                ignored = shutil.ignore_patterns('__pycache__', '*.py[cod]')
                shutil.copytree(source, mim / name, ignore=ignored)
            else:
                shutil.copy2(source, mim / name)


setup(
    name='tsjnet_mm',
    version=re.search(r"'(.+)'", (ROOT / 'tsjnet_mm' / 'version.py').read_text())[1],
    description='Infrared and visible image fusion driven by detection and segmentation',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    keywords=['image fusion', 'infrared', 'object detection', 'semantic segmentation'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Image Processing',
    ],
    python_requires='>=3.10',
    packages=find_packages(include=('tsjnet_mm', 'tsjnet_mm.*')),
    package_data={'tsjnet_mm': ['weights/*']},
    install_requires=requirements('runtime'),
    extras_require={
        'onedl': requirements('torch', 'onedl'),
        'upstream': requirements('torch', 'upstream'),
        'natten': requirements('natten'),
        'onnx': requirements('onnx'),
        'demo': requirements('demo'),
        'tests': requirements('tests'),
        'docs': requirements('docs'),
    },
    entry_points={'console_scripts': ['tsjnet = tsjnet_mm.__main__:main']},
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
