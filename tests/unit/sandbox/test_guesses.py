"""The table of guesses in the README names every refusal that is one."""

from pathlib import Path

import pytest

from sandbox.arm import refusals as arm
from sandbox.arm import registry_refusals, role_refusals
from sandbox.frame.service import Refusal
from sandbox.identity import refusals as identity
from sandbox.vault import refusals as vault

README = Path(__file__).parents[3] / "sandbox" / "arm" / "README.md"
GUESSED = sorted(
    {
        each.code
        for module in (arm, registry_refusals, role_refusals, identity, vault)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Refusal) and each.guessed
    }
)


class TestGuesses:
    """What the README says about the refusals."""

    @pytest.mark.parametrize("code", GUESSED)
    def test_guess_is_named(self, code: str) -> None:
        """A guessed refusal's code stands in the table."""
        rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]

        assert any(f"`{code}`" in row.split("|")[1] for row in rows)
