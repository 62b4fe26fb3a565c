"""`cachewarden doctor`: look at everything that a cure needs, and say what is wrong and the command that mends it.

Run where the app runs, it looks with the app's identity and settings. From a laptop it looks with your own sign-in, at
the app that `--app` names, and with `--url` the running app is asked as well for what only it may see. `--url` without
`--app` asks the running app alone: a laptop's environment says nothing about it.
"""

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.adapters.clients import introduction
from shared.adapters.deployed_app import read_deployed_app
from shared.adapters.identity import AppIdentity, has_managed_identity
from shared.application.assembly import doctor
from shared.application.doctor import commands
from shared.application.doctor.findings import DoctorReport, Finding, Verdict, merged, report_of
from shared.bootstrap import adapters, place_of
from shared.commands._app import KEY_SETTING, AppUnreachable, ask_app
from shared.commands._doctor_view import show_report
from shared.commands._input import read_text
from shared.commands._terminal import json_line
from shared.domain.policy import Policy
from shared.domain.policy_file import check_policy
from shared.setting_reader import SettingsInvalid, arm_of, read_settings
from shared.settings import Settings
from shared.telemetry import configure as configure_logs

HELP = "Look at everything that a cure needs; exit code 0 all is well, 1 something is wrong."

_INTRODUCED = "cachewarden-doctor"
"""How a person's requests are told from the app's."""

_SITE = "az functionapp show -g GROUP -n APP --query id -o tsv"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--app",
        metavar="ID",
        help=f"the app's ARM id: $({_SITE}); left out: the environment's settings, or with --url only the running app",
    )
    parser.add_argument("--policy", metavar="FILE", help="the policy file; left out: the one that the settings name")
    parser.add_argument(
        "--url", metavar="URL", help=f"the running app's address, to ask it too; its function key is in {KEY_SETTING}"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--strict", action="store_true", help="let warnings and what nobody could see fail as well")


def run(arguments: argparse.Namespace) -> int:
    """Look, print what was found; 1 when something is wrong.

    Raises:
        CachewardenError: the app that is named, or its address, can't be asked at all.
    """
    configure_logs("ERROR")
    alone = arguments.url and not arguments.app
    report = _examined_policy(arguments.policy) if alone else asyncio.run(_examine(arguments))
    if arguments.url:
        report = merged(report, _asked(arguments.url))
    if arguments.json:
        json_line(report)
    else:
        show_report(report)
    well = {Verdict.OK} if arguments.strict else {Verdict.OK, Verdict.WARNING, Verdict.UNKNOWN}
    return int(any(finding.verdict not in well for finding in report.findings))


async def _examine(arguments: argparse.Namespace) -> DoctorReport:
    given, principal = await _given(arguments.app) if arguments.app else (dict(os.environ), None)
    try:
        settings = read_settings(given)
    except SettingsInvalid as invalid:
        return report_of([_settings_finding(invalid, arguments.app or "APP-ID")])
    findings = [Finding(Verdict.OK, "valid", what="settings")]
    policy, finding = _policy(arguments.policy or settings.policy)
    findings.append(finding)
    if policy is None:
        return report_of(findings)
    report = await _looked(settings, policy, app=arguments.app, principal=principal)
    return report_of([*findings, *report.findings])


def _examined_policy(path: str | None) -> DoctorReport:
    """What can be said without the app's settings: about the policy, when one is named."""
    return report_of([_policy(path)[1]] if path else [])


async def _looked(settings: Settings, policy: Policy, *, app: str | None, principal: str | None) -> DoctorReport:
    managed = has_managed_identity(os.environ)
    place = msgspec.structs.replace(place_of(settings), inside=managed and app is None, principal=principal)
    if app is not None:
        place = msgspec.structs.replace(place, app_id=app.rstrip("/"))
        mine = os.environ.get("AZURE_CLIENT_ID")
        settings = msgspec.structs.replace(settings, client_id=mine, storage_client_id=None)
    introduced = "cachewarden" if place.inside else _INTRODUCED
    ports, closers = adapters(settings, policy, managed=managed, introduced=introduced)
    try:
        return await doctor(policy, ports, place).examine()
    finally:
        for close in closers:
            await close()


async def _given(app: str) -> tuple[Mapping[str, str], str | None]:
    """The app's settings, over which this process's own have precedence, and its identity."""
    identity: Any = AppIdentity(
        managed=has_managed_identity(os.environ), client_id=os.environ.get("AZURE_CLIENT_ID") or None
    )
    endpoint, audience = arm_of(os.environ)
    try:
        deployed = await read_deployed_app(
            identity, app, endpoint=endpoint, audience=audience, **introduction(_INTRODUCED)
        )
    finally:
        await identity.close()
    own = {name: value for name, value in os.environ.items() if name.startswith("CACHEWARDEN_") and name != KEY_SETTING}
    return {**deployed.settings, **own}, deployed.principal


def _settings_finding(invalid: SettingsInvalid, app: str) -> Finding:
    mend = commands.az("functionapp", "config", "appsettings", "set", "--ids", app, "--settings", "NAME=VALUE")
    expected = "settings as docs/reference/settings.md describes them"
    return Finding(Verdict.FAILING, "; ".join(invalid.problems), expected, (mend,), what="settings")


def _policy(path: str) -> tuple[Policy | None, Finding]:
    """The policy of a file, and what is wrong with it."""
    checked = check_policy(read_text(str(Path(path))))
    mend = commands.line("cachewarden", "policy", "check", path)
    if checked.policy is None:
        seen = "; ".join(f"line {one.line or 1}: {one.told}" for one in checked.errors)
        return None, Finding(Verdict.FAILING, seen, "a policy without errors", (mend,), what="policy")
    if checked.warnings:
        seen = "; ".join(f"line {one.line or 1}: {one.told}" for one in checked.warnings)
        return checked.policy, Finding(Verdict.WARNING, seen, "a policy without warnings", (mend,), what="policy")
    return checked.policy, Finding(Verdict.OK, f"valid, mode {checked.policy.mode}", what="policy")


def _asked(url: str) -> DoctorReport:
    """What the running app finds."""
    try:
        return msgspec.convert(ask_app(url, "health/deep"), DoctorReport)
    except msgspec.ValidationError as error:
        raise AppUnreachable(f"the app answers in another form ({error}); is it of another version?") from error
