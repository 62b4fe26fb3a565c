"""The credential sets of a registry: healthy, reading our secrets, and there for every upstream that needs one."""

from collections.abc import Iterator

from shared.application.doctor import commands
from shared.application.doctor.credentials import CredentialChecks
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, failing, ok, together
from shared.application.doctor.place import Place
from shared.application.registry_ports import Registries, VaultAccess
from shared.domain.policy import Policy, RegistryPolicy
from shared.domain.registries import CredentialSet


def credential_set_checks(  # noqa: PLR0913 - the ports that it asks, each by name
    registry: RegistryPolicy,
    *,
    policy: Policy,
    registries: Registries,
    vault_access: VaultAccess,
    credentials: CredentialChecks,
    place: Place,
) -> Iterator[Check]:
    """One check for all sets of a registry."""

    async def look() -> Judgement:
        found = (await registries.read(registry.id)).credential_sets
        problems = [await problem(one) for one in found]
        names = ", ".join(one.name for one in found)
        return together(problems, otherwise=f"healthy: {names}" if found else "none yet: the first cure makes it")

    async def problem(found: CredentialSet) -> Judgement:
        """Roles first: a set that may not read its secrets is unhealthy for that reason alone."""
        credential = policy.credential_of(found.login_server)
        if credential is not None and credential.is_behind(found) and found.principal_id:
            vault_id = await credentials.vault_id(credential)
            if not await vault_access.granted(vault_id, credential.secrets, found.principal_id):
                mend = await credentials.grants(credential, found.principal_id)
                return failing(f"{found.name} may not read its secrets", "the right to read both", *mend)
        if found.healthy is False:
            expected = "a healthy set: docs/operations.md, A credential set is unhealthy"
            look = commands.az("acr", "credential-set", "show", "-r", registry.name, "-n", found.name)
            return failing(f"{found.name} is unhealthy ({found.health_code})", expected, look)
        if found.provisioning_state == "Failed":
            look = commands.az("acr", "credential-set", "show", "-r", registry.name, "-n", found.name)
            return failing(f"{found.name} was not made", "a set in state Succeeded", look)
        return ok(found.name)

    operate = commands.grant(place.operator_role, place.principal, registry.id)
    yield Check(f"credential sets of {registry.name}", f"the role {place.operator_role} on it", look, (operate,))
