"""Which schema a document is in."""

from shared.domain.alerts.common import SCHEMA, parse_common
from shared.domain.alerts.legacy import (
    ACTIVITY_ALERT,
    LOG_ALERT,
    METRIC_ALERT,
    parse_activity_alert,
    parse_log_alert,
    parse_metric_alert,
)
from shared.domain.alerts.model import Alert, UnknownAlert
from shared.domain.alerts.reading import Fields

_EXPECTED = f"expected {SCHEMA}, {LOG_ALERT}, {METRIC_ALERT}, {ACTIVITY_ALERT}, or a workspace's V1 log alert"


def parse_alert(document: object) -> Alert:
    """The alert in a decoded JSON document.

    Raises:
        UnknownAlert: it is in no schema that Azure Monitor sends about logs, metrics or activity, or lacks a field
            without which nothing can be done; the message names what was found and what was expected.
    """
    if not isinstance(document, dict):
        raise UnknownAlert(f"the document is a JSON {_kind(document)}; a JSON object was expected")
    fields = Fields(document, "$")
    schema = fields.text("schemaId")
    match schema.lower():
        case "azuremonitorcommonalertschema":
            return parse_common(fields)
        case "microsoft.insights/logalert":
            return parse_log_alert(fields.fields("data"), document, LOG_ALERT)
        case "azuremonitormetricalert":
            return parse_metric_alert(fields, document)
        case "microsoft.insights/activitylogs":
            return parse_activity_alert(fields, document)
        case "" if "AlertRuleName" in fields and "SearchQuery" in fields:
            return parse_log_alert(fields, document, "workspace log alert V1")
        case "":
            keys = ", ".join(sorted(str(key)[:40] for key in document)[:8]) or "no keys"
            raise UnknownAlert(f"the document has no schemaId (found {keys}); {_EXPECTED}")
        case _:
            raise UnknownAlert(f"schemaId is {schema[:80]!r}; {_EXPECTED}")


def _kind(document: object) -> str:
    if document is None:
        return "null"
    if isinstance(document, bool):
        return "boolean"
    if isinstance(document, list):
        return "array"
    return "string" if isinstance(document, str) else "number"
