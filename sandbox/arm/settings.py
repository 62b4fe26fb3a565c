"""How Resource Manager behaves where the real one varies; may be changed at any time."""

import msgspec


class ArmSettings(msgspec.Struct, forbid_unknown_fields=True):
    """The defaults make everything as fast as it can be.

    Attributes:
        rule_delay_s: how long after its creation the data plane begins to honour a rule (observed: one to three
            minutes).
        operation_polls: how many polls find a new operation still running.
        operation_delay_s: how long a new operation runs at least.
        retry_after_s: the `Retry-After` of accepted operations; None leaves it out (the SDK then waits 30 s).
        asynchronous: codes of refusals of a new rule that come as failed operations instead of at once.
        unregistered: provider namespaces that the subscription has not registered.
        page_size: how many items a list returns before it gives a `nextLink`.
    """

    rule_delay_s: float = 0
    operation_polls: int = 0
    operation_delay_s: float = 0
    retry_after_s: int | None = 0
    asynchronous: set[str] = msgspec.field(default_factory=set)
    unregistered: set[str] = msgspec.field(default_factory=set)
    page_size: int = 100
