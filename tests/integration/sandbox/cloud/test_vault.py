"""Key Vault's secrets as its SDK meets them."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from sandbox.arm.roles import KEY_VAULT_SECRETS_OFFICER
from sandbox.vault.secrets import SecretEvent, SecretEventKind
from tests.integration.sandbox.cloud.support import Cloud, refusal_of
from tests.integration.sandbox.cloud.vault_requests import ask

DAY = 24 * 3600


class TestVersions:
    """Writing, reading and listing."""

    async def test_latest_version_is_read(self, cloud: Cloud) -> None:
        """A write makes a new current version; older ones stay readable by their id."""
        async with cloud.secrets() as client:
            first = await client.set_secret("dockerhub-token", "one", tags={"id": "1"}, content_type="text/plain")
            second = await client.set_secret("dockerhub-token", "two")
            latest = await client.get_secret("dockerhub-token")
            older = await client.get_secret("dockerhub-token", first.properties.version)

        assert (latest.value, latest.properties.version) == ("two", second.properties.version)
        assert (older.value, older.properties.tags, older.properties.content_type) == ("one", {"id": "1"}, "text/plain")
        assert latest.id == f"{cloud.vault_service.base_url}/secrets/dockerhub-token/{second.properties.version}"
        assert (second.properties.enabled, second.properties.recoverable_days) == (True, 90)
        assert second.properties.created_on == cloud.clock.now()

    async def test_times_come_back(self, cloud: Cloud) -> None:
        """`nbf` and `exp` are kept to the second."""
        starts, ends = (datetime(2027, month, 1, tzinfo=UTC) for month in (1, 2))
        async with cloud.secrets() as client:
            await client.set_secret("dockerhub-token", "one", not_before=starts, expires_on=ends)
            properties = (await client.get_secret("dockerhub-token")).properties

        assert (properties.not_before, properties.expires_on) == (starts, ends)

    async def test_expired_secret_is_readable_and_disabled_one_is_not(self, cloud: Cloud) -> None:
        """Expiry informs; only disabling forbids."""
        async with cloud.secrets() as client:
            await client.set_secret("dockerhub-token", "one", expires_on=cloud.clock.now() - timedelta(days=1))
            expired = await client.get_secret("dockerhub-token")
            await client.update_secret_properties("dockerhub-token", enabled=False)
            with pytest.raises(HttpResponseError) as caught:
                await client.get_secret("dockerhub-token")

        assert expired.value == "one"
        assert refusal_of(caught.value) == (403, "Forbidden")
        assert cloud.exchanges.exchanges("vault")[-1].response_body["error"]["innererror"] == {"code": "SecretDisabled"}

    async def test_update_replaces_tags_as_a_whole(self, cloud: Cloud) -> None:
        """Given tags replace all others, absent ones leave them alone; the value never changes."""
        async with cloud.secrets() as client:
            first = await client.set_secret("dockerhub-token", "one", tags={"a": "1", "b": "2"})
            await client.set_secret("dockerhub-token", "two")
            ends = cloud.clock.now() + timedelta(days=60)
            kept = await client.update_secret_properties("dockerhub-token", first.properties.version, expires_on=ends)
            replaced = await client.update_secret_properties(
                "dockerhub-token", first.properties.version, tags={"c": "3"}
            )
            value = (await client.get_secret("dockerhub-token", first.properties.version)).value

        assert (kept.tags, kept.expires_on) == ({"a": "1", "b": "2"}, ends)
        assert (replaced.tags, replaced.expires_on, value) == ({"c": "3"}, ends, "one")

    async def test_lists_come_in_pages_without_values(self, cloud: Cloud) -> None:
        """Secrets and versions are listed to their end, by id, and never with a value."""
        async with cloud.secrets() as client:
            for number in range(30):
                await client.set_secret(f"secret-{number:02d}", "value")
                await client.set_secret("many", f"value {number}")
            secrets = [one.name async for one in client.list_properties_of_secrets()]
            versions = [one.version async for one in client.list_properties_of_secret_versions("many")]

        assert secrets == ["many", *(f"secret-{number:02d}" for number in range(30))]
        assert (len(versions), versions) == (30, sorted(version or "" for version in versions))
        lists = [one for one in cloud.exchanges.exchanges("vault", method="GET") if one.status == 200]
        assert [len(one.response_body["value"]) for one in lists] == [25, 6, 25, 5]
        assert all("value" not in item for one in lists for item in one.response_body["value"])

    async def test_missing_secrets(self, cloud: Cloud) -> None:
        """Neither a name nor a version that isn't there is found."""
        async with cloud.secrets() as client:
            await client.set_secret("dockerhub-token", "one")
            for name, version in (("absent", None), ("dockerhub-token", "0" * 32)):
                with pytest.raises(ResourceNotFoundError) as caught:
                    await client.get_secret(name, version)

                assert refusal_of(caught.value) == (404, "SecretNotFound")

    @pytest.mark.parametrize("name", ["under_score", "a/../b", "x" * 128])
    async def test_names(self, cloud: Cloud, name: str) -> None:
        """A name has letters, digits and hyphens only, however it is quoted."""
        async with cloud.secrets() as client:
            with pytest.raises(HttpResponseError) as caught:
                await client.set_secret(name, "one")

        assert refusal_of(caught.value) == (400, "BadParameter")

    async def test_too_much(self, cloud: Cloud) -> None:
        """Values and tags have limits."""
        async with cloud.secrets() as client:
            with pytest.raises(HttpResponseError) as long_value:
                await client.set_secret("dockerhub-token", "x" * 25_001)
            with pytest.raises(HttpResponseError) as many_tags:
                await client.set_secret("dockerhub-token", "x", tags={str(number): "" for number in range(16)})

        assert refusal_of(long_value.value) == refusal_of(many_tags.value) == (400, "BadParameter")

    @pytest.mark.parametrize("version", ["7.4", "7.6", "2025-07-01", "2026-04-01"])
    async def test_api_versions(self, cloud: Cloud, version: str) -> None:
        """All versions of the last years are served."""
        async with cloud.secrets(api_version=version) as client:
            assert (await client.set_secret("dockerhub-token", "one")).value == "one"

    @pytest.mark.parametrize(
        ("path", "code"),
        [("/secrets/a", "api-version must be specified"), ("/secrets/a?api-version=2014-12-08", "not recognized")],
    )
    async def test_other_api_versions(self, cloud: Cloud, path: str, code: str) -> None:
        """A missing or older version is refused."""
        status, body, _ = await ask(cloud, "GET", path)

        assert (status, body["error"]["code"]) == (400, "BadParameter")
        assert code in body["error"]["message"]

    @pytest.mark.parametrize("body", ["", "{}", "[]", '{"value": 7}', '{"value": "a", "tags": {"a": 1}}', "\xff"])
    async def test_bodies(self, cloud: Cloud, body: str) -> None:
        """A body that is no secret is refused with the place that is wrong."""
        status, answer, _ = await ask(cloud, "PUT", "/secrets/a?api-version=7.6", data=body.encode("latin-1"))

        assert (status, answer["error"]["code"]) == (400, "BadParameter")


class TestSoftDelete:
    """Deleted secrets wait."""

    async def test_deleted_name_is_taken_until_purged(self, cloud: Cloud) -> None:
        """A deleted secret can't be read or written, only recovered or purged."""
        cloud.access.grant(cloud.owner.object_id, KEY_VAULT_SECRETS_OFFICER, cloud.vault.resource_id)
        async with cloud.secrets(cloud.owner) as client:
            await client.set_secret("dockerhub-token", "one")
            deleted = await client.delete_secret("dockerhub-token")
            with pytest.raises(ResourceNotFoundError):
                await client.get_secret("dockerhub-token")
            with pytest.raises(ResourceExistsError) as conflict:
                await client.set_secret("dockerhub-token", "two")
            waiting = [one.name async for one in client.list_deleted_secrets()]
            await client.purge_deleted_secret("dockerhub-token")
            with pytest.raises(ResourceNotFoundError):
                await client.get_deleted_secret("dockerhub-token")
            again = await client.set_secret("dockerhub-token", "two")

        assert deleted.scheduled_purge_date == cloud.clock.now() + timedelta(days=90)
        assert waiting == ["dockerhub-token"]
        assert refusal_of(conflict.value) == (409, "Conflict")
        assert again.value == "two"

    async def test_recovered_secret_has_its_versions(self, cloud: Cloud) -> None:
        """A recovered secret is as it was."""
        async with cloud.secrets() as client:
            first = await client.set_secret("dockerhub-token", "one")
            await client.set_secret("dockerhub-token", "two")
            await client.delete_secret("dockerhub-token")
            await client.recover_deleted_secret("dockerhub-token")
            latest = await client.get_secret("dockerhub-token")
            older = await client.get_secret("dockerhub-token", first.properties.version)

        assert (latest.value, older.value) == ("two", "one")


class TestEvents:
    """What Key Vault would publish."""

    @pytest.fixture
    def events(self, cloud: Cloud) -> list[SecretEvent]:
        """All events from now on."""
        seen: list[SecretEvent] = []
        cloud.vault.on_event = seen.append
        return seen

    async def test_new_version(self, cloud: Cloud, events: list[SecretEvent]) -> None:
        """Every write is an event, an update is none."""
        async with cloud.secrets() as client:
            first = await client.set_secret("dockerhub-token", "one")
            second = await client.set_secret("dockerhub-token", "two")
            await client.update_secret_properties("dockerhub-token", tags={})

        assert [(one.kind, one.secret, one.version) for one in events] == [
            (SecretEventKind.NEW_VERSION, "dockerhub-token", first.properties.version),
            (SecretEventKind.NEW_VERSION, "dockerhub-token", second.properties.version),
        ]

    async def test_expiry_is_announced_once_each(self, cloud: Cloud, events: list[SecretEvent]) -> None:
        """Near expiry 30 days before, expired at the time, once each, and again when the expiry moves."""
        now = int(cloud.clock.now().timestamp())
        async with cloud.secrets() as client:
            await client.set_secret("dockerhub-token", "one", expires_on=cloud.clock.now() + timedelta(days=40))
            kinds: list[list[SecretEventKind]] = []
            for days in (9, 1, 1, 29, 1):
                events.clear()
                cloud.clock.advance(days * DAY)
                cloud.vault.announce_expiry()
                kinds.append([one.kind for one in events])
            events.clear()
            await client.update_secret_properties("dockerhub-token", expires_on=cloud.clock.now() + timedelta(days=5))

        assert kinds == [[], [SecretEventKind.NEAR_EXPIRY], [], [SecretEventKind.EXPIRED], []]
        assert [(one.kind, one.expires) for one in events] == [(SecretEventKind.NEAR_EXPIRY, now + 46 * DAY)]

    async def test_only_the_current_version_expires(self, cloud: Cloud, events: list[SecretEvent]) -> None:
        """An older version's expiry is nobody's business."""
        async with cloud.secrets() as client:
            await client.set_secret("dockerhub-token", "one", expires_on=cloud.clock.now() + timedelta(days=40))
            await client.set_secret("dockerhub-token", "two")
        events.clear()
        cloud.clock.advance(50 * DAY)
        cloud.vault.announce_expiry()

        assert events == []
