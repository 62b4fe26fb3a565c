"""The audit trail of a rotation: every write outside is in it, with its rotation, and without a secret."""

from collections.abc import Sequence

import msgspec

from shared.domain.audit import AuditEntry, Result
from shared.domain.rotation import RotationState, Trigger
from tests.fakes.application import REGISTRY
from tests.fakes.credentials import PASSWORD
from tests.fakes.rotation import SET, RotatingApplication

VAULT = "https://contoso-kv.vault.azure.net/secrets"
WRITES = frozenset({"hub.mint", "hub.set_active", "hub.delete", "vault.disable", "arm.point"})


async def rotated(world: RotatingApplication, trigger: Trigger) -> list[AuditEntry]:
    """The trail after a whole rotation."""
    await world.app.rotating.start("hub", trigger)
    assert (await world.rotate()).state is RotationState.SUCCEEDED
    return await world.app.audit.entries("2026-01-01", "2026-12-31")


def done(entries: Sequence[AuditEntry], kind: str) -> list[AuditEntry]:
    """What was done of a kind."""
    return [entry for entry in entries if (entry.kind, entry.result) == (kind, Result.DONE)]


class TestTrail:
    """What is written down of a rotation."""

    async def test_each_write_outside_is_begun_and_done(self) -> None:
        """As many as Docker Hub, Key Vault and the registry saw; the second rotation also switches a token off."""
        world = RotatingApplication()
        await rotated(world, Trigger.SCHEDULE)
        entries = await rotated(world, Trigger.SCHEDULE)

        writes = [call for call in world.fuse.calls if call in WRITES or call.startswith("vault.write")]
        assert [entry.result for entry in entries] == [Result.BEGUN, Result.DONE] * len(writes)
        assert {entry.kind for entry in entries} == {
            "create_token",
            "write_secret_version",
            "update_credential_set",
            "deactivate_token",
            "delete_token",
            "disable_secret_version",
        }
        assert all(entry.seconds is not None for entry in entries if entry.result is Result.DONE)

    async def test_before_and_after(self) -> None:
        """Tokens by their ids, secrets by their versions."""
        world = RotatingApplication()
        before = world.vaults.current("dockerhub-token").version
        entries = await rotated(world, Trigger.SCHEDULE)

        [minted] = done(entries, "create_token")
        [token_id] = world.ours()
        assert minted.after is not None
        assert (minted.before, minted.after["token_id"]) == (None, token_id)
        [staged, published] = done(entries, "write_secret_version")
        assert (staged.resource, staged.before) == (f"{VAULT}/dockerhub-token-next", None)
        assert published.resource == f"{VAULT}/dockerhub-token"
        assert published.before == {"version": before, "expires_on": None}
        assert published.after is not None
        assert published.after["version"] == world.vaults.current("dockerhub-token").version
        assert published.after["tags"]["cachewarden-token-id"] == token_id
        pointed, *_ = done(entries, "update_credential_set")
        assert (pointed.resource, pointed.before) == (f"{REGISTRY}/credentialSets/{SET}", pointed.after)
        assert {entry.resource for entry in done(entries, "disable_secret_version")} == {
            f"{VAULT}/dockerhub-token/{before}",
            f"{VAULT}/dockerhub-token-next/{staged.after and staged.after['version']}",
        }

    async def test_who_asked_and_why(self) -> None:
        """The policy by itself, or a person of whom only that is known; the rotation and its step."""
        asked = {}
        for trigger in (Trigger.SCHEDULE, Trigger.PERSON):
            [minted] = done(await rotated(RotatingApplication(), trigger), "create_token")
            asked[minted.by] = minted.why

        assert asked == {
            "policy": "rotation hub-1, begun because of schedule: creating",
            "a person": "rotation hub-1, begun because of person: creating",
        }

    async def test_no_secret_and_no_account(self) -> None:
        """Not in any entry, the ends of refused ones included."""
        world = RotatingApplication()
        world.hub.passwords["contosobot"] = "another"
        await world.app.rotating.start("hub", Trigger.SCHEDULE)
        await world.rotate()
        world.hub.passwords["contosobot"] = PASSWORD
        entries = await rotated(RotatingApplication(), Trigger.SCHEDULE)
        entries += await world.app.audit.entries("2026-01-01", "2026-12-31")

        text = msgspec.json.encode(entries).decode()
        for secret in (*world.hub.texts.values(), "dckr_pat", PASSWORD, "contosobot"):
            assert secret not in text
