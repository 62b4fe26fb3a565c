"""The audit trail: every change that we make outside, written down before it is made and after."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Result(StrEnum):
    """How a change ended. A `begun` without another entry of the same change was cut off: the process died."""

    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"
    TROUBLE = "trouble"


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry; a change has one when it begins and one when it ends.

    Attributes:
        change: what the entries of one change share.
        at: when.
        by: who asked: `policy` for what the policy does by itself, else the person who agreed; `a person` who asked
            for a rotation, since neither a function key nor a secret's new version says who that was.
        why: why, in a sentence.
        kind: what is done: `create_cache_rule`, `create_token`, …
        resource: the ARM id or the name of what is changed; a secret's address, or `docker.io/tokens/` and an id.
        before: what was there, as far as it is touched; None when nothing was.
        after: what is there then.
        result: how it ended.
        error: `code: text` of what went wrong.
        seconds: how long it took, None when it begins.
    """

    change: str
    at: datetime
    by: str
    why: str
    kind: str
    resource: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    result: Result = Result.BEGUN
    error: str | None = None
    seconds: float | None = None
