"""Where a notice leads: addresses that are built from settings and the policy, never from what a log says."""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

import msgspec

from shared.domain.images import InvalidReference, parse_reference
from shared.domain.log_links import has_logs, log_link
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice
from shared.domain.policy import RegistryPolicy


class Link(msgspec.Struct, frozen=True):
    """An address and the words on it."""

    label: str
    url: str


class Places(msgspec.Struct, frozen=True):
    """Where people look closer.

    Attributes:
        app: the app's own address, `https://….azurewebsites.net`; None where the settings name none.
        portal: the Azure portal's; another one in another cloud.
        registries: the policy's; what one of them serves may be looked up in the logs.
    """

    app: str | None = None
    portal: str = "https://portal.azure.com"
    registries: tuple[RegistryPolicy, ...] = ()


def links_of(notice: Notice, places: Places) -> tuple[Link, ...]:
    """The links of a notice; all of them show something, and none of them does anything.

    The one to the console holds no key, and opening it can't be an answer: only the form on that page is one.
    """
    links = []
    if places.app:
        asks = notice.kind is NoticeKind.INCIDENT_AWAITING_APPROVAL
        label = "Decide on the console" if asks else "Open on the console"
        links.append(Link(label, f"{places.app}{console_path(notice.subject)}"))
    return (*links, *portal_links(places, notice.registry_id, notice.resources, notice.source, notice.at))


def portal_links(
    places: Places, registry_id: str, resources: Iterable[str], source: str, at: datetime
) -> tuple[Link, ...]:
    """Where the portal shows a registry, and the log lines about a repository around a time.

    `resources` come from logs: only one that the policy has this registry serve is looked up.
    """
    links = []
    if registry_id:
        links.append(Link("Registry in the portal", f"{places.portal}/#resource{quote(registry_id, safe='/')}"))
    served = [each for each in resources if _is_served(places, registry_id, each) and has_logs(each)]
    if served and source and (url := _logs(places.portal, served[0], source, at)):
        links.append(Link("Log lines in the portal", url))
    return tuple(links)


def _logs(portal: str, resource_id: str, source: str, at: datetime) -> str | None:
    try:
        return log_link(portal, resource_id, parse_reference(source), at)
    except InvalidReference:
        return None


def _is_served(places: Places, registry_id: str, resource_id: str) -> bool:
    ours = [registry for registry in places.registries if registry.id.lower() == registry_id.lower()]
    return any(registry.id.lower() == resource_id.lower() or registry.is_serving(resource_id) for registry in ours)


def console_path(subject: str) -> str:
    """The address of a subject's page on the console, below the app's own."""
    return f"/api/console/{quote(subject, safe='/')}"
