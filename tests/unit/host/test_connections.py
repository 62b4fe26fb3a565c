"""Which storage account a binding's `connection` means."""

import pytest

from sandbox.host.connections import ConnectionString, IdentityConnection, QueueClients, find_connection
from sandbox.host.errors import BindingError
from sandbox.host.settings import AppSettings


class TestLookup:
    """The order of the real host."""

    @pytest.mark.parametrize(
        ("settings", "name", "expected"),
        [
            ({"AzureWebJobsStorage": "s"}, "AzureWebJobsStorage", ConnectionString("s")),
            ({"AzureWebJobsStorage": "s"}, None, ConnectionString("s")),
            ({"AzureWebJobsStorage": "s"}, "Storage", ConnectionString("s")),
            ({"Mine": "m"}, "Mine", ConnectionString("m")),
            ({"Mine": "m", "AzureWebJobsMine": "a"}, "Mine", ConnectionString("a")),
            ({"ConnectionStrings__Mine": "c"}, "Mine", ConnectionString("c")),
            ({"Mine__queueServiceUri": "https://q"}, "Mine", IdentityConnection("https://q")),
            ({"Mine__serviceUri": "https://q"}, "Mine", IdentityConnection("https://q")),
            ({"Mine__accountName": "acc"}, "Mine", IdentityConnection("https://acc.queue.core.windows.net")),
            (
                {"Mine__queueServiceUri": "https://q", "Mine__credential": "managedidentity", "Mine__clientId": "id"},
                "Mine",
                IdentityConnection("https://q", client_id="id", managed=True),
            ),
            ({"Mine": "m", "Mine__accountName": "acc"}, "Mine", ConnectionString("m")),
        ],
    )
    def test_found(self, settings: dict[str, str], name: str | None, expected: object) -> None:
        """`AzureWebJobs` is tried first, a connection string before an identity."""
        assert find_connection(AppSettings(settings), name) == expected

    @pytest.mark.parametrize("settings", [{}, {"Mine": ""}, {"Mine__blobServiceUri": "https://b"}])
    def test_missing(self, settings: dict[str, str]) -> None:
        """No setting, an empty one, or one for another service is the binding's error, in the real host's words."""
        with pytest.raises(BindingError, match="Storage account connection string 'AzureWebJobsMine' does not exist"):
            find_connection(AppSettings(settings), "Mine")


class TestClients:
    """Clients for the connections."""

    async def test_identity_client_has_the_given_address(self) -> None:
        """A client with an identity goes to the section's own address; no secret is needed to make it."""
        settings = {"Mine__queueServiceUri": "https://acc.queue.example", "Mine__credential": "managedidentity"}
        clients = QueueClients(AppSettings(settings))

        assert clients.get("Mine", "work").url == "https://acc.queue.example/work"
        assert clients.get("Mine", "work") is clients.get("Mine", "work")
        await clients.close()

    @pytest.mark.parametrize(
        ("value", "message"),
        [("nonsense", "can't be read"), ("UseDevelopmentStorage=true;", "is not emulated")],
    )
    def test_unusable_connection_string(self, value: str, message: str) -> None:
        """A connection string that can't be used is the binding's error, and its text is not repeated."""
        with pytest.raises(BindingError, match=message):
            QueueClients(AppSettings({"Mine": value})).get("Mine", "work")
