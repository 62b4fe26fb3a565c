"""Key Vault's events as they come: quirks, lies and noise."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.policy_credentials import Credential, Provider
from shared.domain.vault_events import SecretRole, VaultEventKind, read_vault_event, role_of

CREDENTIAL = Credential(Provider.PERSONAL, "https://kv.vault.azure.net", "hub-user", "hub-token", owner_secret="owner")
NEW = "Microsoft.KeyVault.SecretNewVersionCreated"
DATA = {
    "Id": "https://kv.vault.azure.net/secrets/hub-token/0123",
    "VaultName": "kv",
    "ObjectType": "Secret",
    "ObjectName ": "hub-token",
    "Version": " 0123",
    "NBF": None,
    "EXP": "1762000000",
}


class TestReading:
    """What an event says."""

    def test_the_documented_sample(self) -> None:
        """Keys and versions with a space are read as what they mean."""
        event = read_vault_event(NEW, DATA)

        assert event is not None
        assert (event.kind, event.version) == (VaultEventKind.NEW_VERSION, "0123")
        assert role_of(event, CREDENTIAL) is SecretRole.TOKEN

    @pytest.mark.parametrize("kind", ["Microsoft.KeyVault.KeyExpired", "", "x"])
    def test_another_kind(self, kind: str) -> None:
        """Keys and certificates are nobody's business here."""
        assert read_vault_event(kind, DATA) is None

    @pytest.mark.parametrize("data", [None, [], {}, "x", {"Id": "https://kv/keys/k/1"}, {"Id": 7}])
    def test_nothing_to_read(self, data: object) -> None:
        """An event without a secret's id is none."""
        assert read_vault_event(NEW, data) is None

    @given(st.recursive(st.none() | st.text() | st.integers(), lambda s: st.dictionaries(st.text(), s), max_leaves=5))
    def test_anything(self, data: object) -> None:
        """No event breaks it, and what holds no address of a secret names none."""
        assert read_vault_event(NEW, data) is None

    @given(st.text(max_size=60))
    def test_any_id(self, identifier: str) -> None:
        """An id that is no address names nothing."""
        assert read_vault_event(NEW, {"Id": identifier}) is None


class TestRole:
    """Whose secret it is."""

    @pytest.mark.parametrize(
        ("secret", "role"),
        [
            ("HUB-TOKEN", SecretRole.TOKEN),
            ("hub-token-next", SecretRole.NEXT),
            ("hub-user", SecretRole.USERNAME),
            ("owner", SecretRole.OWNER),
            ("other", None),
        ],
    )
    def test_each(self, secret: str, role: SecretRole | None) -> None:
        """Names are compared without regard to case."""
        event = read_vault_event(NEW, {"Id": f"https://KV.vault.azure.net/secrets/{secret}/1"})

        assert event is not None
        assert role_of(event, CREDENTIAL) is role

    def test_another_vault(self) -> None:
        """The vault's whole host counts, not its first label."""
        event = read_vault_event(NEW, {"Id": "https://kv.vault.azure.net.evil.example/secrets/hub-token/1"})

        assert event is not None
        assert role_of(event, CREDENTIAL) is None

    def test_a_credential_without_an_owner(self) -> None:
        """Has no owner's secret."""
        event = read_vault_event(NEW, {"Id": "https://kv.vault.azure.net/secrets/owner/1"})

        assert event is not None
        assert role_of(event, msgspec.structs.replace(CREDENTIAL, owner_secret=None)) is None
