"""A plan as a tree for people: what would be done and why, then what becomes of each image."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from shared.commands._terminal import Printer, folded, visible, width
from shared.domain.counting import counted
from shared.domain.diagnosis import Cause
from shared.domain.handoff import by_hand
from shared.domain.plan_diff import PlanDiff
from shared.domain.plans import (
    Action,
    AttachCredentialSet,
    CreateCacheRule,
    CreateCredentialSet,
    GrantVaultAccess,
    Outcome,
    Plan,
    Status,
)

_STYLES = {Status.COVERED: "green", Status.PLANNED: "cyan", Status.BLOCKED: "red", Status.IGNORED: "dim"}
_MOST_IMAGES = 200
"""Images that are told one by one; JSON tells them all."""

_GUIDE = 4
"""Columns that each level of the tree takes."""

_WIDEST = 4096
"""Columns; the terminal wraps longer lines itself, so that a command that is copied stays one line."""


class Branch(msgspec.Struct, frozen=True):
    """A line of the tree, and what hangs below it; a command is never folded."""

    text: str
    style: str = ""
    below: tuple["Branch", ...] = ()
    command: bool = False


def show_plan(plan: Plan, registry_name: str, *, vault_ids: Mapping[str, str], left_out: int = 0) -> None:
    """Print a plan, and how many lines around it said nothing; `vault_ids` has the ARM ids of vaults by address."""
    below = (*_actions(plan, registry_name, vault_ids), *_images(plan))
    if left_out:
        lines = counted(left_out, "line")
        below += (Branch(f"{lines} left out that told neither an image nor a failure; --json has them", "dim"),)
    _show(Branch(f"Plan for {registry_name}: {_summary(plan)}", "bold", below))


def without_echoes(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """The outcomes without lines that say nothing new: `Back-off pulling image` beside the failure itself."""
    told = tuple(outcomes)
    known = {outcome.image for outcome in told if outcome.reason != Cause.UNKNOWN}
    return tuple(outcome for outcome in told if outcome.reason != Cause.UNKNOWN or outcome.image not in known)


def show_diff(diff: PlanDiff, registry_name: str) -> None:
    """Print what changed since another plan."""
    added = (Branch(f"+ {_told(action)}", "green", _why(action)) for action in diff.added)
    removed = (Branch(f"- {_told(action)}", "red") for action in diff.removed)
    images = (
        Branch(f"~ {change.image}: {_fate(change.before)} -> {_fate(change.after)}", "yellow")
        for change in diff.outcomes
    )
    below = (*added, *removed, *images)
    _show(Branch(f"Changes of the plan for {registry_name}", "bold", below or (Branch("none", "dim"),)))


def _summary(plan: Plan) -> str:
    counts = {status: sum(outcome.status is status for outcome in plan.outcomes) for status in Status}
    images = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no images"
    return f"{len(plan.actions)} to do; {images}"


def _actions(plan: Plan, registry_name: str, vault_ids: Mapping[str, str]) -> Iterable[Branch]:
    if not plan.actions:
        return [Branch("Nothing to do", "green")]
    steps = (
        Branch(
            f"{number}. {_told(action)}",
            "cyan",
            (
                *_why(action),
                *_by_hand(action, registry_name, vault_ids),
            ),
        )
        for number, action in enumerate(plan.actions, start=1)
    )
    return [Branch("To do, in this order", "bold", tuple(steps))]


def _by_hand(action: Action, registry_name: str, vault_ids: Mapping[str, str]) -> Iterable[Branch]:
    vault_id = vault_ids.get(action.vault) if isinstance(action, GrantVaultAccess) else None
    return (Branch(line, "green", command=True) for line in by_hand(action, registry_name, vault_id))


def _images(plan: Plan) -> Iterable[Branch]:
    outcomes = {(outcome.image, outcome.status): outcome for outcome in plan.outcomes}
    for status in Status:
        told = [outcome for outcome in outcomes.values() if outcome.status is status]
        below = tuple(_image(outcome) for outcome in told[:_MOST_IMAGES])
        if len(told) > _MOST_IMAGES:
            below += (Branch(f"and {len(told) - _MOST_IMAGES} more; --json tells them all", "dim"),)
        if below:
            yield Branch(f"Images {status}", "bold", below)


def _image(outcome: Outcome) -> Branch:
    reason = f" ({outcome.reason})" if outcome.reason else ""
    below = [Branch(f"pull from {outcome.pull_from}", "green")] if outcome.pull_from else []
    below += [Branch(f"rule {outcome.rule}", "dim")] if outcome.rule else []
    below += [Branch(outcome.detail, "dim")] if outcome.detail else []
    return Branch(f"{outcome.image}{reason}", _STYLES[outcome.status], tuple(below))


def _told(action: Action) -> str:
    match action:
        case CreateCredentialSet():
            return f"create the credential set {action.name} for {action.login_server}"
        case GrantVaultAccess():
            return f"let {action.credential_set} read {' and '.join(action.secrets)} in {action.vault}"
        case CreateCacheRule():
            login = f" with {action.credential_set}" if action.credential_set else ""
            return f"create the cache rule {action.name}: {action.source} -> {action.target}{login}"
        case AttachCredentialSet():
            return f"give the rule {action.rule} the credential set {action.credential_set}"


def _why(action: Action) -> tuple[Branch, ...]:
    return (Branch(action.why, "dim"),) if action.why else ()


def _fate(outcome: Outcome | None) -> str:
    if outcome is None:
        return "not there"
    return f"{outcome.status} ({outcome.reason})" if outcome.reason else outcome.status


def _show(tree: Branch) -> None:
    printer = Printer()
    if printer.colours and _show_with_rich(tree):
        return
    printer.line(printer.paint(tree.text, tree.style))
    _show_below(printer, tree.below, "")


def _show_below(printer: Printer, branches: Sequence[Branch], indent: str) -> None:
    for number, branch in enumerate(branches, start=1):
        last = number == len(branches)
        text = printer.paint(branch.text, branch.style) if branch.style else visible(branch.text)
        printer.line(f"{indent}{'└── ' if last else '├── '}{text}")
        _show_below(printer, branch.below, indent + ("    " if last else "│   "))


def _show_with_rich(tree: Branch) -> bool:
    """Whether rich is installed, which only a developer's environment is sure to have, and has printed the tree."""
    try:
        from rich.console import Console
        from rich.text import Text
        from rich.tree import Tree
    except ImportError:
        return False

    def grown(branch: Branch, depth: int = 0) -> Tree:
        columns = None if branch.command else (width() or _WIDEST) - depth * _GUIDE
        root = Tree(Text("\n".join(folded(visible(branch.text), columns, 0)), style=branch.style))
        root.children.extend(grown(child, depth + 1) for child in branch.below)
        return root

    Console(width=_WIDEST).print(grown(tree))
    return True
