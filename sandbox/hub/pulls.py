"""The pull limit: whose pull it is, whether it counts, and what is left.

Docker documents: a GET of a manifest counts, a HEAD does not; an image for several architectures counts as one pull
for each architecture; anonymous pulls count by IPv4 address or IPv6 /64, others by account; paid plans are unlimited.
How it books an index and the image below it as one pull is not documented; here the GET of an index counts, and pays
for the first image of that index that the same source gets next.
"""

import ipaddress
import secrets
from collections import Counter
from typing import Final

import msgspec

from sandbox.frame.service import Clock
from sandbox.hub.refusals import AccountPullLimitReached, PullLimitReached
from sandbox.hub.windows import Limit, Windows
from sandbox.oci.content import Content, manifests_of

ANONYMOUS: Final = Limit(100, 21600)
PERSONAL: Final = Limit(200, 21600)
_IPV6_NETWORK: Final = 64


class Puller(msgspec.Struct, frozen=True):
    """Who pulls: the source that is counted, the account's name if any, and whether there is a limit."""

    source: str
    account: str = ""
    unlimited: bool = False


def anonymous_source(address: str) -> str:
    """What anonymous pulls from an address count by: the address, or the /64 of an IPv6 address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.version == 4:  # noqa: PLR2004 - the number is the name
        return str(ip)
    return str(ipaddress.ip_network((ip, _IPV6_NETWORK), strict=False).network_address)


class PullLimits:
    """The windows of all sources.

    Attributes:
        anonymous: the windows by address.
        personal: the windows by account UUID.
        refuse_head: answer 429 to a HEAD as well while nothing is left; seen on Docker Hub at times, not always.
        pulls: all pulls that were let through, by source; unlimited ones too.
    """

    def __init__(self, clock: Clock, *, anonymous: Limit | None = ANONYMOUS, personal: Limit | None = PERSONAL) -> None:
        self.anonymous = Windows(anonymous, clock=clock)
        self.personal = Windows(personal, clock=clock)
        self.refuse_head = False
        self.pulls: Counter[str] = Counter()
        self._begun: dict[str, dict[str, frozenset[str]]] = {}
        self._session = secrets.token_urlsafe(20)

    def admit(self, puller: Puller, manifest: Content) -> None:
        """Count the GET of a manifest; raises PullLimitReached, and then nothing is counted."""
        if self._paid_for(puller.source, manifest.digest):
            return
        if not puller.unlimited and not self._windows(puller).spend(puller.source):
            raise self._reached(puller)
        self.pulls[puller.source] += 1
        if manifest.is_index:
            listed = frozenset(item["digest"] for item in manifests_of(manifest))
            self._begun.setdefault(puller.source, {})[manifest.digest] = listed

    def look(self, puller: Puller) -> None:
        """A HEAD of a manifest: counts nothing; raises PullLimitReached when `refuse_head` says so."""
        if self.refuse_head and self._limited(puller) and not self._windows(puller).remaining(puller.source):
            raise self._reached(puller)

    def headers(self, puller: Puller) -> dict[str, str]:
        """The `ratelimit` headers of an answer; none for who is unlimited."""
        windows = self._windows(puller)
        if not self._limited(puller) or windows.limit is None:
            return {}
        seconds = windows.limit.seconds
        return {
            "ratelimit-limit": f"{windows.limit.count};w={seconds}",
            "ratelimit-remaining": f"{windows.remaining(puller.source)};w={seconds}",
            "docker-ratelimit-source": puller.source,
        }

    def _limited(self, puller: Puller) -> bool:
        return not puller.unlimited and self._windows(puller).limit is not None

    def _windows(self, puller: Puller) -> Windows:
        return self.personal if puller.account else self.anonymous

    def _paid_for(self, source: str, digest: str) -> bool:
        begun = self._begun.get(source, {})
        index = next((index for index, listed in begun.items() if digest in listed), None)
        if index is None:
            return False
        del begun[index]
        return True

    def _reached(self, puller: Puller) -> PullLimitReached:
        headers = self.headers(puller)
        if puller.account:
            session = f"dckr_jti_{self._session}"
            return AccountPullLimitReached(headers=headers, account=puller.account, session=session)
        return PullLimitReached(headers=headers)
