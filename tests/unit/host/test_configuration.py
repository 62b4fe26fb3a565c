"""host.json, local.settings.json and app settings."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.host.errors import BindingError, HostConfigurationError
from sandbox.host.host_json import HostJson, HttpOptions, QueueOptions, load_host_json
from sandbox.host.settings import AppSettings, load_local_settings


def load(app: Path, document: object = None, **settings: str) -> HostJson:
    """Load a host.json with that content, on a machine with two processors."""
    if document is not None:
        (app / "host.json").write_text(json.dumps(document), encoding="utf-8-sig")
    return load_host_json(app, AppSettings(settings), processors=2)


def queues(**options: object) -> dict[str, object]:
    """A host.json with these queue options."""
    return {"version": "2.0", "extensions": {"queues": options}}


class TestHostJson:
    """Reading host.json."""

    def test_defaults(self, tmp_path: Path) -> None:
        """Without a file everything has the documented default; newBatchThreshold depends on the processors."""
        assert load(tmp_path) == HostJson(
            http=HttpOptions(route_prefix="api"),
            queues=QueueOptions(
                batch_size=16,
                new_batch_threshold=16,
                max_dequeue_count=5,
                visibility_timeout=timedelta(),
                max_polling_interval=timedelta(minutes=1),
                base64=True,
            ),
            function_timeout=timedelta(minutes=30),
            functions=None,
            log_levels={},
            opens_telemetry=False,
            ignored=(),
        )

    def test_values(self, tmp_path: Path) -> None:
        """Every option is read; names are not case-sensitive."""
        document = {
            "version": "2.0",
            "functionTimeout": "-1",
            "functions": ["One", "two"],
            "logging": {"logLevel": {"default": "Warning", "Function.One": "Debug"}},
            "Extensions": {
                "http": {"routePrefix": "/v1/", "maxOutstandingRequests": 5, "maxConcurrentRequests": -1},
                "queues": {
                    "batchsize": 8,
                    "newBatchThreshold": 0,
                    "maxDequeueCount": 2,
                    "visibilityTimeout": "00:00:30",
                    "maxPollingInterval": "00:00:05",
                    "messageEncoding": "None",
                },
            },
            "misspelt": 1,
        }
        found = load(tmp_path, document)

        assert found.function_timeout is None
        assert found.functions == frozenset({"one", "two"})
        assert found.log_levels == {"default": "Warning", "function.one": "Debug"}
        assert found.http == HttpOptions(route_prefix="v1", max_outstanding_requests=5)
        assert found.queues == QueueOptions(
            batch_size=8,
            new_batch_threshold=0,
            max_dequeue_count=2,
            visibility_timeout=timedelta(seconds=30),
            max_polling_interval=timedelta(seconds=5),
            base64=False,
        )
        assert found.ignored == ("misspelt",)

    def test_setting_overrides_file(self, tmp_path: Path) -> None:
        """`AzureFunctionsJobHost__a__b` wins over the file, in whatever case."""
        override = {"AzureFunctionsJobHost__Extensions__Queues__BatchSize": "3"}

        assert load(tmp_path, queues(batchSize=8), **override).queues.batch_size == 3

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            (queues(batchSize=0), r"extensions\.queues\.batchSize is '0'; expected a whole number from 1 to 32"),
            (queues(batchSize=33), "batchSize is '33'"),
            (queues(batchSize="many"), "batchSize is 'many'"),
            (queues(newBatchThreshold=-1), "newBatchThreshold is '-1'; expected a whole number of at least 0"),
            (queues(maxDequeueCount=0), "maxDequeueCount is '0'"),
            (queues(visibilityTimeout="30s"), "visibilityTimeout is '30s'; expected a TimeSpan"),
            (
                queues(maxPollingInterval="00:00:00.05"),
                "maxPollingInterval is '00:00:00.05'; expected a TimeSpan of at",
            ),
            (queues(messageEncoding="utf8"), "messageEncoding is 'utf8'; expected base64 or none"),
            ({"version": "2.0", "functionTimeout": "00:00:00.5"}, "functionTimeout is '00:00:00.5'"),
            ({"version": "1.0"}, "'1.0' is an invalid value for host.json 'version' property"),
            ({"functionTimeout": "00:01:00"}, "missing the required 'version' property"),
            ([], "Unable to parse host configuration file"),
        ],
    )
    def test_refused(self, tmp_path: Path, document: object, message: str) -> None:
        """A value that the real host refuses is an error that names the path, the value and what is expected."""
        with pytest.raises(HostConfigurationError, match=message):
            load(tmp_path, document)


class TestSettings:
    """App settings."""

    def test_names_are_not_case_sensitive(self) -> None:
        """`__` and `:` separate sections, and case does not matter."""
        settings = AppSettings({"My__Section__Key": "v"})

        assert settings.get("my:section:key") == "v"
        assert settings.below("MY") == {"section:key": "v"}

    def test_placeholders(self) -> None:
        """`%NAME%` is replaced; one that does not exist is the binding's error."""
        settings = AppSettings({"QUEUE": "work"})

        assert settings.resolve("a-%queue%-b") == "a-work-b"
        with pytest.raises(BindingError, match="'%NOTHING%' does not resolve to a value"):
            settings.resolve("%NOTHING%")

    def test_binding_expressions_are_not_emulated(self) -> None:
        """`{…}` is refused rather than sent to a queue of that name."""
        with pytest.raises(BindingError, match="is not emulated"):
            AppSettings({}).resolve("work-{id}")

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("AzureWebJobs.work.Disabled", "true", True),
            ("AzureWebJobs.WORK.disabled", "True", True),
            ("AzureWebJobs_work_Disabled", "1", True),
            ("AzureWebJobs.work.Disabled", "false", False),
            ("AzureWebJobs.work.Disabled", "yes", False),
            ("AzureWebJobs.other.Disabled", "true", False),
        ],
    )
    def test_disabled(self, name: str, value: str, expected: bool) -> None:
        """Only true and 1 disable a function."""
        assert AppSettings({name: value}).is_disabled("work") is expected


class TestLocalSettings:
    """local.settings.json."""

    def test_environment_wins(self, tmp_path: Path) -> None:
        """Values are added to the environment, and do not replace what is there."""
        document = {"IsEncrypted": False, "Values": {"A": "file", "B": "file"}}
        (tmp_path / "local.settings.json").write_text(json.dumps(document))
        environment = {"A": "environment"}
        load_local_settings(tmp_path, environment)

        assert environment == {"A": "environment", "B": "file"}

    def test_no_file(self, tmp_path: Path) -> None:
        """Without a file nothing changes."""
        environment = {"A": "a"}
        load_local_settings(tmp_path, environment)

        assert environment == {"A": "a"}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[]", "is not a JSON object"),
            ('{"IsEncrypted": true}', "is encrypted"),
            ('{"Values": {"A": 1}}', "Values.A is 1; expected a string"),
        ],
    )
    def test_refused(self, tmp_path: Path, text: str, message: str) -> None:
        """A file that Core Tools could not use either is an error."""
        (tmp_path / "local.settings.json").write_text(text)

        with pytest.raises(HostConfigurationError, match=message):
            load_local_settings(tmp_path, {})
