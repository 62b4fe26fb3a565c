"""`python -m sandbox.demo`: plays the story; exit code 0 when every step held, 1 when one did not, which is named."""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec
from rich.console import Console

from sandbox.demo.narrator import Narrator, StepFailed
from sandbox.demo.report import DemoReport
from sandbox.demo.stage import ROOT, stage
from sandbox.demo.story import Story
from sandbox.frame.certificates import ensure_certificates
from sandbox.host.errors import HostError
from sandbox.storage_emulator import StorageEmulator
from shared.errors import CachewardenError


def main() -> int:
    """Play the story and write `demo.json`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "var", help="where everything is written; var")
    folder: Path = parser.parse_args().folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for old in (folder / "demo.json", folder / "demo" / "host.log"):
        old.unlink(missing_ok=True)
    console = Console(highlight=False)
    try:
        report = asyncio.run(_play(folder, Narrator(console)))
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    report.write(folder / "demo.json")
    (folder / "demo" / "exchanges.jsonl").replace(folder / "exchanges.jsonl")
    return 0 if report.ok else 1


async def _play(folder: Path, narrator: Narrator) -> DemoReport:
    narrator.say("[bold]A Docker Hub 429 becomes a cache rule[/bold]")
    story: Story | None = None
    try:
        certificates = ensure_certificates(folder / "certificates")
        async with (
            StorageEmulator() as storage,
            stage(folder / "demo", certificates=certificates, storage=storage.connection_string) as set_up,
        ):
            story = Story(set_up, narrator)
            await story.play()
            report = msgspec.structs.replace(story.report, ok=True)
    except (StepFailed, HostError, CachewardenError) as failure:
        step = failure.step if isinstance(failure, StepFailed) else "Set the stage"
        narrator.fail(step, str(failure.reason if isinstance(failure, StepFailed) else failure))
        return msgspec.structs.replace(story.report if story else DemoReport(ok=False), failed_step=step)
    _conclude(report, folder, narrator)
    return report


def _conclude(report: DemoReport, folder: Path, narrator: Narrator) -> None:
    narrator.say()
    narrator.table(
        "Created in the registry",
        ("cache rule", "source", "target", "credential set"),
        [(rule.name, rule.source, rule.target, rule.credential_set or "") for rule in report.rules],
    )
    seconds = report.seconds
    narrator.say()
    narrator.say(
        f"alert accepted {seconds.alert_accepted * 1000:.0f} ms · alert to rules {seconds.alert_to_rules:.2f} s · "
        f"whole story {seconds.total:.1f} s"
    )
    narrator.say(f"{folder / 'demo.json'} · {folder / 'exchanges.jsonl'}")


if __name__ == "__main__":
    sys.exit(main())
