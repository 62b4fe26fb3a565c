"""Sets the stage, plays the story and leaves its report; a step that does not hold is named."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from sandbox.demo.narrator import Narrator, StepFailed, terminal
from sandbox.demo.report import DemoReport
from sandbox.demo.stage import Stage, stage
from sandbox.demo.story import Story
from sandbox.frame.certificates import ensure_certificates
from sandbox.host.errors import HostError
from sandbox.ports import free_port
from sandbox.storage_emulator import StorageEmulator
from shared.errors import CachewardenError

_STAGE = "Set the stage"


def play(folder: Path) -> int:
    """Play the story and write `demo.json` into a folder; 0 when every step held, 1 when one did not."""
    report = asyncio.run(_play(folder, Narrator(terminal())))
    report.write(folder / "demo.json")
    written = folder / "demo" / "exchanges.jsonl"
    if written.exists():
        written.replace(folder / "exchanges.jsonl")
    return 0 if report.ok else 1


async def _play(folder: Path, narrator: Narrator) -> DemoReport:
    story: Story | None = None
    try:
        async with AsyncExitStack() as standing:
            story = Story(await _set_up(folder, narrator, standing), narrator)
            await story.play()
            report = msgspec.structs.replace(story.report, ok=True)
    except (StepFailed, HostError, CachewardenError) as failure:
        step = failure.step if isinstance(failure, StepFailed) else _STAGE
        narrator.fail(step, str(failure.reason if isinstance(failure, StepFailed) else failure))
        return msgspec.structs.replace(story.report if story else DemoReport(ok=False), failed_step=step)
    _conclude(report, folder, narrator)
    return report


async def _set_up(folder: Path, narrator: Narrator, standing: AsyncExitStack) -> Stage:
    """The stage, which `standing` takes down again."""
    with narrator.step(_STAGE, numbered=False) as step:
        certificates = ensure_certificates(folder / "certificates")
        storage = await standing.enter_async_context(StorageEmulator())
        step.say("Azurite runs: queues and tables")
        step.say("the emulators and the function host start …")
        port = free_port()
        set_up = await standing.enter_async_context(
            stage(
                folder / "demo",
                certificates=certificates,
                storage=storage.connection_string,
                settings={"CACHEWARDEN_PUBLIC_ADDRESS": f"http://127.0.0.1:{port}"},
                options=("--port", str(port)),
            )
        )
        step.say(f"the app answers at {set_up.host.url}")
    return set_up


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
