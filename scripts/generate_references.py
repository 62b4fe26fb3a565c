"""Writes the references that are made from the code, or says with `--check` which of them no longer fit it.

A reference that somebody types is wrong a week later. To add one: a function that gives its whole text, and its path in
`REFERENCES`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from shared.domain.durations import format_duration
from shared.domain.policy import Policy
from shared.domain.upstreams import UPSTREAMS, Upstream

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


REFERENCES: Mapping[Path, Callable[[], str]] = {
    Path("docs/reference/policy.schema.json"): policy_schema,
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
