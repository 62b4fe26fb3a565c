"""The alert rules and their action group: failed pulls call the app, in every workspace that the policy names."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Final

from shared.application.doctor import commands
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, failing, together, unknown, warning
from shared.application.doctor.place import Place
from shared.application.doctor.ports import ActionGroup, AlertRule, Surroundings
from shared.application.doctor.roles import may_see
from shared.domain.policy import Policy
from shared.queries import AUDIT_SOURCES, SOURCES
from shared.queries.alerting import alert_query

_FUNCTION: Final = "alerts"
_NO_APP: Final = unknown("which app should be called is not known", "the app's ARM id: --app")
_UNSEEN: Final = "none can be seen in the app's resource group"


def alert_checks(policy: Policy, *, surroundings: Surroundings, place: Place) -> Iterator[Check]:
    """The action group, and the rules that call it."""

    async def groups() -> Judgement:
        if place.app_id is None:
            return _NO_APP
        found = await surroundings.action_groups(place.group_id)
        if not found and not await may_see(surroundings, place.group_id, "Microsoft.Insights/actionGroups/read"):
            return unknown(_UNSEEN, "somebody who may look")
        return group_judged(found, place.app_id)

    async def rules() -> Judgement:
        if place.app_id is None:
            return _NO_APP
        found = await surroundings.alert_rules(place.group_id)
        if not found and not await may_see(surroundings, place.group_id, "Microsoft.Insights/scheduledQueryRules/read"):
            return unknown(_UNSEEN, "somebody who may look")
        groups = {one.id.lower() for one in ours(await surroundings.action_groups(place.group_id), place.app_id)}
        calling = [rule for rule in found if groups & {one.lower() for one in rule.action_groups}]
        watched = {scope.lower() for rule in calling if rule.is_enabled for scope in rule.scopes}
        known = {(await surroundings.workspace_id(scope)).lower() for scope in sorted(watched)}
        return rules_judged(calling, [one for one in policy.sources.workspaces if one.lower() not in known])

    yield Check("action group", "an action group that can be read", groups, spare=True)
    yield Check("alert rules", "alert rules that can be read", rules, spare=True)


def ours(groups: Sequence[ActionGroup], app_id: str) -> list[ActionGroup]:
    """The groups that call the app's function for alerts."""
    app = app_id.rstrip("/").lower()
    return [
        group
        for group in groups
        if any(one.app_id.rstrip("/").lower() == app and one.function == _FUNCTION for one in group.functions)
    ]


def group_judged(groups: Sequence[ActionGroup], app_id: str) -> Judgement:
    """Whether an action group calls the app, in the form that it reads best."""
    calling = ours(groups, app_id)
    if not calling:
        return failing(f"no action group calls {_FUNCTION}", "one that does", commands.WIRE)
    problems = []
    for group in calling:
        name = group.id.rpartition("/")[2]
        if not group.is_enabled:
            line = commands.az("monitor", "action-group", "update", "--ids", group.id, "--set", "enabled=true")
            problems.append(failing(f"{name} is switched off", "an enabled action group", line))
        if not all(one.uses_common_schema for one in group.functions):
            problems.append(warning(f"{name} uses an older schema", "the common alert schema", commands.WIRE))
    return together(problems, otherwise=", ".join(group.id.rpartition("/")[2] for group in calling))


def rules_judged(calling: Sequence[AlertRule], unwatched: Sequence[str]) -> Judgement:
    """Whether the rules that call the app are on, ask what the app asks, and leave no workspace of the policy out."""
    if not calling:
        return failing("no alert rule calls the app", "a rule for each source and workspace", commands.WIRE)
    problems = []
    for rule in calling:
        name = rule.id.rpartition("/")[2]
        if not rule.is_enabled:
            words = ("monitor", "scheduled-query", "update", "--ids", rule.id, "--disabled", "false")
            problems.append(failing(f"{name} is switched off", "an enabled rule", commands.az(*words)))
        if not rule.query.strip().endswith(_own_queries()):
            expected = "the query of this version; one of another version may miss what this one cures"
            problems.append(warning(f"{name} asks something else than the app", expected, commands.WIRE))
    problems += [
        failing(f"no rule watches workspace {workspace}", "a rule for each workspace", commands.WIRE)
        for workspace in unwatched
    ]
    return together(problems, otherwise=", ".join(rule.id.rpartition("/")[2] for rule in calling))


@cache
def _own_queries() -> tuple[str, ...]:
    made = []
    for source in (*SOURCES, *AUDIT_SOURCES):
        with suppress(ValueError):  # a source that counts nothing raises no alert
            made.append(alert_query(source).strip())
    return tuple(made)
