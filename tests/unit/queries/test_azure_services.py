"""Container Apps, App Service, Container Instances, ACR, machines, and the shared table of diagnostics."""

import base64

import pytest

from shared.domain.failures import Cause, Workload
from shared.queries.app_service import APP_SERVICE, site_images
from shared.queries.container_apps import CONTAINER_APPS
from shared.queries.container_instances import CONTAINER_INSTANCES
from shared.queries.diagnostics import AZURE_DIAGNOSTICS
from shared.queries.machines import SYSLOG
from shared.queries.registry_events import REGISTRY_EVENTS
from tests.fixtures.failure_texts import ANONYMOUS, LIMITED_TEMPO, TEMPO
from tests.unit.queries.conftest import Asked, minutes_ago

GROUP = "/subscriptions/s/resourceGroups/RG/providers"
ENVIRONMENT = f"{GROUP}/Microsoft.App/managedEnvironments/shop"
SITE = f"{GROUP}/Microsoft.Web/sites/shop-web"
REGISTRY = f"{GROUP}/Microsoft.ContainerRegistry/registries/shopacr"
CONTAINER_GROUP = f"{GROUP}/Microsoft.ContainerInstance/containerGroups/jobs"
MACHINE = f"{GROUP}/Microsoft.Compute/virtualMachines/runner"


class TestContainerApps:
    """Container Apps in either table."""

    async def test_reads_both_tables_as_one(self, asked: Asked) -> None:
        """The destination of the logs decides which table they are in."""
        row = {"_ResourceId": ENVIRONMENT, "Reason": "Failed"}
        asked.add(
            "ContainerAppSystemLogs", row | {"ContainerAppName": "tempo", "ContainerName": "main", "Log": LIMITED_TEMPO}
        )
        asked.add(
            "ContainerAppSystemLogs_CL",
            {"ContainerAppName_s": "loki", "JobName_s": "", "Log_s": LIMITED_TEMPO, "_ResourceId": ENVIRONMENT},
        )

        [found] = await asked.failures(CONTAINER_APPS)

        assert (found.count, str(found.diagnosis.image), found.resource_id) == (2, TEMPO, ENVIRONMENT.lower())
        assert {(w.kind, w.name) for w in found.workloads} == {("ContainerApp", "tempo"), ("ContainerApp", "loki")}

    async def test_names_jobs(self, asked: Asked) -> None:
        """A job is no app."""
        asked.add("ContainerAppSystemLogs", {"JobName": "nightly", "Log": LIMITED_TEMPO, "_ResourceId": ENVIRONMENT})

        [found] = await asked.failures(CONTAINER_APPS)

        assert found.workloads == (Workload(ENVIRONMENT.lower(), "", "ContainerAppJob", "nightly"),)

    async def test_leaves_other_messages_alone(self, asked: Asked) -> None:
        """System logs are mostly about other things."""
        asked.add(
            "ContainerAppSystemLogs",
            {"Log": "Successfully pulled image", "_ResourceId": ENVIRONMENT},
            {"Log": "Probe failed: 429"},
        )

        assert await asked.failures(CONTAINER_APPS) == []


class TestAppService:
    """App Service, whose messages seldom name the image."""

    async def test_finds_the_site_without_an_image(self, asked: Asked) -> None:
        """The image is then the site's own configuration, which ARM knows."""
        refusal = "DockerApiException: Docker API responded with status code=InternalServerError"
        message = f'{refusal}, response={{"message":"{ANONYMOUS}"}}'
        asked.add("AppServicePlatformLogs", {"Message": message, "Level": "Error", "_ResourceId": SITE})

        [found] = await asked.failures(APP_SERVICE)

        assert (found.diagnosis.cause, found.diagnosis.image) == (Cause.RATE_LIMITED, None)
        assert found.workloads == (Workload(SITE.lower(), "", "WebApp", "shop-web"),)

    async def test_reads_the_exception_as_well(self, asked: Asked) -> None:
        """The text may be in either column."""
        asked.add(
            "AppServicePlatformLogs",
            {"Message": "Error", "Exception": f"docker pull failed: {LIMITED_TEMPO}", "_ResourceId": SITE},
        )

        [found] = await asked.failures(APP_SERVICE)

        assert str(found.diagnosis.image) == TEMPO

    @pytest.mark.parametrize(
        ("version", "images"),
        [
            ("DOCKER|nginx:1.27", ["docker.io/library/nginx:1.27"]),
            ("DOCKER|https://contoso.azurecr.io/app:1", ["contoso.azurecr.io/app:1"]),
            ("docker|acme/app", ["docker.io/acme/app"]),
            ("PYTHON|3.13", []),
            ("sitecontainers", []),
            ("DOCKER|", []),
            ("COMPOSE|not base64!", []),
            ("", []),
        ],
    )
    def test_site_images(self, version: str, images: list[str]) -> None:
        """`linuxFxVersion` in its forms."""
        assert [str(image) for image in site_images(version)] == images

    def test_site_images_of_a_compose_file(self) -> None:
        """Several, each once."""
        services = ("image: nginx:1.27", "image: 'acme/db:2' # ours", "image: nginx:1.27")
        compose = "".join(f"  s{n}:\n    {line}\n" for n, line in enumerate(services)).encode()

        images = site_images("COMPOSE|" + base64.b64encode(compose).decode())

        assert [str(image) for image in images] == ["docker.io/library/nginx:1.27", "docker.io/acme/db:2"]


class TestContainerInstances:
    """Container Instances in the new table and in both custom ones."""

    async def test_reads_all_three_tables_as_one(self, asked: Asked) -> None:
        """The image comes from the text, else from the column."""
        row = {
            "ContainerGroup": "jobs",
            "ContainerName": "main",
            "ContainerImage": "grafana/tempo:2.4",
            "_ResourceId": CONTAINER_GROUP,
        }
        asked.add("ContainerInstanceLog", row | {"Message": f"(RegistryErrorResponse) 'index.docker.io': {ANONYMOUS}"})
        asked.add(
            "ContainerInstanceLog_CL",
            {"ContainerGroup_s": "more", "Message": LIMITED_TEMPO, "_ResourceId": CONTAINER_GROUP},
        )
        asked.add(
            "ContainerEvent_CL", {"ContainerGroup_s": "most", "Message": LIMITED_TEMPO, "_ResourceId": CONTAINER_GROUP}
        )

        [found] = await asked.failures(CONTAINER_INSTANCES)

        assert (found.count, str(found.diagnosis.image)) == (3, TEMPO)
        assert {w.name for w in found.workloads} == {"jobs", "more", "most"}


class TestRegistryEvents:
    """ACR's own repository events."""

    async def test_the_status_decides_where_no_text_does(self, asked: Asked) -> None:
        """The image is named as it was pulled from the registry."""
        row = {
            "OperationName": "Pull",
            "LoginServer": "shopacr.azurecr.io",
            "Repository": "hub/nginx",
            "Tag": "1.27",
            "_ResourceId": REGISTRY,
        }
        asked.add(
            "ContainerRegistryRepositoryEvents",
            *[row | {"ResultType": status} for status in ("429", "404", "403", "503", "200")],
        )

        found = await asked.failures(REGISTRY_EVENTS)

        assert {f.diagnosis.cause for f in found} == {
            Cause.REGISTRY_THROTTLED,
            Cause.NOT_FOUND,
            Cause.DENIED,
            Cause.UPSTREAM_UNAVAILABLE,
        }
        assert {str(f.diagnosis.image) for f in found} == {"shopacr.azurecr.io/hub/nginx:1.27"}
        assert {f.diagnosis.limit for f in found} == {"shopacr.azurecr.io", None}

    async def test_a_text_that_names_the_rule_is_read(self, asked: Asked) -> None:
        """Should ACR say there what it says to the puller."""
        text = "toomanyrequests: too many requests to source registry for cache rule 'hub-nginx'."
        row = {
            "OperationName": "Pull",
            "LoginServer": "shopacr.azurecr.io",
            "Repository": "hub/nginx",
            "_ResourceId": REGISTRY,
        }
        asked.add("ContainerRegistryRepositoryEvents", row | {"ResultType": "429", "ResultDescription": text})

        [found] = await asked.failures(REGISTRY_EVENTS)

        assert (found.diagnosis.cause, found.diagnosis.cache_rule) == (Cause.RATE_LIMITED, "hub-nginx")


class TestSyslog:
    """Machines whose syslog is collected."""

    async def test_reads_what_engines_write(self, asked: Asked) -> None:
        """One failure per image and machine; other processes are left out."""
        escaped = LIMITED_TEMPO.replace('"', '\\"')
        row = {"Computer": "runner", "Facility": "daemon", "_ResourceId": MACHINE}
        asked.add(
            "Syslog",
            row | {"ProcessName": "dockerd", "SyslogMessage": f'time="2026" level=error msg="{escaped}"'},
            row
            | {
                "ProcessName": "containerd",
                "SyslogMessage": f'level=error error="{escaped}"',
                "TimeGenerated": minutes_ago(2),
            },
            row | {"ProcessName": "sshd", "SyslogMessage": LIMITED_TEMPO},
        )

        [found] = await asked.failures(SYSLOG)

        assert (found.count, str(found.diagnosis.image), found.last_seen) == (2, TEMPO, minutes_ago(2))
        assert found.workloads == (Workload(MACHINE.lower(), "", "Machine", "runner"),)


class TestAzureDiagnostics:
    """The shared table, whose columns are a matter of luck."""

    async def test_reads_whatever_column_has_the_text(self, asked: Asked) -> None:
        """Columns that a workspace does not have are empty."""
        asked.add(
            "AzureDiagnostics",
            {"ResultDescription": LIMITED_TEMPO, "Category": "ContainerAppSystemLogs", "_ResourceId": ENVIRONMENT},
        )

        [found] = await asked.failures(AZURE_DIAGNOSTICS)

        assert (str(found.diagnosis.image), found.resource_id) == (TEMPO, ENVIRONMENT.lower())
