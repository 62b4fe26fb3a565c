"""`cachewarden rotate`: ask the running app to replace a credential's token, or to say what it would do.

The app does it, not this command: only there are the identity, the lease and the record that make each step once.
"""

import argparse
import http.client
import json
import os
import ssl
import sys
from typing import Any
from urllib.parse import quote, urlsplit

from shared.commands._terminal import json_line
from shared.errors import PermanentError

HELP = "Ask the app to replace a Docker Hub token."

_KEY = "CACHEWARDEN_FUNCTION_KEY"
_TIMEOUT_S = 30
_OK = 300


class AppUnreachable(PermanentError):
    """The app can't be asked, or refuses."""

    code = "app_unreachable"
    hint = f"Look at --url, and at the function key in the environment variable {_KEY}."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("credential", metavar="CREDENTIAL", help="the credential's name in the policy")
    parser.add_argument("--url", required=True, metavar="URL", help="the app's address: https://….azurewebsites.net")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="only say what would be done")
    what.add_argument("--status", action="store_true", help="only show its rotations, and the pulls that are left")
    what.add_argument("--now", action="store_true", help="the default; goes with --revoke-first")
    parser.add_argument(
        "--revoke-first",
        action="store_true",
        help="the token has leaked: delete it before there is a new one. Pulls of what is not cached yet fail until "
        "the new one is adopted, a minute or so; if it can't be minted, until a person makes one. Needs --now",
    )
    parser.add_argument("--json", action="store_true", help="print the app's answer as it is")


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print the answer; 1 when a rotation failed last.

    Raises:
        AppUnreachable: the app can't be asked, or refuses.
    """
    if arguments.revoke_first and not arguments.now:
        raise AppUnreachable(
            "--revoke-first deletes the live token before there is a new one: pulls fail in between",
            hint="Say --now --revoke-first if the token has leaked; without a leak, leave it out.",
        )
    body = None if arguments.status else {"dry_run": arguments.dry_run, "revoke_first": arguments.revoke_first}
    answer = _ask(arguments.url, arguments.credential, body)
    if arguments.json:
        json_line(answer)
    else:
        _show(answer)
    newest = answer.get("rotations", [answer])[:1]
    return int(any(rotation.get("state") == "failed" for rotation in newest))


def _ask(url: str, credential: str, body: dict[str, bool] | None) -> dict[str, Any]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    local = host in {"localhost", "127.0.0.1", "::1"}
    if not host or (parts.scheme != "https" and not (local and parts.scheme == "http")):
        raise AppUnreachable("--url is no https address; the function key goes nowhere else")
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)  # type: ignore[assignment]
    path = f"{parts.path.rstrip('/')}/api/rotations/{quote(credential, safe='')}"
    headers = {"x-functions-key": os.environ.get(_KEY, ""), "Content-Type": "application/json"}
    try:
        method, content = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        answer = json.loads(response.read() or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AppUnreachable(f"the app at {host} can't be asked: {type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if response.status >= _OK:
        detail = answer.get("detail") if isinstance(answer, dict) else ""
        hint = answer.get("hint") if isinstance(answer, dict) else None
        raise AppUnreachable(f"the app answers {response.status}: {detail or response.reason}", hint=hint)
    return dict(answer)


def _show(answer: dict[str, Any]) -> None:
    if "steps" in answer:
        sys.stdout.write(f"{answer['credential']} ({answer['provider']})\n")
        sys.stdout.writelines(f"  {number}. {step}\n" for number, step in enumerate(answer["steps"], 1))
        _show_closed(answer.get("fallback"))
        if answer.get("running"):
            sys.stdout.write(f"  {answer['running']} is under way and would be gone on with\n")
        return
    for rotation in answer.get("rotations", [answer]):
        sys.stdout.write(f"{rotation['credential']}-{rotation['number']}: {rotation['state']} {rotation['error']}\n")
        sys.stdout.writelines(f"  {line['at']} {line['event']}: {line['text']}\n" for line in rotation["timeline"])
    _show_closed(answer.get("cannot"))
    if reading := (answer.get("headroom") or {}).get("reading"):
        sys.stdout.write(f"pulls left: {reading['remaining']} of {reading['limit']}\n")


def _show_closed(code: str | None) -> None:
    if code:
        sys.stdout.write(f"  no token can be minted here ({code}); a person has to make it\n")
