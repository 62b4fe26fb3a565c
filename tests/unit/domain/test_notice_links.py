"""The links of notices: where they lead, and that nobody but the policy and the settings chooses it."""

import base64
import gzip
import re
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import msgspec
import pytest

from shared.domain.images import ImageReference
from shared.domain.log_links import LONGEST_LINK, has_logs, log_link, log_query
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notice_links import Places, links_of
from shared.domain.notices import Notice
from shared.domain.policy import RegistryPolicy

NOTICE = example(NoticeKind.INCIDENT_AWAITING_APPROVAL)
CLUSTER = NOTICE.resources[0]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NGINX = ImageReference("docker.io", "library/nginx", "1.27")


def places(*serves: str, app: str | None = None) -> Places:
    """The places of a policy whose registry serves these."""
    return Places(app=app, registries=(RegistryPolicy(id=NOTICE.registry_id, serves=serves),))


def labels(notice: Notice, where: Places) -> list[str]:
    """What stands on a notice's links."""
    return [link.label for link in links_of(notice, where)]


class TestConsoleLink:
    """The link to the console."""

    def test_leads_to_the_incidents_page_and_holds_no_key(self) -> None:
        """No query, and nothing behind a `#`."""
        link = links_of(NOTICE, places(app="https://app.example"))[0]

        assert link.label == "Decide on the console"
        assert re.fullmatch(r"https://app\.example/api/console/incidents/[0-9a-f-]+", link.url)

    def test_there_is_none_without_an_address(self) -> None:
        """An address that nobody set can't be linked to."""
        assert not [label for label in labels(NOTICE, places()) if "console" in label]

    def test_a_subject_can_not_leave_the_console(self) -> None:
        """Whatever it is made of is encoded."""
        strange = msgspec.structs.replace(NOTICE, subject='channels/x?code=1#"><y')

        [link, *_] = links_of(strange, places(app="https://app.example"))
        assert link.url == "https://app.example/api/console/channels/x%3Fcode%3D1%23%22%3E%3Cy"


class TestLogLink:
    """The link to the log lines."""

    def test_opens_our_query_at_the_failing_cluster(self) -> None:
        """The query within the address is the one that we wrote, for this cluster and no other."""
        link = next(link for link in links_of(NOTICE, places(CLUSTER)) if "Log lines" in link.label)
        _, _, blade = link.url.partition("/#@/blade/")
        _, view, word, resource, *_, q, packed = blade.split("/")

        assert urlsplit(link.url).netloc == "portal.azure.com"
        assert (view, word, unquote(resource), q) == ("Logs.ReactView", "resourceId", CLUSTER, "q")
        query = gzip.decompress(base64.b64decode(unquote(packed), validate=True)).decode()
        assert query == log_query(CLUSTER, NGINX, NOTICE.at)
        assert '| where Message contains "nginx"' in query.splitlines()

    @pytest.mark.parametrize("serves", ["/subscriptions/another", CLUSTER + "2", CLUSTER[:-1]])
    def test_what_the_policy_does_not_serve_is_not_looked_up(self, serves: str) -> None:
        """A cluster that a log line names is not ours because it says so."""
        assert "Log lines in the portal" not in labels(NOTICE, places(serves))
        assert "Log lines in the portal" not in labels(NOTICE, Places())

    @pytest.mark.parametrize(
        "resource",
        [
            "",
            "/subscriptions/x",
            CLUSTER + "/../..",
            CLUSTER + "?x",
            CLUSTER + "\n",
            CLUSTER.replace("prod", "a%2fb"),
            CLUSTER.replace("managedclusters", "other"),
            "https://evil.example/" + CLUSTER,
        ],
    )
    def test_only_whole_ids_of_known_kinds(self, resource: str) -> None:
        """Anything else has no logs."""
        assert not has_logs(resource)
        assert log_link("https://portal.azure.com", resource, NGINX, NOON) is None

    def test_the_same_twice_is_the_same_address(self) -> None:
        """The compression knows no clock, so a repeated notice is no other one."""
        made = {log_link("https://portal.azure.com", CLUSTER, NGINX, NOON) for _ in range(2)}

        assert len(made) == 1

    def test_a_long_name_makes_no_link_that_is_cut(self) -> None:
        """Better none than one that opens half a query."""
        noise = "".join(chr(97 + (number * number * 7 + number // 3) % 26) for number in range(5000))
        link = log_link("https://portal.azure.com", CLUSTER, ImageReference("docker.io", noise), NOON)

        assert link is None or len(link) <= LONGEST_LINK
