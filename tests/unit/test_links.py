"""Links in the project's pages: each leads to a file that is there and to a heading that it has."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PLACES: Final = ("*.md", "docs/**/*.md", "infra/**/*.md", "sandbox/**/*.md", "tests/**/*.md")
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^()\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def pages(root: Path) -> list[Path]:
    """The project's own pages, without those of packages that are installed below it."""
    found = {page for place in PLACES for page in root.glob(place)}
    return sorted(page for page in found if "node_modules" not in page.relative_to(root).parts)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def dead_links(root: Path) -> list[str]:
    """`page: link` of every relative link that leads nowhere."""
    dead = []
    for page in pages(root):
        for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                dead.append(f"{page.relative_to(root)}: {link}")
    return dead


class TestLinks:
    """What a reader clicks on."""

    def test_each_leads_somewhere(self) -> None:
        """Every relative link of every page, with its anchor."""
        assert len(pages(ROOT)) > 50
        assert dead_links(ROOT) == []

    @pytest.mark.parametrize(
        ("link", "is_dead"),
        [
            ("docs/there.md", False),
            ("docs/there.md#one-two-three", False),
            ("docs/missing.md", True),
            ("docs/there.md#four", True),
            ("#nowhere", True),
            ("https://example.com/any", False),
        ],
    )
    def test_one_that_leads_nowhere_is_found(self, link: str, is_dead: bool, tmp_path: Path) -> None:
        """A page or a heading that is gone; other sites are not asked, and code is no link."""
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "there.md").write_text("# One `two`, three\n\n```\n# four\n[x](gone.md)\n```\n")
        (tmp_path / "README.md").write_text(f"[a link]({link})\n")

        assert dead_links(tmp_path) == ([f"README.md: {link}"] if is_dead else [])
