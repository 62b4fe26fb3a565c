"""What `make demo` leaves behind for scripts: `var/demo.json`."""

from pathlib import Path

import msgspec


class Before(msgspec.Struct, frozen=True):
    """A pull from Docker Hub before the cure: the image and the HTTP status that it ended with."""

    image: str
    status: int


class Rule(msgspec.Struct, frozen=True):
    """A cache rule that was created."""

    name: str
    source: str
    target: str
    credential_set: str | None


class After(msgspec.Struct, frozen=True):
    """A pull through the registry after the cure.

    Attributes:
        digest_matches: manifest, configuration and layers are those that Docker Hub has.
    """

    image: str
    pull_from: str
    status: int
    digest_matches: bool


class Seconds(msgspec.Struct, frozen=True):
    """How long things took, in seconds.

    Attributes:
        alert_accepted: from the alert's POST to its 202.
        alert_to_rules: from the alert's POST until the last cache rule was accepted by ARM.
        total: the whole demo, set-up not counted.
    """

    alert_accepted: float
    alert_to_rules: float
    total: float


class DemoReport(msgspec.Struct, frozen=True):
    """The whole of `var/demo.json`.

    Attributes:
        ok: every step held.
        hub_pulls: pulls that Docker Hub counted against the cache's account.
        notifications: CloudEvents that arrived at the topic.
        failed_step: the step that did not hold, None when all did.
    """

    ok: bool
    before: tuple[Before, ...] = ()
    rules: tuple[Rule, ...] = ()
    after: tuple[After, ...] = ()
    hub_pulls: int = 0
    notifications: int = 0
    seconds: Seconds = Seconds(0, 0, 0)
    failed_step: str | None = None

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        unfinished = path.with_suffix(".tmp")
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        unfinished.replace(path)
