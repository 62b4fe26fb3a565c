"""What a deployment does besides the templates: a first policy file, and what has to point at functions.

The trap: Event Grid and action groups refuse a function that does not exist yet, so they can't be part of the templates
that make the app; and a role on a secret needs the secret. `wire` deploys `infra/wiring.bicep` for what is there by
now, says what is not, and may be run as often as one likes. It needs Python and the Azure CLI, nothing of this project.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_FUNCTIONS_API = "2024-04-01"
_SECRETS_API = "2024-11-01"
_CONNECTED = "alerts"
"""The function without which nothing works: when it is listed, the code has arrived."""


class Stopped(Exception):
    """It can't go on; the text says why and what to do."""


def az(*arguments: str) -> Any:
    """What the Azure CLI answers, as JSON."""
    program = shutil.which("az")
    if program is None:
        raise Stopped("the Azure CLI (az) is not on PATH: https://learn.microsoft.com/cli/azure/install-azure-cli")
    command = [program, *arguments, "--output", "json", "--only-show-errors"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the CLI found above
    if done.returncode != 0:
        raise Stopped(f"az {' '.join(arguments[:3])} failed: {done.stderr.strip()}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def outputs(deployment: str | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """The outputs of `infra/main.bicep`: from azd's environment, or from a deployment that is named."""
    if deployment:
        shown = az("deployment", "sub", "show", "--name", deployment, "--query", "properties.outputs")
        return {name.upper(): output["value"] for name, output in shown.items()}
    wanted = ("WIRING", "POLICY_FACTS", "WORKSPACE_CUSTOMER_IDS")
    if any(name not in environment for name in wanted):
        raise Stopped("no outputs of infra/main.bicep: run it from azd, or name the deployment with --deployment NAME")
    return {name: json.loads(environment[name]) for name in wanted}


def write_policy(found: Mapping[str, Any], path: Path) -> None:
    """Write a first policy for what was deployed; a file that is there is left alone."""
    if path.exists():
        print(f"policy: {path} is there and stays as it is")
        return
    path.write_text(first_policy(found["POLICY_FACTS"], found["WORKSPACE_CUSTOMER_IDS"]), encoding="utf-8")
    print(f"policy: wrote {path}, in mode observe: read it, decide what it may cache, and deploy it with the code")


def first_policy(facts: Mapping[str, Any], workspaces: Sequence[str]) -> str:
    """A policy that only looks, for the registries, the workspaces, the vault and the topic of a deployment."""
    registries = "\n".join(f"  - id: {registry}" for registry in facts["registries"])
    several = len(facts["registries"]) > 1
    serves = "# Give each registry its `serves`: the clusters and apps that pull from it.\n" if several else ""
    return f"""\
# Written by scripts/azure_hooks.py for what was deployed; from here on it is yours. docs/policy.md explains every part.
version: 1
mode: observe
{serves}registries:
{registries}
sources:
  workspaces: {json.dumps(list(workspaces))}
upstreams:
  docker.io:
    target: docker-hub
    granularity: repository
    allow: ["library/*"]
    credential: hub
credentials:
  hub:
    provider: assisted
    vault: {facts["vault"].rstrip("/")}
    vault_id: {facts["vaultId"]}
    username_secret: dockerhub-username
    token_secret: dockerhub-token
notifications:
  channels:
    topic: {{kind: event_grid, endpoint: "{facts["topic"]}"}}
  routes:
    - {{channels: [topic]}}
"""


def wire(found: Mapping[str, Any], *, patience: float, every: float) -> None:
    """Deploy `infra/wiring.bicep` for the functions and secrets that there are."""
    wiring = found["WIRING"]
    functions = deployed_functions(wiring["functionAppId"], patience=patience, every=every)
    secrets = existing_secrets(wiring["vaultId"])
    tell_what_waits(wiring, functions, secrets)
    parameters = {name: {"value": value} for name, value in wiring.items()}
    parameters |= {"functions": {"value": functions}, "secrets": {"value": secrets}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "wiring.parameters.json"
        file.write_text(json.dumps({"contentVersion": "1.0.0.0", "parameters": parameters}), encoding="utf-8")
        where = ("--location", wiring["location"], "--name", f"cachewarden-wiring-{wiring['suffix']}")
        template = ROOT / "infra" / "wiring.bicep"
        az("deployment", "sub", "create", *where, "--template-file", str(template), "--parameters", f"@{file}")
    print("wire: event subscriptions, alert rules and their action group point at the app; run it again at any time")


def deployed_functions(app: str, *, patience: float, every: float) -> list[str]:
    """The names of the app's functions, once the code has arrived.

    Raises:
        Stopped: it has not, after so many seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        listed = az("rest", "--method", "get", "--url", f"{app}/functions?api-version={_FUNCTIONS_API}")
        names = sorted(function["name"].rpartition("/")[2] for function in listed["value"])
        if _CONNECTED in names:
            print(f"wire: the app has the functions {', '.join(names)}")
            return names
        if time.monotonic() >= deadline:
            raise Stopped(f"the app does not list the function {_CONNECTED}: deploy the code, look at /api/health")
        time.sleep(every)


def existing_secrets(vault: str) -> list[str]:
    """The names of the vault's secrets, asked of ARM: a private vault does not answer from here."""
    names: list[str] = []
    url = f"{vault}/secrets?api-version={_SECRETS_API}"
    while url:
        listed = az("rest", "--method", "get", "--url", url)
        names += [secret["name"] for secret in listed["value"]]
        url = listed.get("nextLink") or ""
    return sorted(names)


def tell_what_waits(wiring: Mapping[str, Any], functions: Sequence[str], secrets: Sequence[str]) -> None:
    """Say which secrets and functions the templates know and Azure does not have."""
    vault = wiring["vaultId"].rpartition("/")[2]
    for secret in [*wiring["writtenSecrets"], *wiring["readSecrets"]]:
        if secret not in secrets:
            print(f"wire: the vault has no secret {secret} yet, so no role on it; to use it, set it and run again:")
            print(f"        az keyvault secret set --vault-name {vault} --name {secret} --file FILE")
    events = json.loads((ROOT / "infra" / "events.json").read_text(encoding="utf-8"))
    for wanted in sorted({entry["function"] for entries in events.values() for entry in entries}):
        if wanted not in functions:
            print(f"wire: the app has no function {wanted}, so nothing is subscribed for it")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the hooks; 1 when it could not."""
    parser = argparse.ArgumentParser(description="What azd's hooks do; by hand: with --deployment NAME.")
    parser.add_argument("hook", choices=["policy", "wire"])
    parser.add_argument("--deployment", help="name of the deployment of infra/main.bicep; left out: azd's environment")
    parser.add_argument("--policy-file", type=Path, default=ROOT / "policy.yaml")
    parser.add_argument("--patience", type=float, default=600, help="seconds until the code has to be there")
    parser.add_argument("--every", type=float, default=10, help="seconds between two looks")
    options = parser.parse_args(arguments)
    try:
        found = outputs(options.deployment, os.environ)
        if options.hook == "policy":
            write_policy(found, options.policy_file)
        else:
            wire(found, patience=options.patience, every=options.every)
    except Stopped as stopped:
        print(f"{options.hook}: {stopped}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
