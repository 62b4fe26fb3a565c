"""Generated references: what is committed is what the code says."""

from pathlib import Path

import pytest

from scripts.generate_references import REFERENCES, main, stale


class TestReferences:
    """The generator and its check."""

    def test_nothing_is_stale(self) -> None:
        """Whoever changes the code writes the references again."""
        assert stale() == []

    def test_what_is_missing_or_changed_is_stale_until_it_is_written(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """`--check` fails and writes nothing; without it everything is written, and once is enough."""
        arguments = ["--root", str(tmp_path)]

        assert main(["--check", *arguments]) == 1
        assert not list(tmp_path.iterdir())
        assert "policy.schema.json is stale" in capsys.readouterr().err
        assert main(arguments) == 0
        assert main(["--check", *arguments]) == 0
        first = tmp_path / next(iter(REFERENCES))
        first.write_text("changed", encoding="utf-8")
        assert main(["--check", *arguments]) == 1
