"""`cachewarden rotate`: ask the running app to replace a credential's token, or to say what it would do.

The app does it, not this command: only there are the identity, the lease and the record that make each step once.
"""

import argparse
import sys
from typing import Any
from urllib.parse import quote

from shared.commands._app import AppUnreachable, ask_app
from shared.commands._terminal import json_line

HELP = "Ask the app to replace a Docker Hub token."


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
    answer = ask_app(arguments.url, f"rotations/{quote(arguments.credential, safe='')}", body)
    if arguments.json:
        json_line(answer)
    else:
        _show(answer)
    newest = answer.get("rotations", [answer])[:1]
    return int(any(rotation.get("state") == "failed" for rotation in newest))


def _show(answer: dict[str, Any]) -> None:
    if "steps" in answer:
        sys.stdout.write(f"{answer['credential']} ({answer['provider']})\n")
        sys.stdout.writelines(f"  {number}. {step}\n" for number, step in enumerate(answer["steps"], 1))
        _show_closed(answer.get("fallback"))
        if answer.get("running"):
            sys.stdout.write(f"  {answer['running']} is under way and would be gone on with\n")
        return
    rotations = answer.get("rotations", [answer])
    if not rotations:
        sys.stdout.write(f"{answer['credential']} ({answer['provider']}) was never rotated from here\n")
    for rotation in rotations:
        how = f"{rotation['state']} {rotation['error']}".rstrip()
        sys.stdout.write(f"{rotation['credential']}-{rotation['number']}: {how}\n")
        sys.stdout.writelines(f"  {line['at']} {line['event']}: {line['text']}\n" for line in rotation["timeline"])
    _show_closed(answer.get("cannot"))
    if reading := (answer.get("headroom") or {}).get("reading"):
        sys.stdout.write(f"pulls left: {reading['remaining']} of {reading['limit']}\n")


def _show_closed(code: str | None) -> None:
    if code:
        sys.stdout.write(f"  no token can be minted here ({code}); a person has to make it\n")
