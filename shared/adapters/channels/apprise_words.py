"""What `longtail` and its process say to each other."""

from enum import StrEnum

import msgspec


class Job(msgspec.Struct, frozen=True):
    """One message for one service.

    Attributes:
        url: the service's address in Apprise's form; a secret.
        kind: `info`, `warning` or `failure`.
        allowed: networks that are not public and may be reached all the same.
    """

    url: str
    title: str
    body: str
    kind: str
    allowed: tuple[str, ...]


class Outcome(StrEnum):
    """What became of it."""

    SENT = "sent"
    FAILED = "failed"
    MISSING = "missing"
    NO_ADDRESS = "no_address"
    NOT_PUBLIC = "not_public"
