"""Approvals: what a person agreed to, and whether a plan is still that.

An approval names a plan by its hash, and a plan that has changed since needs a new yes. What has become fewer is no
change: the credential set that one approved incident makes is then missing from the next one's plan.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from shared.domain.plans import Action, Plan, plan_hash


class Decision(StrEnum):
    """What a person said."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Proposal(msgspec.Struct, frozen=True):
    """A plan that a person is asked about.

    Attributes:
        plan: its hash, which the answer has to name.
        actions: what would be done.
        proposed_at: when it was asked; how long an answer counts goes from here.
        decided_by: who answered.
        why: what they said.
        contested: it is asked whatever the mode, because somebody keeps undoing what it would do.
    """

    plan: str
    actions: tuple[Action, ...]
    proposed_at: datetime
    decision: Decision = Decision.PENDING
    decided_by: str = ""
    why: str = ""
    contested: bool = False

    def is_expired(self, now: datetime, lifetime: timedelta) -> bool:
        """Whether it is too old to be answered, or for its answer to count."""
        return now - self.proposed_at > lifetime

    def includes(self, plan: Plan) -> bool:
        """Whether every action of the plan is one that was proposed."""
        return _bare(plan.actions) <= _bare(self.actions)


def propose(plan: Plan, now: datetime, *, contested: bool = False) -> Proposal:
    """The plan as a question."""
    return Proposal(plan=plan_hash(plan), actions=plan.actions, proposed_at=now, contested=contested)


def _bare(actions: Sequence[Action]) -> set[Action]:
    return {msgspec.structs.replace(action, why="") for action in actions}
