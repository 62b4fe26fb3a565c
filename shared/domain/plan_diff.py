"""What changed from one plan to another: the actions that came and went, the images whose fate is another."""

import msgspec

from shared.domain.plans import Action, Outcome, Plan


class ChangedOutcome(msgspec.Struct, frozen=True):
    """An image whose outcome is another now; None where a plan does not name it."""

    image: str
    before: Outcome | None
    after: Outcome | None


class PlanDiff(msgspec.Struct, frozen=True):
    """The difference; explanations alone make none."""

    added: tuple[Action, ...] = ()
    removed: tuple[Action, ...] = ()
    outcomes: tuple[ChangedOutcome, ...] = ()


def plan_diff(before: Plan, after: Plan) -> PlanDiff:
    """What is in one plan and not in the other, in the order of each."""
    old, new = ({_bare(action) for action in plan.actions} for plan in (before, after))
    was, now = ({outcome.image: outcome for outcome in plan.outcomes} for plan in (before, after))
    changed = (
        ChangedOutcome(image, was.get(image), now.get(image))
        for image in dict.fromkeys((*was, *now))
        if _fate(was.get(image)) != _fate(now.get(image))
    )
    return PlanDiff(
        added=tuple(action for action in after.actions if _bare(action) not in old),
        removed=tuple(action for action in before.actions if _bare(action) not in new),
        outcomes=tuple(changed),
    )


def _bare(action: Action) -> Action:
    return msgspec.structs.replace(action, why="")


def _fate(outcome: Outcome | None) -> tuple[str | None, ...]:
    return (outcome.status, outcome.reason, outcome.rule, outcome.pull_from) if outcome is not None else ()
