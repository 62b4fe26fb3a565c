"""A folder with a policy, and what `cachewarden plan` prints there."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.cli import main
from tests.planning import REGISTRY

POLICY = f"""\
version: 1
registries: [{{id: {REGISTRY.id}}}]
upstreams:
  docker.io: {{target: docker-hub, allow: ["library/*", "bitnami/**"], deny: ["*/nightly*"], credential: hub}}
credentials:
  hub:
    provider: personal
    vault: https://contoso-kv.vault.azure.net
    username_secret: dockerhub-username
    token_secret: dockerhub-token
    owner_secret: dockerhub-owner
"""
SETS = f"{REGISTRY.id}/credentialSets"
LIMITED = (
    'Failed to pull image "redis:7": rpc error: code = Unknown desc = failed to pull and unpack image '
    '"docker.io/library/redis:7": failed to copy: httpReadSeeker: failed open: unexpected status code '
    "https://registry-1.docker.io/v2/library/redis/manifests/sha256:" + "a" * 64 + ": 429 Too Many Requests - Server "
    "message: toomanyrequests: You have reached your unauthenticated pull rate limit."
)


class Desk:
    """A folder with a policy, and what the command printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.policy = self.file("policy.yaml", POLICY)

    def file(self, name: str, content: object) -> str:
        """A file: text as it is, anything else as JSON."""
        path = self._folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def pipe(self, text: str) -> None:
        """Put a text on standard input."""
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    def run(self, *arguments: str, registry: str = "contoso") -> tuple[int, str, str]:
        """Exit code, output, errors."""
        code = main(["plan", "--policy", self.policy, "--registry", registry, *arguments])
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def plan(self, *arguments: str) -> dict[str, Any]:
        """The plan as JSON."""
        _, out, _ = self.run("--json", *arguments)
        read: dict[str, Any] = json.loads(out)
        return read
