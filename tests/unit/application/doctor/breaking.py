"""Ways to break a deployment, and the commands that mend one."""

import shlex
from collections.abc import Callable, Sequence

import msgspec

from shared.application.doctor.findings import (
    DoctorReport,
)
from shared.application.doctor.ports import Grant
from shared.errors import PermanentError
from tests.fakes.application import REGISTRY, WORKSPACE
from tests.fakes.rotation import RotatingApplication
from tests.fakes.surroundings import GROUP, PRINCIPAL

VAULT_ID = REGISTRY.replace("Microsoft.ContainerRegistry/registries/contoso", "Microsoft.KeyVault/vaults/contoso-kv")
WIRE = "azd hooks run postdeploy"
CUSTOMER = shlex.quote(f"[?customerId=='{WORKSPACE}'].id")
FIND_WORKSPACE = f'"$(az monitor log-analytics workspace list --query {CUSTOMER} -o tsv)"'
CURE = f"{GROUP}/providers/Microsoft.Insights/actionGroups/cure"
PULLS = f"{GROUP}/providers/Microsoft.Insights/scheduledQueryRules/pulls"
type Break = Callable[[RotatingApplication], object]


def grant(role: str, scope: str, principal: str = PRINCIPAL) -> str:
    """The command that gives a role."""
    return (
        f"az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal "
        f"--role {shlex.quote(role)} --scope {scope}"
    )


def secret(command: str, name: str, *more: str) -> str:
    """A command about a secret of the vault."""
    return " ".join(["az keyvault secret", command, "--vault-name contoso-kv --name", name, *more])


def forbid(port: str, call: str, code: str) -> Break:
    """The next calls of a port are refused for want of a right."""

    def broken(world: RotatingApplication) -> None:
        getattr(world, port).trouble[call] = [PermanentError("no", code=code, hint="A hint.") for _ in range(9)]

    return broken


def put(port: str, **values: object) -> Break:
    """A fake says something else."""

    def broken(world: RotatingApplication) -> None:
        for name, value in values.items():
            setattr(getattr(world, port), name, value)

    return broken


def changed(port: str, field: str, **values: object) -> Break:
    """A record of a fake, or each of several, has other values."""

    def broken(world: RotatingApplication) -> None:
        held = getattr(getattr(world, port), field)
        several = isinstance(held, Sequence)
        new = [msgspec.structs.replace(one, **values) for one in (held if several else [held])]
        setattr(getattr(world, port), field, new if several else new[0])

    return broken


def disable(world: RotatingApplication) -> None:
    """The token's current version is disabled."""
    world.vaults.secrets["dockerhub-token"][-1].enabled = False


def no_policies(world: RotatingApplication) -> None:
    """The vault has access policies, none for a credential set, and the app may write none."""
    world.vault_access.readers.clear()
    world.surroundings.vault_document = msgspec.structs.replace(world.surroundings.vault_document, uses_roles=False)
    world.surroundings.granted = (Grant(actions=("*/read",)),)


def left(remaining: int) -> Break:
    """So many pulls are left."""

    def broken(world: RotatingApplication) -> None:
        world.hub.reading = msgspec.structs.replace(world.hub.reading, remaining=remaining)

    return broken


def only_hear(*types: str) -> Break:
    """Every subscription hears these types alone."""
    return changed("surroundings", "subscriptions", event_types=types)


async def examined(world: RotatingApplication) -> DoctorReport:
    """What the app finds about itself."""
    return await world.app.doctor.examine()
