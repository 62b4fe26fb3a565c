"""`cachewarden import`: live against the sandbox, offline from files; what it proposes is a valid policy."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox import scenario
from sandbox.frame.faults import FaultRule
from sandbox.world import World
from shared.cli import main
from shared.domain.policy import Policy
from shared.domain.policy_file import check_policy

ROOT = Path(__file__).parents[3]
RULE = {
    "id": f"{scenario.REGISTRY_ID}/cacheRules/nginx",
    "name": "nginx",
    "sourceRepository": "docker.io/library/nginx",
    "targetRepository": "hub/library/nginx",
    "credentialSetResourceId": f"{scenario.REGISTRY_ID}/credentialSets/hub-set",
}
SET = {
    "name": "hub-set",
    "loginServer": "docker.io",
    "authCredentials": [
        {
            "usernameSecretIdentifier": "https://contoso-kv.vault.azure.net/secrets/dockerhub-username",
            "passwordSecretIdentifier": "https://contoso-kv.vault.azure.net/secrets/dockerhub-token",
        }
    ],
}


def read(text: str) -> Policy:
    """The policy in a text without errors."""
    checked = check_policy(text)
    assert checked.errors == (), text
    assert checked.policy is not None
    return checked.policy


async def live(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person who may read everything."""
    given = {
        "PATH": os.environ["PATH"],
        "SSL_CERT_FILE": str(world.certificates.ca),
        "IDENTITY_ENDPOINT": world.urls.identity,
        "IDENTITY_HEADER": world.identity_service.header,
        "AZURE_CLIENT_ID": world.person.client_id,
        "CACHEWARDEN_ARM_ENDPOINT": world.urls.arm,
        "CACHEWARDEN_LOGS_ENDPOINT": world.urls.logs,
    }
    command = [sys.executable, "-m", "shared.cli", "import", "--registry", scenario.REGISTRY_ID, *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=100
    )


class TestLive:
    """With one's own sign-in."""

    async def test_what_is_there_becomes_a_policy(self, world: World) -> None:
        """The cluster that may pull, the images that run and those that fail; nothing is written anywhere."""
        world.hub.exhaust("127.0.0.2")
        assert await world.cluster.start_pod("bitnami/redis:7.4", namespace="shop") is None
        row = {"ContainerID": "a", "Repository": "ghcr.io", "Image": "contoso/app", "ImageTag": "1"}
        world.workspace.append("ContainerInventory", [row | {"_ResourceId": scenario.CLUSTER_ID}])

        done = await live(world, "--workspace", scenario.WORKSPACE)

        policy = read(done.stdout)
        assert (done.returncode, done.stderr) == (0, "")
        assert [(one.id, one.serves) for one in policy.registries] == [(scenario.REGISTRY_ID, (scenario.CLUSTER_ID,))]
        assert policy.upstreams["docker.io"].allow == ("bitnami/redis",)
        assert policy.upstreams["ghcr.io"].allow == ("contoso/app",)
        assert policy.sources.workspaces == (scenario.WORKSPACE,)
        assert "failed" in done.stdout
        assert {one.method for one in world.exchanges.exchanges("arm")} == {"GET"}

    async def test_what_may_not_be_looked_at_is_said(self, world: World) -> None:
        """And the proposal goes on without it."""
        world.faults.add(FaultRule(service="logs", status=503, times=100))

        done = await live(world, "--workspace", scenario.WORKSPACE)

        assert done.returncode == 0
        read(done.stdout)
        assert f"# kube_events in workspace {scenario.WORKSPACE}: not looked at" in done.stdout

    async def test_a_registry_that_is_not_there(self, world: World) -> None:
        """Is an error, and no policy."""
        done = await live(world, "--registry", scenario.REGISTRY_ID.replace("contoso", "fabrikam"))

        assert (done.returncode, done.stdout) == (2, "")
        assert "fabrikam" in done.stderr


class TestOffline:
    """From files."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> dict[str, str]:
        """What `az acr` prints, and a list of images."""
        texts = {
            "rules": json.dumps([RULE]),
            "sets": json.dumps([SET]),
            "repositories": json.dumps(["quay.io/mine"]),
            "images.txt": 'quay.io/a/b:1\nFailed to pull image "nginx:1.27": 429 Too Many Requests\nnoise here\n',
        }
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return {name: str(tmp_path / name) for name in texts}

    def run(self, files: dict[str, str], *more: str) -> int:
        """The command over all files."""
        given = ["--cache-rules", files["rules"], "--credential-sets", files["sets"]]
        return main(["import", *given, "--repositories", files["repositories"], *more, files["images.txt"]])

    def test_files_become_a_policy(self, files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        """The registry's id is in the files themselves."""
        assert self.run(files) == 0

        policy = read(capsys.readouterr().out)
        assert policy.registries[0].id == scenario.REGISTRY_ID
        assert policy.upstreams["docker.io"].allow == ("library/nginx",)
        assert policy.upstreams["docker.io"].credential == "hub-set"
        assert policy.upstreams["quay.io"].target == "quay.io-2"

    def test_a_file_is_never_written_over(
        self, files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Unless that is said."""
        output = tmp_path / "policy.yaml"
        assert self.run(files, "--output", str(output)) == 0
        read(output.read_text(encoding="utf-8"))
        assert "mode observe" in capsys.readouterr().err

        output.write_text("mine", encoding="utf-8")
        assert self.run(files, "--output", str(output)) == 2
        assert output.read_text(encoding="utf-8") == "mine"
        assert "--force" in capsys.readouterr().err

        assert self.run(files, "--output", str(output), "--force") == 0
        read(output.read_text(encoding="utf-8"))

    def test_a_link_to_nowhere_is_there(self, files: dict[str, str], tmp_path: Path) -> None:
        """Nothing is written where somebody else's link leads."""
        link = tmp_path / "policy.yaml"
        link.symlink_to(tmp_path / "elsewhere")

        assert self.run(files, "--output", str(link)) == 2
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("name", ["no/such/folder", "x" * 300])
    @pytest.mark.parametrize("force", [[], ["--force"]])
    def test_a_file_that_can_not_be_written(
        self, files: dict[str, str], tmp_path: Path, name: str, force: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is named in one line."""
        assert self.run(files, "--output", str(tmp_path / name), *force) == 2
        assert f"{name}: " in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ([], "--registry: left out"),
            (["--registry", scenario.REGISTRY_ID, "--days", "99999999999999"], "--days"),
            (["--registry", scenario.REGISTRY_ID, "--days", "0"], "--days"),
            (["nginx"], "no file of rules or credential sets names it"),
            (["--registry", "contoso", "nginx"], "a registry's id"),
            (["--registry", scenario.REGISTRY_ID, "--workspace", "logs", "nginx"], "expected a GUID"),
        ],
    )
    def test_what_is_missing(self, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Is named, and nothing is written."""
        assert main(["import", *arguments]) == 2

        written: Any = capsys.readouterr()
        assert written.out == ""
        assert told in written.err
