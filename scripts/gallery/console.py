"""Pictures of the console for the manual: pages that it makes itself, over the scene of its tests."""

import tempfile
from pathlib import Path
from typing import Final

from tests.browser.chromium import chromium
from tests.unit.console.visiting import Console

_WIDTH: Final = 1180


async def photograph(browser: str, work: Path, pictures: Path) -> list[Path]:
    """Draw the pages and photograph them, light and dark; returns the pictures."""
    console = await Console().signed_in()
    asking, verified, *_ = console.scene.incidents()
    looks = {
        "console-overview": ("overview", False),
        "console-approval": (f"incidents/{asking.id}", True),
        "console-incident": (f"incidents/{verified.id}", False),
    }
    with tempfile.TemporaryDirectory(dir=work) as profile:
        async with chromium(browser, Path(profile)) as tab:
            for name, (path, dark) in looks.items():
                page = work / f"{name}.html"
                page.write_text((await console.get(path)).body, encoding="utf-8")
                await tab.look(width=_WIDTH, dark=dark)
                await tab.open(page.as_uri())
                await tab.photograph(pictures / f"{name}.png")
    return [pictures / f"{name}.png" for name in looks]
