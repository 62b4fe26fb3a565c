"""`cachewarden import`: propose a policy from what is there: rules, credential sets, repositories, images that run.

Live it asks Resource Manager, the registry and Log Analytics with your own sign-in, and only reads; offline it takes
the files that `cachewarden plan` takes. The policy goes to standard output, or to a file that is not there yet.
"""

import argparse
import asyncio
import os
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.adapters.arm import ArmRegistries
from shared.adapters.arm_ids import registry_id
from shared.adapters.clients import introduction
from shared.adapters.clock import SystemClock
from shared.adapters.identity import AppIdentity, has_managed_identity
from shared.adapters.logs import LogAnalytics
from shared.adapters.registry_content import AcrContent
from shared.adapters.surroundings import ArmSurroundings
from shared.application.inventory import Inventory
from shared.commands._az_files import (
    assumed_credential_sets,
    read_credential_sets,
    read_repositories,
    read_rules,
    registry_of,
)
from shared.commands._input import InputUnreadable, given_lines
from shared.domain.planned_images import planned_image
from shared.domain.policy_file import load_policy
from shared.domain.proposal.found import Found, FoundRegistry, SeenImage
from shared.domain.proposal.proposing import propose
from shared.domain.proposal.writing import policy_file
from shared.domain.registries import RegistrySnapshot
from shared.errors import PermanentError
from shared.setting_reader import arm_of, logs_of

HELP = "Propose a policy from the rules, credential sets and images that are there."

_WORKSPACE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOST_DAYS = 365
_ID_HINT = "`az acr show -n NAME --query id -o tsv` prints it."
_OFFLINE = ("cache_rules", "credential_sets", "repositories")


class FileExists(PermanentError):
    """The file that should be written is there already."""

    code = "file_exists"
    hint = "Name another one with --output, or say --force to write over it."


class OutputUnwritable(PermanentError):
    """A file can't be written."""

    code = "output_unwritable"
    hint = "Name another one with --output, or leave it out for standard output."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--registry", metavar="ID", action="append", default=[], help="a registry's ARM id; may be given again"
    )
    parser.add_argument(
        "--workspace",
        metavar="ID",
        action="append",
        default=[],
        help="a Log Analytics workspace's id, to ask for images",
    )
    parser.add_argument("--days", type=int, default=7, metavar="N", help="how far back the workspaces are asked; 7")
    parser.add_argument("--cache-rules", metavar="FILE", help="offline: what `az acr cache list -o json` prints")
    parser.add_argument("--credential-sets", metavar="FILE", help="offline: `az acr credential-set list -o json`")
    parser.add_argument("--repositories", metavar="FILE", help="offline: `az acr repository list -o json`")
    parser.add_argument("--output", metavar="FILE", help="write the policy there; left out: standard output")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument(
        "images", nargs="*", metavar="IMAGES", help="offline: images or failure texts, one a line: a file, a text, or -"
    )


def run(arguments: argparse.Namespace) -> int:
    """Look, propose, write.

    Raises:
        CachewardenError: nothing can be read, or the file is there.
    """
    output = Path(arguments.output) if arguments.output else None
    if output is not None and os.path.lexists(output) and not arguments.force:
        raise FileExists(f"{output} is there already")
    if not 1 <= arguments.days <= _MOST_DAYS:
        raise InputUnreadable(f"--days: found {arguments.days}; expected 1 to {_MOST_DAYS}")
    for workspace in arguments.workspace:
        if _WORKSPACE.fullmatch(workspace) is None:
            raise InputUnreadable(f"--workspace: found {workspace!r}; expected a GUID, as its overview page shows it")
    offline = any(getattr(arguments, name) for name in _OFFLINE) or bool(arguments.images)
    text = policy_file(propose(_offline(arguments) if offline else asyncio.run(_live(arguments))))
    load_policy(text, path="the proposal")
    if output is None:
        sys.stdout.write(text)
    else:
        _write(output, text, force=arguments.force)
        sys.stderr.write(f"cachewarden: wrote {output}, in mode observe: read it before you deploy it\n")
    return 0


def _write(output: Path, text: str, *, force: bool) -> None:
    """Write the file; looking took a while, so without `force` only where nothing is there even now."""
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise FileExists(f"{output} is there already") from error
    except OSError as error:
        raise OutputUnwritable(f"{output}: {error.strerror or error}") from error


def _offline(arguments: argparse.Namespace) -> Found:
    rules = read_rules(arguments.cache_rules) if arguments.cache_rules else ()
    sets = read_credential_sets(arguments.credential_sets) if arguments.credential_sets else None
    files = [path for path in (arguments.cache_rules, arguments.credential_sets) if path]
    ids = arguments.registry or [one for one in map(registry_of, files) if one is not None]
    if len({one.rstrip("/").lower() for one in ids}) != 1:
        found = f"found {len(ids)} registries" if ids else "left out, and no file of rules or credential sets names it"
        raise InputUnreadable(f"--registry: {found}; expected the ARM id of one", hint=_ID_HINT)
    registry_id(ids[0])
    name = ids[0].rstrip("/").rpartition("/")[2]
    snapshot = RegistrySnapshot(
        id=ids[0].rstrip("/"),
        login_server=f"{name}.azurecr.io".lower(),
        rules=rules,
        credential_sets=assumed_credential_sets(rules) if sets is None else sets,
        repositories=read_repositories(arguments.repositories) if arguments.repositories else frozenset(),
    )
    lines = given_lines(arguments.images) if arguments.images else ()
    images = [planned_image(line) for line in lines if line.strip()]
    seen = tuple(
        SeenImage(image.reference, failed=image.cause is not None) for image in images if image.reference is not None
    )
    return Found((FoundRegistry(snapshot),), seen, tuple(arguments.workspace))


async def _live(arguments: argparse.Namespace) -> Found:
    if not arguments.registry:
        raise InputUnreadable("--registry: left out; expected the ARM id of a registry", hint=_ID_HINT)
    managed = has_managed_identity(os.environ)
    identity: Any = AppIdentity(managed=managed, client_id=os.environ.get("AZURE_CLIENT_ID") or None)
    arm, arm_audience = arm_of(os.environ)
    logs, logs_audience = logs_of(os.environ)
    said = introduction("cachewarden-import")
    registries = ArmRegistries(identity, endpoint=arm, audience=arm_audience, **said)
    content = AcrContent(identity, **said)
    surroundings = ArmSurroundings(identity, endpoint=arm, audience=arm_audience, **said)
    workspaces = LogAnalytics(identity, endpoint=logs, audience=logs_audience, **said)
    try:
        return await Inventory(
            registries=registries, content=content, surroundings=surroundings, logs=workspaces, clock=SystemClock()
        ).take(arguments.registry, arguments.workspace, last=timedelta(days=arguments.days))
    finally:
        for adapter in (registries, content, surroundings, workspaces):
            await adapter.aclose()
        await identity.close()
