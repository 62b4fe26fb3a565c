"""A process that hands one message to Apprise and ends; started by `longtail`, as `python -m`, and by nobody else.

The service's address and the message come as JSON on standard input, and one word goes out: what became of it. Before
Apprise is imported an audit hook is set, which Python asks before every connection of every thread and which nothing
can take out again: it refuses addresses that are not public, local sockets, and other programs. Whatever a service of
Apprise does to reach its host, by HTTP, SMTP or a socket of its own, it passes here, with the very address that is
connected to.
"""

import ipaddress
import logging
import sys
from typing import Any, Final

from shared.adapters.channels.apprise_words import Job, Outcome
from shared.adapters.channels.reach import Reach
from shared.domain.json_reader import read_json

_LOCAL: Final = frozenset({"dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "syslog"})
"""Services of Apprise that run on this very machine."""

_CONNECTS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTS: Final = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"})


class _Refused(OSError):
    """What a service meets that wants to connect where it may not."""


class _Guard:
    """The audit hook."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self.has_refused = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STARTS:
            raise _Refused("no other programs are started here")
        if event in _CONNECTS and not self._may_reach(arguments[1]):
            self.has_refused = True
            raise _Refused("an address that is not public")

    def _may_reach(self, address: object) -> bool:
        """Sockets of the internet alone, by number; None stands for the address that was connected to before."""
        if address is None:
            return True
        return isinstance(address, tuple) and isinstance(address[0], str) and self._reach.permits_host(address[0])


def deliver(job: Job) -> Outcome:
    """Hand the message over."""
    guard = _Guard(Reach([ipaddress.ip_network(text) for text in job.allowed]))
    sys.addaudithook(guard)
    try:
        import apprise
    except ImportError:
        return Outcome.MISSING
    logging.disable(logging.CRITICAL)  # Apprise logs addresses
    receiver = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Cachewarden", app_desc="Cachewarden"))
    if job.url.partition(":")[0].lower() in _LOCAL or not receiver.add(job.url) or len(receiver) != 1:
        return Outcome.NO_ADDRESS
    for service in receiver:
        service.redirects = False  # whatever `?redirect=` says
    if receiver.notify(body=job.body, title=job.title, notify_type=job.kind, body_format="text"):
        return Outcome.SENT
    return Outcome.NOT_PUBLIC if guard.has_refused else Outcome.FAILED


if __name__ == "__main__":
    sys.stdout.write(deliver(read_json(sys.stdin.buffer.read(), Job)))
