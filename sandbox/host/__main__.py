"""`python -m sandbox.host --app DIR --state DIR`: runs an app until SIGTERM or SIGINT.

Exit code 0 after a complete drain, 1 when the host could not start, 2 when the grace was over before the drain was
complete (what was in work then reappears in its queue).
"""

import argparse
import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import msgspec

from sandbox.host.errors import HostError
from sandbox.host.host import Host, HostOptions

_SHORTEST_INVISIBILITY = 2.0


def main() -> int:
    """Run the host; the exit code is the process's."""
    arguments = _parser().parse_args()
    options = HostOptions(
        app=arguments.app.resolve(),
        state=arguments.state.resolve(),
        keys=arguments.keys.resolve() if arguments.keys else None,
        port=arguments.port,
        authenticate=not arguments.no_auth,
        invisibility=timedelta(seconds=arguments.invisibility),
        grace=timedelta(seconds=arguments.grace),
    )
    ready_file = arguments.ready_file.resolve() if arguments.ready_file else None
    try:
        return asyncio.run(_run(options, ready_file, watch_input=arguments.exit_with_parent))
    except HostError as error:
        hint = f"\nHint: {error.hint}" if error.hint else ""
        print(f"Host failed to start: {error}{hint}", file=sys.stderr)
        return 1


async def _run(options: HostOptions, ready_file: Path | None, *, watch_input: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if watch_input:
        loop.add_reader(sys.stdin.fileno(), lambda: _end_of_input(loop, stop))
    host = Host(options)
    await host.start()
    if ready_file is not None:
        _write_ready_file(ready_file, host)
    await stop.wait()
    if await host.stop():
        return 0
    sys.stdout.flush()
    os._exit(2)  # a sync function that still runs in its thread can't be stopped in any other way


def _end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        loop.remove_reader(sys.stdin.fileno())
        stop.set()


def _write_ready_file(path: Path, host: Host) -> None:
    """Write the file in one step and for its owner only: it holds the keys."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode({"port": host.port, "keys": host.keys}))
    new.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.host", description=__doc__)
    add = parser.add_argument
    add("--app", type=Path, required=True, metavar="DIR", help="the folder with function_app.py and host.json")
    add("--state", type=Path, required=True, metavar="DIR", help="keys and timers; instances of one app share it")
    add("--port", type=int, default=0, metavar="N", help="0, the default, lets the system choose")
    add("--keys", type=Path, metavar="FILE", help="the keys, if not in the state folder; made when missing")
    add("--ready-file", type=Path, metavar="FILE", help='gets {"port", "keys"} as JSON when the host serves')
    add("--no-auth", action="store_true", help="keys are not checked, as with a plain func start")
    add("--exit-with-parent", action="store_true", help="stop when standard input ends")
    add("--grace", type=float, default=30, metavar="SECONDS", help="how long a stop waits for what is in work")
    add(
        "--invisibility",
        type=_invisibility,
        default=600.0,
        metavar="SECONDS",
        help="how long a message stays hidden when its host dies; 600 in Azure, shorter for tests that kill the host",
    )
    return parser


def _invisibility(text: str) -> float:
    seconds = float(text)
    if seconds < _SHORTEST_INVISIBILITY:
        raise argparse.ArgumentTypeError(f"{text} is too short; expected at least {_SHORTEST_INVISIBILITY:g} seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
