"""The app that is deployed: its settings, its triggers with their queues and subscriptions, and its package."""

import fnmatch
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.world import EXPORTING
from shared.application.doctor.events import WANTED
from shared.application.doctor.place import Place
from shared.application.doctor.storage import WORK_QUEUES
from shared.bootstrap import place_of
from shared.setting_reader import read_settings
from shared.settings import described
from shared.version import VERSION
from tests.infra.templates import INFRA, data, module, template
from tests.support import app_functions

ROOT = INFRA.parent
APP_ID = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Web/sites/func-x"
_SWITCH = "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"
HOST_SETTINGS = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AzureWebJobsStorage__credential",
    _SWITCH,
    "OTEL_TRACES_SAMPLER",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
}
"""Settings that the Functions host, its worker or the exporter reads and the app does not (documented)."""


def bindings(kind: str) -> dict[str, dict[str, Any]]:
    """The app's triggers of a kind, by function."""
    return {
        function.get_function_name(): binding.get_dict_repr()
        for function in app_functions()
        for binding in function.get_bindings()
        if binding.type == kind
    }


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The app settings that the template sets."""
    body = module("app").body("resources", "settings")
    assert body["name"] == "appsettings"
    found: dict[str, Any] = body["properties"]
    return found


class TestSettings:
    """App settings."""

    def test_each_is_known(self, settings: dict[str, Any]) -> None:
        """To the app, or to the host."""
        known = {setting.name for setting, _ in described().values()}

        assert set(settings) <= known | HOST_SETTINGS

    def test_none_holds_a_key(self, settings: dict[str, Any]) -> None:
        """No secret setting is set, and what names an address or an identity says so."""
        secret = {setting.name for setting, _ in described().values() if setting.secret}

        assert not secret & set(settings)
        assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
        assert settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"].endswith("Authorization=AAD")

    def test_telemetry_is_sent_as_in_the_sandbox(self, settings: dict[str, Any]) -> None:
        """What the tests of the whole app found to work is what is deployed; and the host is in the same mode."""
        switch = settings[_SWITCH]

        assert {name: settings[name] for name in EXPORTING} == {**EXPORTING, _SWITCH: switch}
        assert "exportFromWorker" in str(switch)
        host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
        assert host["telemetryMode"] == "OpenTelemetry"
        assert "applicationInsights" not in host["logging"]  # is for the other mode, and would say nothing here

    def test_the_app_starts_with_them(self, settings: dict[str, Any]) -> None:
        """With values as Azure fills them in, slashes at the end of addresses included."""
        account = "stcwabcdefghijklm"
        values = {
            "AZURE_CLIENT_ID": "00000000-0000-0000-0000-00000000000a",
            "AzureWebJobsStorage__clientId": "00000000-0000-0000-0000-00000000000a",
            "AzureWebJobsStorage__queueServiceUri": f"https://{account}.queue.core.windows.net/",
            "AzureWebJobsStorage__tableServiceUri": f"https://{account}.table.core.windows.net/",
            "AzureWebJobsStorage__blobServiceUri": f"https://{account}.blob.core.windows.net/",
            "CACHEWARDEN_POLICY": "policy.yaml",
            "CACHEWARDEN_APP_ID": APP_ID,
            "CACHEWARDEN_TEMPLATE_VERSION": VERSION,
            "CACHEWARDEN_EVENT_DEAD_LETTERS": "event-dead-letters",
            "CACHEWARDEN_ARM_ENDPOINT": "https://management.azure.com/",
            "CACHEWARDEN_ARM_AUDIENCE": "https://management.azure.com/",
            "CACHEWARDEN_LOGS_ENDPOINT": "https://api.loganalytics.io",
            "CACHEWARDEN_LOGS_AUDIENCE": "https://api.loganalytics.io",
            "CACHEWARDEN_PORTAL": "https://portal.azure.com/",
            "CACHEWARDEN_PUBLIC_ADDRESS": "https://func-cachewarden-abcdefghijklm.azurewebsites.net",
            "CACHEWARDEN_CONSOLE_SIGN_IN": "entra",
        }
        assert set(values) == set(settings) - HOST_SETTINGS

        read = read_settings(values)

        assert read.storage_queue_uri == f"https://{account}.queue.core.windows.net"
        assert read.storage_blob_uri == f"https://{account}.blob.core.windows.net"
        assert read.client_id == values["AZURE_CLIENT_ID"]
        assert place_of(read) == Place(app_id=APP_ID, templates=VERSION, address=read.public_address, storage=account)

    def test_the_templates_know_their_version(self) -> None:
        """It is the code's: the doctor warns when the two that run are not."""
        assert module("app").section("variables")["templateVersion"]["value"] == VERSION

    def test_the_console_relies_on_sign_in_only_where_it_is_deployed(self, settings: dict[str, Any]) -> None:
        """Where there is no App Service authentication, its headers are anybody's: one parameter decides on both."""
        text = module("app").text

        assert settings["CACHEWARDEN_CONSOLE_SIGN_IN"]
        assert "CACHEWARDEN_CONSOLE_SIGN_IN: empty(authClientId) ? 'key' : 'entra'" in text
        assert "'Microsoft.Web/sites/config@2024-04-01' = if (!empty(authClientId)) {" in text

    def test_clouds_have_an_address_each(self) -> None:
        """Public, US Government and China: ARM's is the environment's, the logs' are listed."""
        endpoints = module("app").section("variables")["logsEndpoints"]["value"]

        assert set(endpoints) == {"AzureCloud", "AzureUSGovernment", "AzureChinaCloud"}
        assert all(address.startswith("https://api.loganalytics.") for address in endpoints.values())


class TestTriggers:
    """Each trigger of the app has what it needs in Azure."""

    def test_each_queue_exists(self) -> None:
        """The queue of each queue trigger, and its poison queue: a trigger makes neither."""
        queues = {trigger["queueName"] for trigger in bindings("queueTrigger").values()}
        poison = {f"{queue}-poison" for queue in queues if not queue.endswith("-poison")}

        assert queues | poison <= set(data("queues.json"))

    def test_queue_names_are_within_limits(self) -> None:
        """3 to 63 characters (documented), and no name twice."""
        names = data("queues.json")

        assert all(3 <= len(name) <= 63 for name in names)
        assert len(names) == len(set(names))

    def test_each_event_trigger_has_its_subscription(self) -> None:
        """A function that hears events is in events.json; the hook leaves out what the app does not have."""
        subscribed = {entry["function"] for entries in data("events.json").values() for entry in entries}

        assert set(bindings("eventGridTrigger")) <= subscribed

    def test_the_action_group_calls_the_function_for_alerts(self) -> None:
        """By its name, its route and the common alert schema."""
        body = module("pull-alerts").body("resources", "cure")
        [receiver] = body["properties"]["azureFunctionReceivers"]
        route = bindings("httpTrigger")[receiver["functionName"]]["route"]

        assert f"/api/{route}?code=" in receiver["httpTriggerUrl"]
        assert receiver["useCommonAlertSchema"] is True

    def test_the_doctor_looks_for_what_is_subscribed(self) -> None:
        """Function and types of each kind of source."""
        for kind, wanted in WANTED.items():
            [entry] = data("events.json")[kind]
            assert (entry["function"], tuple(entry["includedEventTypes"])) == (wanted.function, wanted.types)
        assert set(WANTED) == set(data("events.json"))

    def test_the_doctor_looks_for_the_queues_that_are_made(self) -> None:
        """Each with its poison queue."""
        assert {*WORK_QUEUES, *(f"{name}-poison" for name in WORK_QUEUES)} == set(data("queues.json"))

    def test_subscriptions_are_kept_and_retried(self) -> None:
        """A day of tries, then a dead letter, written by identity; only events of ours are delivered."""
        body = module("event-subscription").body("resources", "delivery")["properties"]
        wiring = template(INFRA / "wiring.bicep").text

        assert body["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
        assert body["deadLetterWithResourceIdentity"]["identity"]["type"] == "UserAssigned"
        assert body["destination"]["endpointType"] == "AzureFunction"
        assert "key: 'data.operationName'" in wiring
        assert wiring.count("key: 'subject'") == 2

    def test_dead_letters_are_read_where_they_are_left(self) -> None:
        """One container: made, written to by every subscription, read and emptied by the app, whose role allows it."""
        main = template(INFRA / "main.bicep").text
        wiring = template(INFRA / "wiring.bicep").text
        given = "deadLetterContainer: deadLetterContainer"

        assert (main.count(given), wiring.count(given)) == (3, 3)
        assert "var deadLetterContainer = 'event-dead-letters'" in main
        assert "roles.builtIn.storageBlobDataOwner" in module("storage").text

    def test_a_function_name_is_part_of_its_subscription(self) -> None:
        """Names of subscriptions stay within 64 characters (documented)."""
        for entries in data("events.json").values():
            for entry in entries:
                assert len(f"cachewarden-{entry['function']}-{'a' * 13}") <= 64


class TestPackage:
    """What azd and Core Tools put into the package."""

    def test_leaves_out_what_is_not_the_app(self) -> None:
        """Nothing of the repository's top level goes along that the app does not import or read."""
        ignored = (ROOT / ".funcignore").read_text(encoding="utf-8").split()
        git = shutil.which("git") or "git"
        command = [git, "ls-tree", "--name-only", "HEAD"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        packed = {
            name for name in listed.stdout.split() if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)
        }

        assert packed == {"function_app.py", "functions", "shared", "host.json", "requirements.txt"}

    def test_azd_runs_what_is_there(self) -> None:
        """The hooks' script and the template exist where azure.yaml says."""
        text = (ROOT / "azure.yaml").read_text(encoding="utf-8")

        assert Path(ROOT / "infra" / "main.bicep").is_file()
        assert text.count("scripts/azure_hooks.py") == 4
        assert Path(ROOT / "scripts" / "azure_hooks.py").is_file()
