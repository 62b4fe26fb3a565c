"""`make gallery`: draws every notice for every channel, and the console, and photographs them into `docs/gallery/`."""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.gallery import console
from scripts.gallery.pages import pages, problems

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / "var" / "gallery"
PICTURES = ROOT / "docs" / "gallery"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files")


def main() -> int:
    """Draw all; 1 when something is missing or the renderer complains."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        print("gallery: no Chromium found; install one (apt-get install chromium)", file=sys.stderr)
        return 1
    WORK.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(parents=True, exist_ok=True)
    renderer = (HERE / "node_modules" / "adaptivecards" / "dist" / "adaptivecards.min.js").as_uri()
    for picture in asyncio.run(console.photograph(browser, WORK, PICTURES)):
        print(f"wrote {picture.relative_to(ROOT)}")
    return max(_photograph(browser, name, page) for name, page in pages(renderer).items())


def _photograph(browser: str, name: str, page: str) -> int:
    path, picture = WORK / f"{name}.html", PICTURES / f"{name}.png"
    path.write_text(page, encoding="utf-8")
    dom = _run(browser, "--window-size=2040,1000", "--dump-dom", path.as_uri())
    if found := list(problems(dom)):
        print(f"gallery: {name}: {'; '.join(found)}", file=sys.stderr)
        return 1
    measured = re.search(r'data-height="(\d+)"', dom)
    height = measured[1] if measured else "4000"
    _run(browser, f"--window-size=2040,{height}", f"--screenshot={picture}", path.as_uri())
    print(f"wrote {picture.relative_to(ROOT)}")
    return 0


def _run(browser: str, *arguments: str) -> str:
    command = [browser, *_FLAGS, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
