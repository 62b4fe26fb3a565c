"""From an SDK's exception to one of ours: what passes, after which wait, under which code."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.azure_codes import HINTS, TEMPORARY_CODES, hint_for, passes_by_itself
from shared.adapters.azure_errors import AzureUnavailable, azure_call, refused, retry_after, together
from shared.errors import PermanentError, TemporaryError
from shared.telemetry.names import Outside

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class TestVerdicts:
    """The code decides, the status only where the code says nothing."""

    @pytest.mark.parametrize("code", sorted(TEMPORARY_CODES))
    def test_temporary_codes(self, code: str) -> None:
        """A code that passes does so whatever the status: a failed operation has 200."""
        assert passes_by_itself(code.lower(), 200, "")

    @pytest.mark.parametrize("code", sorted(HINTS))
    def test_known_codes(self, code: str) -> None:
        """A code that does not pass never does, and has a hint that is a sentence."""
        assert not passes_by_itself(code, 503, "in progress")
        assert hint_for(code.upper()).endswith(".")

    def test_no_code_is_both(self) -> None:
        """No code passes and stays."""
        assert not {code.lower() for code in TEMPORARY_CODES} & {code.lower() for code in HINTS}

    @pytest.mark.parametrize(
        ("status", "message", "expected"),
        [
            (None, "", False),
            (200, "", False),
            (400, "another operation is in progress", False),
            (403, "", False),
            (404, "", False),
            (408, "", True),
            (409, "", False),
            (409, "Another operation on 'x' is running.", True),
            (409, "The operation is in progress.", True),
            (429, "", True),
            (500, "", True),
            (599, "", True),
        ],
    )
    def test_unknown_codes(self, status: int | None, message: str, *, expected: bool) -> None:
        """Under an unknown code the status speaks, and of a conflict its words."""
        assert passes_by_itself("SomethingNew", status, message) is expected

    def test_what_is_kept(self) -> None:
        """Code and text are the service's, on one line, cut to a bearable length; the wait is the header's."""
        passing = refused("doing it", 429, {"Retry-After": "4"}, "too\nmany " + "x" * 5000, code="Whatever")
        staying = refused("doing it", 403, {}, "no", code="AuthorizationFailed")

        assert isinstance(passing, TemporaryError)
        assert (passing.code, passing.retry_after) == ("Whatever", 4)
        assert str(passing).startswith("doing it: Whatever: too many xxx")
        assert len(str(passing)) < 700
        assert isinstance(staying, PermanentError)
        assert (staying.code, staying.hint) == ("AuthorizationFailed", HINTS["AuthorizationFailed"])


class TestRetryAfter:
    """The wait that a service asks for."""

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({}, None),
            ({"Retry-After": "17"}, 17.0),
            ({"Retry-After": "0"}, 0.0),
            ({"Retry-After": "1.5"}, 1.5),
            ({"Retry-After": "-5"}, 0.0),
            ({"Retry-After": "86400"}, 3600.0),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "nan"}, None),
            ({"Retry-After": "Tue, 24 Nov 2026 09:01:30 GMT"}, 90.0),
            ({"Retry-After": "Tue, 24 Nov 2026 08:59:00 GMT"}, 0.0),
            ({"x-ms-retry-after-ms": "250"}, 0.25),
            ({"retry-after-ms": "2000", "Retry-After": "9"}, 2.0),
        ],
    )
    def test_forms(self, headers: dict[str, str], expected: float | None) -> None:
        """Seconds, milliseconds and dates, never negative, never longer than an hour."""
        assert retry_after(headers, NOW) == expected

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """No header breaks it."""
        wait = retry_after({"Retry-After": text}, NOW)
        assert wait is None or 0 <= wait <= 3600


class TestCalls:
    """What runs inside a call."""

    async def test_ours_stay(self) -> None:
        """An error of ours passes as it is."""
        mine = PermanentError("mine")
        with pytest.raises(PermanentError) as caught:
            async with azure_call(Outside.ARM_READ_REGISTRY, "doing it"):
                raise mine
        assert caught.value is mine

    async def test_defects_stay(self) -> None:
        """A defect of our own is not taken for Azure's trouble."""
        with pytest.raises(ZeroDivisionError):
            async with azure_call(Outside.ARM_READ_REGISTRY, "doing it"):
                _ = 1 / 0

    @pytest.mark.parametrize("error", [ConnectionResetError("reset"), TimeoutError(), OSError("no route")])
    async def test_the_network(self, error: Exception) -> None:
        """The network's own exceptions are temporary."""
        with pytest.raises(AzureUnavailable):
            async with azure_call(Outside.ARM_READ_REGISTRY, "doing it"):
                raise error

    async def test_the_deadline(self) -> None:
        """What takes too long is given up."""
        with pytest.raises(AzureUnavailable) as caught:
            async with azure_call(Outside.ARM_READ_REGISTRY, "doing it", deadline_s=0):
                await asyncio.Event().wait()
        assert caught.value.code == "timeout"

    async def test_together(self) -> None:
        """Calls at the same time end together: when one fails the others are stopped."""
        stopped = asyncio.Event()

        async def waiting() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        async def failing() -> None:
            await asyncio.sleep(0)
            raise PermanentError("no")

        with pytest.raises(PermanentError):
            await together(waiting(), failing())
        assert stopped.is_set()
        assert await together(asyncio.sleep(0, 1), asyncio.sleep(0, 2)) == [1, 2]
