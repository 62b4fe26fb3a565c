"""Azure Monitor alerts, parsed (helper E1 completes this module)."""

from datetime import datetime, timedelta

import msgspec


class Alert(msgspec.Struct, frozen=True):
    """What an alert says, as hints of where to look; nothing in it is trusted further than that.

    Attributes:
        delivery_key: hex digits; the same delivery sent again has the same.
        schema: the schema and service found: `common/Log Alerts V2`, …
        rule: the alert rule's name.
        fired: True for Fired, False for Resolved.
        fired_at: when it fired.
        window: how far back the alert's condition looked.
        resource_ids: the ARM ids that it names (dimensions, configuration items), in lower case.
        workspace_ids: the workspace ids that its links name, in lower case; only ever compared with the policy's.
        texts: messages that the alert itself carries (dimensions, embedded rows).
    """

    delivery_key: str
    schema: str
    rule: str
    fired: bool
    fired_at: datetime
    window: timedelta
    resource_ids: tuple[str, ...] = ()
    workspace_ids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
