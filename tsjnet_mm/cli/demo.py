r"""Serve a web page on this machine that fuses two images, compares and measures them.

Examples:
    python tools/demo.py                              # then open http://127.0.0.1:7860
    python tools/demo.py --examples data/MSRS/test/ir data/MSRS/test/vi
    python tools/demo.py --model tsjnet-light --weights epoch_40.pth
    python tools/demo.py --model configs/tsjnet/tsjnet_light_joint_40e_msrs.py \
        --weights epoch_40.pth                        # draws the objects its detector finds
    python tools/demo.py --model tsjnet-light --weights a.pth --model light.onnx --port 8000

The networks with shipped weights (tsjnet-driven first) and the fusors without weights (average,
max, laplacian, ...) are always available. The fused image is the one that tools/fuse.py writes
with the same options. The metrics are those of tools/evaluate.py.

The page needs no internet, sends nothing anywhere, and can be opened on this machine alone.
To open it from another machine, forward the port: ssh -L 7860:127.0.0.1:7860 THIS_MACHINE. With
--host 0.0.0.0 --allowed-host NAME_OF_THIS_MACHINE anyone who reaches this machine can use it;
there is no password. Requests for other host names and from other sites are refused.

Ctrl-C ends it. Uploads and results are deleted after a day, earlier if they are too many or too
large, and at the end.

Needs gradio: pip install 'tsjnet_mm[demo]'
"""

import argparse
import errno
import importlib.util
import os
import signal
import socket
import tempfile
import threading
from pathlib import Path

from tsjnet_mm.demo.guard import LOCAL_NAMES, host_name
from tsjnet_mm.demo.store import DemoStore, Limits

from .arguments import add_device_arguments, check_device, check_weights
from .program import ToolParser, tool

_PORTS = 20
_FILES = 2000
_AGE = 24 * 3600


class AddModel(argparse.Action):
    """Collect ``--model``, and give each ``--weights`` to the model before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str,
        option_string: str | None = None,
    ) -> None:
        """See :class:`argparse.Action`."""
        given = list(namespace.models)
        if option_string == '--model':
            given.append((values, None))
        elif not given or given[-1][1] is not None:
            parser.error(f'--weights {values} follows no --model that it belongs to')
        else:
            given[-1] = (given[-1][0], values)
        namespace.models = given


def parse_args() -> tuple[ToolParser, argparse.Namespace]:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        '--model',
        action=AddModel,
        dest='models',
        default=[],
        metavar='NAME_OR_CONFIG',
        help='preset, config file (Python code, which is run) or .onnx file, as of '
        'tools/fuse.py; may be repeated',
    )
    parser.add_argument(
        '--weights',
        action=AddModel,
        dest='models',
        metavar='FILE',
        help='checkpoint of the --model before it',
    )
    parser.add_argument(
        '--examples',
        nargs=2,
        metavar=('IR_DIR', 'VI_DIR'),
        help='folders whose first three pairs are offered as examples',
    )
    add_device_arguments(parser)
    server = parser.add_argument_group('server')
    server.add_argument(
        '--host', default='127.0.0.1', help='address to listen on (default: %(default)s)'
    )
    server.add_argument(
        '--port',
        type=int,
        default=7860,
        help=f'the first of {_PORTS} that are tried (default: %(default)s)',
    )
    server.add_argument(
        '--max-megapixels',
        type=float,
        default=16,
        help='larger images are refused before they are decoded (default: %(default)s)',
    )
    server.add_argument(
        '--max-megabytes',
        type=int,
        default=100,
        help='larger files are refused (default: %(default)s)',
    )
    server.add_argument(
        '--max-kept-megabytes',
        type=int,
        help='uploads in sum, and results in sum; a visitor has a quarter of it; the oldest '
        'are deleted (default: 20 times --max-megabytes)',
    )
    server.add_argument(
        '--allowed-host',
        action='append',
        default=[],
        metavar='NAME',
        help='another name, without port, under which the page is opened; may be repeated. '
        'This machine and --host are always allowed',
    )
    args = parser.parse_args()
    for model, weights in args.models:
        check_weights(parser, argparse.Namespace(model=model, weights=weights))
    if args.max_megapixels <= 0 or args.max_megabytes <= 0:
        parser.error('--max-megapixels and --max-megabytes must be above 0')
    if args.max_kept_megabytes is None:
        args.max_kept_megabytes = 20 * args.max_megabytes
    if args.max_kept_megabytes < 8 * args.max_megabytes:
        parser.error('--max-kept-megabytes must be at least 8 times --max-megabytes')
    for name in args.allowed_host:
        if not host_name(name) or host_name(name) != name.lower():
            parser.error(
                f'--allowed-host {name}: expected a name without scheme, port and path'
            )
    check_device(parser, args)
    return parser, args


def listen(host: str, first: int, count: int = _PORTS) -> socket.socket:
    """Listen on the first free port from ``first`` on, of ``count``.

    Raises OSError where the address is not this machine's, or none of the ports is free.
    """
    family, *_, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    for port in range(first, min(first + count, 65536)):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address[0], port))
            listener.listen()
        except OSError as error:
            listener.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue
            raise OSError(f'cannot listen on {host}: {error.strerror}') from error
        return listener
    raise OSError(f'no free port from {first} on; give another one with --port')


def serve(args: argparse.Namespace, folder: Path) -> None:
    """Serve the page until SIGINT or SIGTERM; temporary files go into ``folder``."""
    from tsjnet_mm.demo.fusor_choice import DemoModels
    from tsjnet_mm.demo.uploads import collect_examples

    models = DemoModels(args.models, args.device, args.precision)
    examples = collect_examples(folder / 'examples', *(args.examples or ()))
    cache = folder / 'cache'
    cache.mkdir()
    # Before Gradio is imported.
    os.environ.update(GRADIO_TEMP_DIR=str(cache), GRADIO_ANALYTICS_ENABLED='False')
    from tsjnet_mm.demo.page import DemoPage
    from tsjnet_mm.demo.server import DemoServer

    store = make_store(cache, args)
    page = DemoPage(models, examples, store, args.max_megapixels)
    server = DemoServer(page.blocks, store)
    with listen(args.host, args.port) as listener:
        port = listener.getsockname()[1]
        if port != args.port:
            print(f'port {args.port} is taken, using {port}')
        names = [*LOCAL_NAMES, args.host, *args.allowed_host]
        server.serve(listener, names, args.max_megabytes)
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        if args.host not in LOCAL_NAMES:
            print(f'listening on {args.host}: anyone who reaches this machine can use the page')
        name = f'[{args.host}]' if ':' in args.host else args.host
        print(f'open http://{name}:{port} (Ctrl-C ends it)', flush=True)
        ended.wait()
        server.close()


def make_store(folder: Path, args: argparse.Namespace) -> DemoStore:
    """The bounds on what is kept: a visitor has a quarter of what all of them have."""
    size = args.max_kept_megabytes * 1_000_000
    visitor, everyone = Limits(size // 4, _FILES // 4), Limits(size, _FILES)
    return DemoStore(folder, visitor, everyone, everyone, _AGE)


@tool()
def main() -> None:
    """Serve the page; stop with a message where that is not possible."""
    parser, args = parse_args()
    if importlib.util.find_spec('gradio') is None:
        parser.exit(1, 'error: the page needs gradio: pip install "tsjnet_mm[demo]"\n')
    with tempfile.TemporaryDirectory(prefix='tsjnet_demo_') as folder:
        serve(args, Path(folder))
