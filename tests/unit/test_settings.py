"""Settings: what is read, what is refused, and that an operator learns of everything wrong at once."""

from datetime import timedelta

import pytest

from shared.application.sessions import SignIn
from shared.setting_reader import SettingsInvalid, read_settings
from shared.settings import Settings, described

SMALLEST = {"CACHEWARDEN_POLICY": "policy.yaml", "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
IDENTITY = {"CACHEWARDEN_POLICY": "policy.yaml", "AzureWebJobsStorage__accountName": "contosostate"}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    """The problems of an environment."""
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(environ)
    return caught.value.problems


class TestDefaults:
    """What an operator need not say."""

    def test_the_smallest_environment(self) -> None:
        """A policy and a storage account are enough, and everything else is the public cloud's."""
        expected = Settings(policy="policy.yaml", storage_connection="UseDevelopmentStorage=true")

        assert expected == read_settings(SMALLEST)
        assert expected.arm_endpoint == "https://management.azure.com"

    def test_what_is_empty_is_unset(self) -> None:
        """An app setting with an empty value is the default."""
        assert read_settings(SMALLEST) == read_settings(SMALLEST | {"CACHEWARDEN_LEASE_SECONDS": " "})

    def test_what_belongs_to_others(self) -> None:
        """Settings of the host and of the machine are none of our business."""
        assert read_settings(SMALLEST) == read_settings(
            SMALLEST | {"PATH": "/bin", "FUNCTIONS_WORKER_RUNTIME": "python"}
        )


class TestValues:
    """What is read."""

    def test_all_forms(self) -> None:
        """Addresses lose a final slash, durations and numbers become what they are, levels may be small."""
        settings = read_settings(
            SMALLEST
            | {
                "CACHEWARDEN_ARM_ENDPOINT": "https://localhost:8443/",
                "CACHEWARDEN_HEALTH_PATIENCE": "30s",
                "CACHEWARDEN_GIVE_UP_AFTER": "2h",
                "CACHEWARDEN_LEASE_SECONDS": "5",
                "CACHEWARDEN_LARGEST_ALERT": "300000",
                "CACHEWARDEN_LOG_LEVEL": "debug",
                "CACHEWARDEN_PUBLIC_ADDRESS": "http://127.0.0.1:7071/",
                "CACHEWARDEN_CONSOLE_SIGN_IN": "Entra",
                "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
            }
        )

        assert settings.arm_endpoint == "https://localhost:8443"
        assert (timedelta(seconds=30), timedelta(hours=2)) == (settings.health_patience, settings.give_up_after)
        assert (settings.lease_seconds, settings.largest_alert, settings.log_level) == (5, 300_000, "DEBUG")
        assert (settings.public_address, settings.console_sign_in) == ("http://127.0.0.1:7071", SignIn.ENTRA)
        assert settings.client_id == "11111111-2222-3333-4444-555555555555"

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("CACHEWARDEN_ARM_ENDPOINT", "http://localhost:8443"),
            ("CACHEWARDEN_ARM_ENDPOINT", "https://user:pw@host"),
            ("CACHEWARDEN_ARM_ENDPOINT", "https://host/path"),
            ("CACHEWARDEN_ARM_ENDPOINT", "https://host?x=1"),
            ("CACHEWARDEN_ARM_ENDPOINT", "https://host:99999"),
            ("CACHEWARDEN_ARM_ENDPOINT", "https://"),
            ("CACHEWARDEN_LOGS_ENDPOINT", "api.loganalytics.io"),
            ("CACHEWARDEN_LEASE_SECONDS", "0"),
            ("CACHEWARDEN_LEASE_SECONDS", "1.5"),
            ("CACHEWARDEN_LEASE_SECONDS", "601"),
            ("CACHEWARDEN_LARGEST_ALERT", "262143"),
            ("CACHEWARDEN_LARGEST_ALERT", "1000000"),
            ("CACHEWARDEN_HEALTH_PATIENCE", "90"),
            ("CACHEWARDEN_HEALTH_PATIENCE", "5m"),
            ("CACHEWARDEN_GIVE_UP_AFTER", "59s"),
            ("CACHEWARDEN_LOG_LEVEL", "LOUD"),
            ("AZURE_CLIENT_ID", "contoso"),
            ("CACHEWARDEN_PUBLIC_ADDRESS", "http://contoso.com"),
            ("CACHEWARDEN_PUBLIC_ADDRESS", "http://127.0.0.1.evil.example"),
            ("CACHEWARDEN_PUBLIC_ADDRESS", "http://127.0.0.1:7071/api"),
            ("CACHEWARDEN_PUBLIC_ADDRESS", "javascript:alert(1)"),
            ("CACHEWARDEN_CONSOLE_SIGN_IN", "anybody"),
        ],
    )
    def test_another_form(self, setting: str, value: str) -> None:
        """A value of another form is named with what was expected."""
        [problem] = problems(SMALLEST | {setting: value})
        assert problem.startswith(f"{setting} is {value!r}; expected ")


class TestStorage:
    """The forms of the host's own storage setting."""

    def test_by_name(self) -> None:
        """The account's name stands for the addresses of its services."""
        settings = read_settings(IDENTITY)
        assert settings.storage_table_uri == "https://contosostate.table.core.windows.net"
        assert settings.storage_queue_uri == "https://contosostate.queue.core.windows.net"
        assert settings.storage_blob_uri == "https://contosostate.blob.core.windows.net"

    def test_by_addresses(self) -> None:
        """Addresses that are given win over the name's."""
        uri = "https://contosostate.table.core.usgovcloudapi.net"
        assert uri == read_settings(IDENTITY | {"AzureWebJobsStorage__tableServiceUri": uri}).storage_table_uri

    def test_none(self) -> None:
        """An app without storage can't run."""
        [problem] = problems({"CACHEWARDEN_POLICY": "policy.yaml"})
        assert problem.startswith("AzureWebJobsStorage is not set; expected ")

    def test_half(self) -> None:
        """One service's address is not enough."""
        uri = "https://contosostate.queue.core.windows.net"
        [problem] = problems({"CACHEWARDEN_POLICY": "p", "AzureWebJobsStorage__queueServiceUri": uri})
        assert problem.startswith("AzureWebJobsStorage__accountName is not set; expected ")

    def test_a_malformed_connection_string(self) -> None:
        """A connection string is never shown, and complained of once."""
        [problem] = problems(SMALLEST | {"AzureWebJobsStorage": "AccountKey-is-c2VjcmV0"})
        assert "c2VjcmV0" not in problem
        assert problem.startswith("AzureWebJobsStorage is its value (not shown); expected ")


class TestProblems:
    """An operator corrects everything in one go."""

    def test_all_at_once(self) -> None:
        """Every problem is named, in the message as well."""
        found = problems({"CACHEWARDEN_LEASE_SECONDS": "x", "CACHEWARDEN_LOG_LEVEL": "y", "CACHEWARDEN_NONSENSE": "z"})

        assert len(found) == 5
        assert all(problem in str(SettingsInvalid(found)) for problem in found)

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("CACHEWARDEN_POLICY_FILE", "CACHEWARDEN_POLICY"),
            ("CACHEWARDEN_LEASE_SECOND", "CACHEWARDEN_LEASE_SECONDS"),
            ("CACHEWARDEN_LOGLEVEL", "CACHEWARDEN_LOG_LEVEL"),
            ("cachewarden_policy", "CACHEWARDEN_POLICY"),
        ],
    )
    def test_a_misspelt_name(self, written: str, meant: str) -> None:
        """A name that is no setting is an error, and the nearest one is suggested."""
        [problem] = problems(SMALLEST | {written: "x"})
        assert f"{written} is no setting of this app; did you mean {meant}?" == problem

    def test_secrets(self) -> None:
        """Neither the settings nor a problem ever show the connection string."""
        settings = read_settings(SMALLEST | {"AzureWebJobsStorage": "AccountName=a;AccountKey=c2VjcmV0"})
        assert "c2VjcmV0" not in repr(settings) + str(settings)

    def test_every_field_is_described(self) -> None:
        """No field is left out of the reference, and no name is used twice."""
        assert set(Settings.__struct_fields__) == set(described())
        assert len(described()) == len({setting.name for setting, _ in described().values()})
