"""Secrets that are read, never written: the addresses and keys of channels."""

from typing import Protocol


class SecretReader(Protocol):
    """Secrets of Key Vaults."""

    async def read(self, vault: str, name: str) -> str:
        """The secret's latest text, which may be some minutes old; raises `PermanentError` when there is none."""

    def forget(self, vault: str, name: str) -> None:
        """Read it anew next time, because what it said did not work."""
