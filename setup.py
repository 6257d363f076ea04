"""Packaging: metadata, extras from ``requirements/``, configs and tools for mim.

``TSJNET_MM_REPOSITORY=https://host/owner/tsjnet_mm`` names the repository that a release is
built for. The index page then links to it.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_FILES = ('configs', 'tools', 'model-index.yml')
REPOSITORY = os.environ.get('TSJNET_MM_REPOSITORY', '').rstrip('/')
VERSION = re.search(r"'(.+)'", (ROOT / 'tsjnet_mm' / 'version.py').read_text())[1]


def requirements(*names):
    """The requirements in ``requirements/<name>.txt``, without comments and options."""
    lines = []
    for name in names:
        lines += (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    lines = [line.split('#')[0].strip() for line in lines]
    return [line for line in lines if line and not line.startswith('-')]


def index_page():
    """README.md for an index page, where links to files of the repository lead nowhere.

    With a repository they become absolute. Without one the text of a link stays, and an image
    is left out.
    """

    def absolute(match):
        image, text, target = match.groups()
        if re.match(r'[a-z]+:|#', target):
            return match[0]
        if not REPOSITORY:
            return '' if image else text
        return f'{image}[{text}]({REPOSITORY}/{"raw" if image else "blob"}/v{VERSION}/{target})'

    text = (ROOT / 'README.md').read_text(encoding='utf-8')
    text = re.sub(r'<!--.*?-->\n', '', text)
    return re.sub(r'(!?)\[([^\]]*)\]\(([^)\s]+)\)', absolute, text)


def project_urls():
    """Addresses that the index page shows."""
    urls = {'Paper': 'https://arxiv.org/abs/2402.01212'}
    if REPOSITORY:
        urls.update(
            Source=REPOSITORY,
            Documentation=f'{REPOSITORY}/blob/v{VERSION}/docs/index.md',
            Changelog=f'{REPOSITORY}/blob/v{VERSION}/CHANGELOG.md',
            Issues=f'{REPOSITORY}/issues',
        )
    return urls


#: What fusing needs, of ``requirements/``; and what each extra adds to it.
LIGHT = ('runtime', 'standalone')
EXTRAS = {
    'train': requirements('torch', 'onedl', 'train'),
    'demo': requirements('demo'),
    'onnx': requirements('onnx'),
    'natten': requirements('natten'),
    'tests': requirements('tests'),
    'docs': requirements('docs'),
}
# Without natten, which builds only with --no-build-isolation.
EXTRAS['all'] = [line for name in ('train', 'demo', 'onnx') for line in EXTRAS[name]]
EXTRAS['onedl'] = EXTRAS['train']  # Its name in earlier versions.


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
    version=VERSION,
    description='Infrared and visible image fusion driven by detection and segmentation',
    long_description=index_page(),
    long_description_content_type='text/markdown',
    author='tsjnet_mm contributors',
    license='Apache-2.0',
    project_urls=project_urls(),
    keywords=['image fusion', 'infrared', 'object detection', 'semantic segmentation'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: Console',
        'Intended Audience :: Science/Research',
        'License :: OSI Approved :: Apache Software License',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3 :: Only',
        *(f'Programming Language :: Python :: 3.{minor}' for minor in range(10, 15)),
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Processing',
        'Typing :: Typed',
    ],
    python_requires='>=3.10',
    packages=find_packages(include=('tsjnet_mm', 'tsjnet_mm.*')),
    package_data={'tsjnet_mm': ['py.typed', 'demo/*.js', 'weights/*', 'protocols/site/*']},
    install_requires=requirements(*LIGHT),
    extras_require=EXTRAS,
    entry_points={'console_scripts': ['tsjnet = tsjnet_mm.__main__:main']},
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
