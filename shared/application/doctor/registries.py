"""The registries: they answer in ARM and on their own address, and their firewalls let the cache work."""

from collections.abc import Iterator

from shared.application.doctor import commands
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, failing, ok, together, unknown, warning
from shared.application.doctor.place import Place
from shared.application.doctor.ports import RegistryDocument, Surroundings
from shared.application.registry_ports import Registries, RegistryContent
from shared.domain.counting import counted
from shared.domain.policy import RegistryPolicy

_TRUST = "a firewall that lets Azure's trusted services through"


def registry_checks(
    registry: RegistryPolicy,
    *,
    registries: Registries,
    content: RegistryContent,
    surroundings: Surroundings,
    place: Place,
) -> Iterator[Check]:
    """ARM, the data plane, the network."""

    async def document() -> Judgement:
        found = await registries.read(registry.id)
        return ok(
            f"{counted(len(found.rules), 'cache rule')} and {counted(len(found.credential_sets), 'credential set')}"
        )

    async def images() -> Judgement:
        found = await registries.read(registry.id)
        names = await content.repositories(found.login_server)
        return ok(counted(len(names), "repository", "repositories"))

    async def network() -> Judgement:
        return network_judged(registry.name, await surroundings.registry(registry.id))

    operate = commands.grant(place.operator_role, place.principal, registry.id)
    yield Check(f"registry {registry.name}", f"the role {place.operator_role} on it", document, (operate,))
    yield Check(
        f"images of {registry.name}",
        "AcrPull; on a registry with ABAC, Repository Reader and Catalog Lister",
        images,
        (commands.grant("AcrPull", place.principal, registry.id),),
    )
    yield Check(f"network of {registry.name}", "a registry that can be read", network, (operate,))


def network_judged(name: str, document: RegistryDocument) -> Judgement:
    """What a registry's state and firewall mean for its cache."""
    network, problems = document.network, []
    if document.state not in {"Succeeded", ""}:
        problems.append(failing(f"the registry is {document.state}", "a registry in state Succeeded"))
    if not (network.is_public and network.is_open) and not network.trusts_azure:
        trust = commands.az("acr", "update", "--name", name, "--allow-trusted-services", "true")
        problems.append(warning("a firewall without trusted services", _TRUST, trust))
    if not network.is_public:
        expected = "an app in a virtual network that reaches the private endpoint (docs/deploy.md, Private networks)"
        problems.append(unknown("no public side", expected))
    elif not network.is_open:
        problems.append(unknown("a firewall", "rules that let the app in; `images of` says whether they do"))
    return together(problems, otherwise="no firewall is in the way")
