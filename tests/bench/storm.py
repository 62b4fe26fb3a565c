"""Ten thousand duplicates of one alert at one running host: what is created and told, and the memory that it takes."""

import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp
import msgspec

from sandbox import scenario
from sandbox.demo.stage import Stage, stage
from sandbox.frame.certificates import ensure_certificates
from sandbox.storage_emulator import StorageEmulator
from sandbox.waiting import until
from tests.bench.rows import Measured

_DELIVERIES = 10_000
_AT_ONCE = 32
_MEMORY_MB = 200


async def _post_all(stage: Stage, alert: bytes, count: int) -> int:
    """Deliver the alert so often, several at once; how many were accepted."""
    gate = asyncio.Semaphore(_AT_ONCE)
    headers = {"x-functions-key": stage.host.keys.function}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def post() -> bool:
            async with gate, session.post(f"{stage.host.url}/api/alerts", data=alert) as answer:
                return answer.status == 202

        return sum(await asyncio.gather(*(post() for _ in range(count))))


async def _settled(stage: Stage) -> None:
    async def look() -> bool:
        pending = "pending" in (await stage.get("deliveries"))["outcomes"]
        return not pending and {i["state"] for i in await stage.get("incidents")} == {"verified"}

    await until(look, seconds=300, every_s=1)

    async def told() -> bool:
        return bool(stage.world.topic.events)

    await until(told, seconds=60, every_s=0.5)


def _resident_mb(process_id: int) -> tuple[float, float]:
    """Resident memory now and at its peak, in MB (10^6 bytes)."""
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    now, peak = (int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return now, peak


async def measure() -> list[Measured]:
    """One PUT, one notice, everything accounted for, within the memory to hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificates = ensure_certificates(folder / "certificates")
        async with (
            StorageEmulator() as storage,
            stage(folder, certificates=certificates, storage=storage.connection_string) as opened,
        ):
            opened.world.hub.exhaust("127.0.0.2")
            await opened.world.cluster.start_pod("nginx:1.27")
            await opened.world.monitor.evaluate(scenario.ALERT_RULE.name)
            alert = msgspec.json.encode(opened.world.exchanges.exchanges("alerts")[0].request_body)
            begun = time.perf_counter()
            accepted = await _post_all(opened, alert, _DELIVERIES - 1) + 1
            seconds = time.perf_counter() - begun
            await _settled(opened)
            now, peak = _resident_mb(opened.host.process_id)
            puts = len(opened.world.exchanges.exchanges("arm", method="PUT", path="/cacheRules/"))
            notices = len({published.event["id"] for published in opened.world.topic.events})
            totals = await opened.get("deliveries")
    counted = totals["duplicates"] + sum(totals["outcomes"].values())
    return [
        Measured(
            f"{_DELIVERIES} duplicate alerts ({accepted / seconds:.0f} a second): rule PUTs, notices, accounted for",
            f"{puts}, {notices}, {counted}",
            f"1, 1, {_DELIVERIES}",
            held=(puts, notices, counted, accepted) == (1, 1, _DELIVERIES, _DELIVERIES),
        ),
        Measured(
            f"resident memory of the host after them (peak {peak:.0f} MB)",
            f"{now:.0f} MB",
            f"{_MEMORY_MB} MB",
            held=peak <= _MEMORY_MB,
        ),
    ]
