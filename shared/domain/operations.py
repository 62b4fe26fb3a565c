"""Long-running operations: what Resource Manager has accepted and does in its own time."""

import msgspec


class Operation(msgspec.Struct, frozen=True):
    """A write to a cache rule or credential set that was accepted and whose end nobody of us has seen yet.

    Attributes:
        resource: `cacheRules/<name>` or `credentialSets/<name>`.
        status: where its end is told: path and query below Resource Manager's endpoint, never a whole address, so that
            nothing that is stored chooses where a token goes. It may carry a signature: it is in no log, no notice and
            no answer. Empty where Resource Manager named none; then the resource itself tells.
    """

    resource: str
    status: str = ""
