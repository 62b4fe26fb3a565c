"""Writes the references that are made from the code, or says with `--check` which of them no longer fit it.

A reference that somebody types is wrong a week later. To add one: a function that gives its whole text, and its path in
`REFERENCES`.
"""

import argparse
import functools
import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

import shared
from functions.api_document import document
from scripts.notice_reference import notice_page, notice_schema
from scripts.telemetry_reference import telemetry_page
from shared.adapters.azure_codes import HINTS, TEMPORARY_CODES
from shared.domain.durations import format_duration
from shared.domain.policy import Policy
from shared.domain.upstreams import UPSTREAMS, Upstream
from shared.errors import CachewardenError
from shared.queries import AUDIT_SOURCES, SOURCES, LogSource
from shared.queries.alerting import alert_query
from shared.settings import Settings, described

_GENERATED = "Made by `scripts/generate_references.py`; edit the code, not this page."
_FIELDS = Settings.__struct_fields__
_REQUIRED = len(_FIELDS) - len(Settings.__struct_defaults__)

ROOT = Path(__file__).resolve().parent.parent


def policy_schema() -> str:
    """The JSON Schema of the policy file, for completion and checks in editors."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Cachewarden's policy",
        "description": "What Cachewarden may do. `cachewarden policy check FILE` checks more than a schema can say.",
    }
    schema = _as_written({**head, **msgspec.json.schema(Policy)})
    schema["$defs"]["Policy"]["properties"]["upstreams"]["properties"] = {
        upstream.host: {"$ref": "#/$defs/UpstreamPolicy", "description": _about(upstream)}
        for upstream in UPSTREAMS
        if not upstream.host.startswith("*")
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _about(upstream: Upstream) -> str:
    hint = f"; {upstream.secret_hint}" if upstream.secret_hint else ""
    return f"Credentials: {upstream.authentication}{hint}."


def _as_written(schema: Any) -> Any:
    """Durations as the file has them, `30d`, where msgspec describes ISO 8601, `P30D`."""
    if isinstance(schema, list):
        return [_as_written(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    written = {key: _as_written(entry) for key, entry in schema.items()}
    if written.get("format") == "duration":
        del written["format"]
    default = written.get("default")
    if isinstance(default, str) and written.get("type") == "string" and default.startswith("P"):
        written["default"] = format_duration(msgspec.convert(default, timedelta))
    if isinstance(default, dict):
        del written["default"]
    return written


def settings_table() -> str:
    """Every app setting with its form and its default."""
    rows = []
    for field, (setting, description) in described().items():
        default = _shown(Settings.__struct_defaults__[_FIELDS.index(field) - _REQUIRED]) if field != "policy" else "—"
        rows.append(f"| `{setting.name}` | {description} | {setting.form.expected} | {default} |")
    return "\n".join(
        [
            "# App settings",
            "",
            _GENERATED,
            "",
            "An empty value counts as unset. A name that begins with `CACHEWARDEN_` and is not listed here is an",
            "error. All that is wrong is named at once, when the app starts. The storage account is given as a",
            "connection string, or by name or addresses together with the app's identity.",
            "",
            "| setting | what it is for | form | default |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def error_catalogue() -> str:
    """Every error of the product: its code, whether it is tried again, what it means, what to do."""
    rows = [
        f"| `{error.code}` | {'yes' if error.retryable else 'no'} | {_meaning(error)} | {error.hint or '—'} |"
        for error in sorted(_errors(), key=lambda error: error.code)
    ]
    hints = [f"| `{code}` | {hint} |" for code, hint in sorted(HINTS.items())]
    return "\n".join(
        [
            "# Errors",
            "",
            _GENERATED,
            "",
            "The code stands in logs, in incidents and in the answers of the HTTP API. Where an outside system has a",
            "code of its own, that one is shown instead.",
            "",
            "| code | tried again | what it means | what to do |",
            "|---|---|---|---|",
            *rows,
            "",
            "## Azure's own codes",
            "",
            "These do not pass by themselves:",
            "",
            "| code | what to do |",
            "|---|---|",
            *hints,
            "",
            "These pass, and are tried again: " + ", ".join(f"`{code}`" for code in sorted(TEMPORARY_CODES)) + ".",
            "",
        ]
    )


def _errors() -> list[type[CachewardenError]]:
    for module in pkgutil.walk_packages(shared.__path__, "shared."):
        importlib.import_module(module.name)
    found = [CachewardenError]
    for error in found:
        found += [one for one in error.__subclasses__() if one.__module__.startswith("shared.") and one not in found]
    return [error for error in found if error.__module__ != "shared.errors"]


def _meaning(error: type[CachewardenError]) -> str:
    paragraph = (error.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


def _alert(source: LogSource) -> str:
    """A log alert's query, from the app's own."""
    return f"// Made by scripts/generate_references.py from shared/queries/{source.name}.kql.\n{alert_query(source)}"


def workbook() -> str:
    """The Azure Workbook: the queries of infra/workbook/, in the order of its items.json."""
    folder = ROOT / "infra" / "workbook"
    items: list[Mapping[str, Any]] = [_TIME_RANGE]
    for item in json.loads((folder / "items.json").read_text(encoding="utf-8")):
        content = {
            "version": "KqlItem/1.0",
            "query": (folder / f"{item['query']}.kql").read_text(encoding="utf-8"),
            "title": item["title"],
            "size": 0,
            "showAnalytics": True,
            "timeContextFromParameter": "TimeRange",
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
            "crossComponentResources": ["{workspaces}"],
            "visualization": item["visualization"],
        }
        items.append({"type": 3, "name": item["query"], "content": content})
    return json.dumps({"version": "Notebook/1.0", "items": items, "isLocked": False}, indent=2) + "\n"


_TIME_RANGE: Mapping[str, Any] = {
    "type": 9,
    "name": "parameters",
    "content": {
        "version": "KqlParameterItem/1.0",
        "parameters": [
            {
                "version": "KqlParameterItem/1.0",
                "name": "TimeRange",
                "label": "Time",
                "type": 4,
                "isRequired": True,
                "value": {"durationMs": 604800000},
                "typeSettings": {
                    "selectableValues": [{"durationMs": ms} for ms in (3600000, 86400000, 604800000, 2592000000)]
                },
            }
        ],
    },
}


def _shown(default: object) -> str:
    if default is None:
        return "—"
    return f"`{format_duration(default) if isinstance(default, timedelta) else default}`"


REFERENCES: Mapping[Path, Callable[[], str]] = {
    Path("docs/reference/policy.schema.json"): policy_schema,
    Path("docs/reference/settings.md"): settings_table,
    Path("docs/reference/errors.md"): error_catalogue,
    Path("infra/workbook/cachewarden.workbook.json"): workbook,
    **{
        Path(f"infra/alerts/app/{source.name}.kql"): functools.partial(_alert, source)
        for source in (*SOURCES, *AUDIT_SOURCES)
        if "| extend Rank =" in source.query
    },
    Path("docs/reference/notices.md"): lambda: notice_page(_GENERATED),
    Path("docs/reference/notices.schema.json"): notice_schema,
    Path("docs/reference/openapi.json"): lambda: document().decode(),
    Path("docs/reference/telemetry.md"): lambda: telemetry_page(_GENERATED),
}
"""What is generated, below the repository's root."""


def stale(root: Path = ROOT) -> list[Path]:
    """The references below a root that do not say what the code says now."""
    return [
        path
        for path, generate in REFERENCES.items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != generate()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the references, or check them; 1 when the check finds some that are stale."""
    parser = argparse.ArgumentParser(description="Write the references that are made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when one is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder to write below")
    options = parser.parse_args(arguments)
    changed = stale(options.root)
    for path in changed:
        if options.check:
            print(f"{path} is stale: run scripts/generate_references.py", file=sys.stderr)
            continue
        (options.root / path).parent.mkdir(parents=True, exist_ok=True)
        (options.root / path).write_text(REFERENCES[path](), encoding="utf-8")
        print(f"wrote {path}")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
