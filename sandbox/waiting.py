"""Waiting for something that another process does: look again and again, with an end."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(look: Callable[[], Awaitable[bool]], *, seconds: float, every_s: float = 0.02) -> None:
    """Return once `look` says so; raises TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not await look():
            await asyncio.sleep(every_s)
