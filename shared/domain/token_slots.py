"""How many access tokens an organization has room for, which Docker Hub documents by plan and no answer of it says.

Its API documents no status and no code for "no room" (its description lists 400, 401, 403 and 404 for the request that
makes a token), so a refusal is read beside the number of tokens that are there; expired ones count (documented).
"""

from typing import Final

from shared.domain.policy_credentials import Plan

SLOTS: Final = {Plan.TEAM: 10, Plan.BUSINESS: 100}
"""An organization's tokens by its plan (documented)."""


def is_full(held: int, plan: Plan | None) -> bool:
    """Whether a plan that is known has no room for one more."""
    return plan is not None and held >= SLOTS[plan]


def may_be_full(held: int, plan: Plan | None) -> bool:
    """Whether no room is what a refusal means: as many are there as the plan allows, or as some plan does."""
    return is_full(held, plan) if plan is not None else held in SLOTS.values()
