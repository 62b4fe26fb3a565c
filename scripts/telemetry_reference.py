"""The reference of spans and metrics, from their definitions."""

from shared.telemetry.correlation import ON_SPANS, PREFIX
from shared.telemetry.instruments import INSTRUMENTS, Instrument, Label
from shared.telemetry.metrics import OTHER
from shared.telemetry.names import Outcome, Outside, Work

_OUTCOMES = {
    Outcome.OK: "it was done",
    Outcome.CONFLICT: "somebody else was faster, so it is read again; no failure",
    Outcome.ABSENT: "a workspace has no such table, so the source is skipped; no failure",
    Outcome.TEMPORARY: "trouble that may pass",
    Outcome.PERMANENT: "a refusal that stays until somebody changes something",
    Outcome.DEFECT: "an error that nobody meant; it is in the log",
    Outcome.CANCELLED: "it was cut off: the host stops, or a deadline is over",
}


def telemetry_page(generated: str) -> str:
    """Every span and every metric with its labels."""
    return "\n".join(
        [
            "# Spans and metrics",
            "",
            generated,
            "",
            "[telemetry.md](../telemetry.md) says how to use them.",
            "",
            "## Spans of the app's work",
            "",
            "Kind internal. A reader of a queue is a span of kind consumer, `process <queue>`, around them.",
            "",
            "| span | what |",
            "|---|---|",
            *(f"| `{work}` | {work.about} |" for work in Work),
            "",
            "## Spans of calls",
            "",
            "Kind client, `queues.send` producer. One span is one call as the app sees it, with retries and polling.",
            "",
            "| span | what |",
            "|---|---|",
            *(f"| `{call}` | {call.about} |" for call in Outside),
            "",
            "## Attributes of spans",
            "",
            "- ids, where they are known: " + ", ".join(f"`{PREFIX}{name}`" for name in sorted(ON_SPANS)) + ";",
            f"- `{PREFIX}outcome`, and where that is not `ok` the error's code as `{PREFIX}error` and `error.type`;",
            f"- `peer.service` of calls, the system; `{PREFIX}action`, `{PREFIX}step`, `{PREFIX}channel_kind` of the",
            "  work that has one; OpenTelemetry's `messaging.*` of readers.",
            "",
            "| outcome | means |",
            "|---|---|",
            *(f"| `{outcome}` | {_OUTCOMES[outcome]} |" for outcome in Outcome),
            "",
            "## Metrics",
            "",
            f"Labels begin with `{PREFIX}`. Every value is one of those that are listed, else `{OTHER}`.",
            "",
            "| metric | kind, unit | what | labels |",
            "|---|---|---|---|",
            *(_row(instrument) for instrument in INSTRUMENTS),
            "",
        ]
    )


def _row(instrument: Instrument) -> str:
    labels = "; ".join(_label(label) for label in instrument.labels)
    return f"| `{instrument.name}` | {instrument.kind}, `{instrument.unit}` | {instrument.about} | {labels} |"


def _label(label: Label) -> str:
    if label.values is None:
        return f"`{label.name}`: {_DECLARED[label.name]}"
    if label.values == {*Outcome}:
        return f"`{label.name}`: as above"
    if label.values >= {*Work} or label.values >= {*Outside}:
        return f"`{label.name}`: the spans above"
    return f"`{label.name}`: " + ", ".join(f"`{value}`" for value in sorted(label.values))


_DECLARED = {"credential": "the policy's credentials, `anonymous`", "chore": "the chores of the sweep"}
