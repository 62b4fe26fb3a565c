"""Azure Monitor alerts: every documented schema, read into one `Alert`.

An alert is a hint that says "look now". Whoever knows the function's key can forge one, so nothing in it chooses a URL,
a workspace or a registry: ids are only compared with the policy's, texts are only diagnosed, links are never followed.
"""

from shared.domain.alerts.model import Alert, UnknownAlert
from shared.domain.alerts.parsing import parse_alert

__all__ = ["Alert", "UnknownAlert", "parse_alert"]
