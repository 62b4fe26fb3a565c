"""Timer functions."""
# ruff: noqa: ARG001 - a trigger has its parameter, needed or not

import os
from typing import Any, cast

import azure.functions as func

from tests.integration.host.app.journal import record, wait_at

timers = func.Blueprint()


@timers.timer_trigger(arg_name="timer", schedule="%TICK%")
async def tick(timer: func.TimerRequest) -> None:
    """Note a tick."""
    record("tick", past_due=timer.past_due, status=cast("Any", timer).schedule_status, process=os.getpid())


@timers.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
@timers.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")
async def flaky(timer: func.TimerRequest, context: func.Context) -> None:
    """Succeed at the third try."""
    retry = context.retry_context
    record("flaky", retry_count=retry.retry_count, max_retry_count=retry.max_retry_count)
    if retry.retry_count < retry.max_retry_count:
        raise RuntimeError("not yet")


@timers.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
async def slow(timer: func.TimerRequest) -> None:
    """Wait at a gate."""
    record("slow")
    await wait_at("slow")
    record("slow finished")
