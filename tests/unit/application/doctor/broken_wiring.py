"""What calls the app, broken: each world with what the doctor makes of it."""

from shared.application.doctor.findings import (
    Verdict,
)
from tests.fakes.application import WORKSPACE
from tests.fakes.surroundings import APP, WORKSPACE_ID
from tests.unit.application.doctor.breaking import CURE, PULLS, WIRE, Break, changed, only_hear, put

WIRING: dict[str, tuple[Break, str, Verdict, str, tuple[str, ...]]] = {
    "no subscription": (
        put("surroundings", subscriptions=[]),
        "events of contoso",
        Verdict.FAILING,
        "nothing calls registry_events",
        (WIRE,),
    ),
    "a subscription to another app": (
        changed("surroundings", "subscriptions", function_id=f"{APP}-2/functions/vault_events"),
        "events of the vault of hub",
        Verdict.FAILING,
        "nothing calls vault_events",
        (WIRE,),
    ),
    "a subscription that failed": (
        changed("surroundings", "subscriptions", state="Failed"),
        "events of resource group rg",
        Verdict.FAILING,
        "is Failed",
        (WIRE,),
    ),
    "a type that is not heard": (
        only_hear("Microsoft.KeyVault.SecretNearExpiry"),
        "events of the vault of hub",
        Verdict.FAILING,
        "does not hear Microsoft.KeyVault.SecretExpired, Microsoft.KeyVault.SecretNewVersionCreated",
        (WIRE,),
    ),
    "events that are dropped": (
        changed("surroundings", "subscriptions", keeps_failures=False),
        "events of contoso",
        Verdict.WARNING,
        "drops what it can't deliver",
        (WIRE,),
    ),
    "no action group": (
        changed("surroundings", "groups", functions=()),
        "action group",
        Verdict.FAILING,
        "no action group calls alerts",
        (WIRE,),
    ),
    "an action group that is off": (
        changed("surroundings", "groups", is_enabled=False),
        "action group",
        Verdict.FAILING,
        "cure is switched off",
        (f"az monitor action-group update --ids {CURE} --set enabled=true",),
    ),
    "no alert rule": (
        changed("surroundings", "rules", action_groups=()),
        "alert rules",
        Verdict.FAILING,
        "no alert rule calls the app",
        (WIRE,),
    ),
    "an alert rule that is off": (
        changed("surroundings", "rules", is_enabled=False),
        "alert rules",
        Verdict.FAILING,
        "pulls is switched off",
        (
            f"az monitor scheduled-query update --ids {PULLS} --disabled false",
            WIRE,
        ),
    ),
    "an alert rule of another version": (
        changed("surroundings", "rules", query="KubeEvents | where Message has '429'"),
        "alert rules",
        Verdict.WARNING,
        "asks something else",
        (WIRE,),
    ),
    "a workspace that no rule watches": (
        put("surroundings", customer_ids={WORKSPACE_ID.lower(): "22222222-2222-2222-2222-222222222222"}),
        "alert rules",
        Verdict.FAILING,
        f"no rule watches workspace {WORKSPACE}",
        (WIRE,),
    ),
}
"""What is broken → how, what the doctor calls it, how bad, what it sees, and the commands that mend it."""
