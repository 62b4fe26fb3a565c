"""What an alert says, whichever schema it came in."""

from datetime import datetime, timedelta

import msgspec

from shared.errors import CallerError


class UnknownAlert(CallerError):
    """A document is no alert of a known schema, or lacks what its schema promises; the message says where and what."""

    code = "unknown_alert"
    hint = "Send Azure Monitor's alerts, preferably with the common alert schema enabled in the action group."


class Alert(msgspec.Struct, frozen=True):
    """What an alert says, as hints of where to look; nothing in it is trusted further than that.

    Attributes:
        delivery_key: hex digits; the same delivery sent again has the same.
        schema: the schema and service found: `common/Log Alerts V2`, `AzureMonitorMetricAlert`, …
        rule: the alert rule's name.
        fired: True for Fired, False for Resolved.
        fired_at: when it fired, aware, in UTC.
        window: how far back the alert's condition looked; zero when it doesn't say, or says that start equals end, as
            test actions do (documented).
        resource_ids: the ARM ids that it names, in lower case, those of dimensions first.
        workspace_ids: the workspaces that its links name, in lower case; only ever compared with the policy's.
        texts: messages that the alert itself carries (dimensions, embedded rows): 64 of 4,096 characters at most.
        alert_id: the alert instance's own id in lower case; empty in the schemas that have none.
        dimensions: the dimensions' values by name.
        properties: the rule's custom properties.
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
    alert_id: str = ""
    dimensions: dict[str, str] = {}
    properties: dict[str, str] = {}
