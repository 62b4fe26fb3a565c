"""The hooks of a deployment, run as azd and people run them, with a stand-in for the Azure CLI."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.domain.policy_file import check_policy
from tests.infra.templates import INFRA, template

ROOT = INFRA.parent
REGISTRY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso"
VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
APP = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/func"
FACTS = {
    "registries": [REGISTRY.replace("/s/", "/00000000-0000-0000-0000-000000000001/")],
    "vault": "https://kv.vault.azure.net/",
    "vaultId": VAULT.replace("/s/", "/00000000-0000-0000-0000-000000000001/"),
    "topic": "https://evgt.westeurope-1.eventgrid.azure.net/api/events",
}
STAND_IN = """\
#!/bin/sh
"exec" "{python}" "$0" "$@"
import json, pathlib, sys
folder = pathlib.Path({folder!r})
arguments = sys.argv[1:]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
for argument in arguments:
    if argument.startswith("@"):
        (folder / "parameters").write_text(pathlib.Path(argument[1:]).read_text())
answers = json.loads((folder / "answers").read_text())
for part, answer in answers.items():
    if part in " ".join(arguments):
        if isinstance(answer, str):
            sys.exit(answer)
        print(json.dumps(answer))
"""


class Cli:
    """The stand-in: what it answers to calls with a text in them, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "az"
        program.write_text(STAND_IN.format(python=sys.executable, folder=str(folder)), encoding="utf-8")
        program.chmod(0o755)
        self.answers: dict[str, Any] = {
            f"{APP}/functions?": {"value": [{"name": f"func/{name}"} for name in ("alerts", "vault_events")]},
            f"{VAULT}/secrets?": {"value": [{"name": "dockerhub-token"}]},
        }

    def run(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a hook."""
        (self.folder / "answers").write_text(json.dumps(self.answers), encoding="utf-8")
        command = [sys.executable, str(ROOT / "scripts" / "azure_hooks.py"), *arguments]
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        given = {"PATH": path} | (azd_environment() if environment is None else environment)
        return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=60)

    @property
    def calls(self) -> list[list[str]]:
        """What it was asked, in order."""
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def wiring() -> dict[str, Any]:
    """The output WIRING of main.bicep, with a value for each of its names."""
    values: dict[str, Any] = dict.fromkeys(template(INFRA / "main.bicep").section("outputs")["WIRING"]["value"], "x")
    lists = {"writtenSecrets": ["dockerhub-token", "dockerhub-token-next"], "readSecrets": ["dockerhub-owner"]}
    return values | lists | {"functionAppId": APP, "vaultId": VAULT, "location": "westeurope", "suffix": "abc"}


def azd_environment() -> dict[str, str]:
    """What azd puts into a hook's environment: lists and objects as JSON."""
    workspaces = ["11111111-1111-1111-1111-111111111111"]
    outputs = {"WIRING": wiring(), "POLICY_FACTS": FACTS, "WORKSPACE_CUSTOMER_IDS": workspaces}
    return {name: json.dumps(value) for name, value in outputs.items()}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A stand-in of its own for each test."""
    return Cli(tmp_path)


class TestPolicy:
    """`azure_hooks.py policy`."""

    def test_writes_one_that_is_valid_and_only_looks(self, cli: Cli) -> None:
        """Mode observe, without an error."""
        file = cli.folder / "policy.yaml"

        done = cli.run("policy", "--policy-file", str(file))
        checked = check_policy(file.read_text(encoding="utf-8"))

        assert (done.returncode, checked.errors) == (0, ())
        assert checked.policy is not None
        assert checked.policy.mode == "observe"

    def test_leaves_one_that_is_there(self, cli: Cli) -> None:
        """Whatever it says."""
        file = cli.folder / "policy.yaml"
        file.write_text("mine", encoding="utf-8")

        done = cli.run("policy", "--policy-file", str(file))

        assert (done.returncode, file.read_text(encoding="utf-8")) == (0, "mine")
        assert "stays as it is" in done.stdout


class TestWire:
    """`azure_hooks.py wire`."""

    def test_deploys_the_wiring_for_what_there_is(self, cli: Cli) -> None:
        """With every parameter of the template, and the functions and secrets that were found."""
        done = cli.run("wire")

        given = json.loads((cli.folder / "parameters").read_text())["parameters"]
        assert (done.returncode, done.stderr) == (0, "")
        assert set(given) == set(template(INFRA / "wiring.bicep").section("parameters"))
        assert given["functions"] == {"value": ["alerts", "vault_events"]}
        assert given["secrets"] == {"value": ["dockerhub-token"]}
        assert cli.calls[-1][:3] == ["deployment", "sub", "create"]

    def test_says_what_waits(self, cli: Cli) -> None:
        """The secrets and functions that are not there, with the command that helps."""
        done = cli.run("wire")

        assert "no secret dockerhub-owner yet" in done.stdout
        assert "az keyvault secret set --vault-name kv --name dockerhub-owner" in done.stdout
        assert "no function registry_events" in done.stdout
        assert "no function vault_events" not in done.stdout

    def test_again_is_the_same(self, cli: Cli) -> None:
        """Two runs ask for the same deployment."""
        cli.run("wire")
        first = (cli.folder / "parameters").read_text()
        cli.run("wire")

        assert (cli.folder / "parameters").read_text() == first
        creations = [call[:-4] for call in cli.calls if call[0] == "deployment"]
        assert creations[0][:9] == creations[1][:9]

    def test_stops_while_the_code_is_not_there(self, cli: Cli) -> None:
        """Nothing is deployed, and the reason is given."""
        cli.answers[f"{APP}/functions?"] = {"value": []}

        done = cli.run("wire", "--patience", "0")

        assert done.returncode == 1
        assert "deploy the code" in done.stderr
        assert not [call for call in cli.calls if call[0] == "deployment"]

    def test_tells_what_azure_said(self, cli: Cli) -> None:
        """An error of the CLI ends it, with the CLI's words."""
        cli.answers = {"deployment sub create": "AuthorizationFailed: no", **cli.answers}

        done = cli.run("wire")

        assert done.returncode == 1
        assert "AuthorizationFailed: no" in done.stderr

    def test_takes_the_outputs_of_a_named_deployment(self, cli: Cli) -> None:
        """Without azd; Azure gives names back in its own case."""
        shown = {name: {"type": "Object", "value": json.loads(value)} for name, value in azd_environment().items()}
        cli.answers["deployment sub show"] = {name.lower(): output for name, output in shown.items()}

        done = cli.run("wire", "--deployment", "cachewarden", environment={})

        assert done.returncode == 0, done.stderr

    def test_wants_to_know_which_deployment(self, cli: Cli) -> None:
        """Neither azd nor a name."""
        done = cli.run("wire", environment={})

        assert (done.returncode, "--deployment NAME" in done.stderr) == (1, True)
