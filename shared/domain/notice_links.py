"""Where a notice leads: addresses that are built from settings and the policy, never from what a log says."""

from urllib.parse import quote

import msgspec

from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice


class Link(msgspec.Struct, frozen=True):
    """An address and the words on it."""

    label: str
    url: str


class Places(msgspec.Struct, frozen=True):
    """Where people look closer.

    Attributes:
        app: the app's own address, `https://….azurewebsites.net`; None where the settings name none.
        portal: the Azure portal's; another one in another cloud.
    """

    app: str | None = None
    portal: str = "https://portal.azure.com"


def links_of(notice: Notice, places: Places) -> tuple[Link, ...]:
    """The links of a notice; all of them show something, and none of them does anything.

    The console's part of the address stands behind a `#`, which browsers don't send: opening it can't be an answer.
    """
    links = []
    if places.app:
        asks = notice.kind is NoticeKind.INCIDENT_AWAITING_APPROVAL
        label = "Decide on the console" if asks else "Open on the console"
        links.append(Link(label, f"{places.app}/api/console#/{quote(notice.subject, safe='/')}"))
    if notice.registry_id:
        links.append(Link("Registry in the portal", f"{places.portal}/#resource{quote(notice.registry_id, safe='/')}"))
    return tuple(links)
