"""What is remembered about a credential, so that no instance undoes what another has learned meanwhile.

The trap: a look at Docker Hub takes seconds between reading the watch and writing it. In these another instance may
have learned that the owner's login is refused; who forgets that tries it again, and counts towards the account's lock.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from shared.application.records import until_unchanged
from shared.application.rotation_ports import Rotations, Watch


async def watch_of(rotations: Rotations, credential: str) -> Watch:
    """What is remembered about a credential; an empty watch when nothing is."""
    stored = await rotations.watch(credential)
    return Watch() if stored is None else stored.value


async def remember(rotations: Rotations, credential: str, **learned: Any) -> None:
    """Remember fields of a credential's watch; the others stay as they are when it is written.

    Raises:
        Changed: others kept changing it, ten times in a row.
    """
    await rewrite(rotations, credential, lambda watch: msgspec.structs.replace(watch, **learned))


async def rewrite(rotations: Rotations, credential: str, edit: Callable[[Watch], Watch]) -> None:
    """Edit a credential's watch as it is when it is written; `edit` is pure: it may run several times.

    Raises:
        Changed: others kept changing it, ten times in a row.
    """

    async def write() -> None:
        stored = await rotations.watch(credential)
        await rotations.save_watch(credential, stored, edit(Watch() if stored is None else stored.value))

    await until_unchanged(f"what is remembered about the credential {credential}", write)
