"""Every place that reads JSON which somebody else wrote: whatever stands there, it has its own clear answer."""

import base64
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import msgspec
import pytest

from shared.adapters.azure_errors import AzureUnavailable, our_error
from shared.adapters.docker_hub_answers import Answer
from shared.adapters.storage import StorageAccount
from shared.adapters.tables.client import PARTITION, ROW, Entity, Table, Tables
from shared.adapters.tables.records import Records, RecordUnreadable
from shared.application.approvals import AnswerInvalid
from shared.application.forecast import QuestionInvalid
from shared.application.intake import AlertRejected
from shared.application.messages import AlertMessage, MessageInvalid, read_notification, read_remediation, read_rotation
from shared.application.questions import BadQuestion
from shared.application.rotation_ports import HubUnavailable
from shared.application.rotation_requests import RotationRequestInvalid
from shared.application.sessions import SignIn
from shared.console.access import Request, Stranger, visitor_of
from shared.domain.dead_letters import letter_id, origin_of
from shared.domain.event_readers import REGISTRY_EVENTS
from shared.domain.events import EventUnreadable
from shared.domain.incidents import Incident
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.planned_images import planned_image
from shared.domain.undelivered import LettersUnreadable, read_letters
from shared.queries.rows import names
from tests.fakes.application import TestApplication

UNREADABLE = {
    "nothing": b" ",
    "no JSON": b"<html>",
    "half of it": b'{"by": "a"',
    "no UTF-8": b'{"by": "\xff", "text": "\xff"}',
    "objects without end": b'{"by":' * 100_000,
    "arrays without end": b"[" * 200_000,
    "something unknown without end": b'{"zzz":' + b"[" * 200_000,
    "a number without end": b'{"by": 1' + b"0" * 5_000 + b"}",
    "infinity": b'{"by": 1e999}',
    "half a character": b'{"by": "\\ud800"}',
}
bodies = pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)


class OneRecord(Table):
    """A table with one record, of any text."""

    def __init__(self, text: str) -> None:
        super().__init__(Tables(StorageAccount(connection_string="")), "one")
        self._entity: Entity = {PARTITION: "p", ROW: "r", "record0": text}

    async def get(self, partition: str, row: str) -> tuple[Entity, str] | None:
        """The record."""
        return self._entity, "etag"

    async def query(
        self, condition: str = "", values: Mapping[str, str] | None = None, *, select: tuple[str, ...] = ()
    ) -> AsyncIterator[tuple[Entity, str]]:
        """The record."""
        yield self._entity, "etag"


@bodies
class TestCallers:
    """Bodies of requests, each of which is a 400."""

    async def test_an_alert(self, body: bytes) -> None:
        """Azure Monitor does not send it again."""
        with pytest.raises(AlertRejected):
            await TestApplication().app.intake.accept(body)

    async def test_an_approval_and_a_rejection(self, body: bytes) -> None:
        """Read before the incident is looked up."""
        approvals = TestApplication().app.approvals
        for ask in (approvals.approve, approvals.reject):
            with pytest.raises(AnswerInvalid):
                await ask("any", body, signed_in=None)

    async def test_questions(self, body: bytes) -> None:
        """What a text means, and what would be done."""
        forecast = TestApplication().app.forecast
        for ask in (forecast.explain, forecast.plan):
            with pytest.raises(QuestionInvalid):
                await ask(body)

    async def test_a_rotation(self, body: bytes) -> None:
        """Nothing begins."""
        with pytest.raises(RotationRequestInvalid):
            await TestApplication().app.rotation_requests.ask("hub", body)

    async def test_a_page_of_notices(self, body: bytes) -> None:
        """The mark of a page is ours; anybody can write another."""
        token = base64.urlsafe_b64encode(body).decode().rstrip("=")
        with pytest.raises(BadQuestion):
            await TestApplication().app.notice_reports.listed({"after": token})

    async def test_who_visits_the_console(self, body: bytes) -> None:
        """Nobody, when the platform's header says nothing."""
        headers = {"x-ms-client-principal-name": "ada", "x-ms-client-principal": base64.b64encode(body).decode()}
        request = Request(headers=headers, is_signing_in=True)
        world = TestApplication()
        assert isinstance(await visitor_of(request, SignIn.ENTRA, world.app.sessions), Stranger)


@bodies
class TestMessages:
    """What lies on a queue or in a file."""

    @pytest.mark.parametrize("read", [read_remediation, read_notification, read_rotation])
    def test_a_message(self, read: object, body: bytes) -> None:
        """Not one of ours."""
        with pytest.raises(MessageInvalid):
            read(body)  # type: ignore[operator]

    async def test_an_alert_that_was_kept(self, body: bytes) -> None:
        """Of another version, say: its delivery ends, and says why."""
        world = TestApplication()
        await world.payloads.put("alert-1", body)
        await world.app.remediation.handle(AlertMessage(delivery="alert-1"))
        assert (await world.deliveries.begin("alert-1", world.clock.now())).summary.startswith("message_invalid")

    async def test_an_event_that_is_replayed(self, body: bytes) -> None:
        """Its letter was changed by hand, say."""
        world = TestApplication()
        letter = await world.app.dead_letters.bury(origin_of(REGISTRY_EVENTS), body)
        with pytest.raises(EventUnreadable):
            await world.app.events.again(letter.id)

    def test_a_letter_of_it(self, body: bytes) -> None:
        """It has an id like any other."""
        assert len(letter_id("remediations", body)) == 32

    def test_a_file_of_undelivered_events(self, body: bytes) -> None:
        """Told as a whole."""
        with pytest.raises(LettersUnreadable):
            read_letters(body, datetime(2026, 11, 24, tzinfo=UTC), largest=10**6)


@bodies
class TestOutside:
    """What an outside system says."""

    def test_docker_hub(self, body: bytes) -> None:
        """It may say something else soon."""
        answer = Answer(200, {}, body)
        for read in (lambda: answer.text("token"), answer.minted):
            with pytest.raises(HubUnavailable):
                read()

    async def test_a_record(self, body: bytes) -> None:
        """Whatever somebody wrote into the table; a list leaves it out."""
        records = Records(OneRecord(body.decode(errors="replace")), Incident)
        with pytest.raises(RecordUnreadable):
            await records.get("p", "r")
        assert [stored async for stored in records.readable("", {})] == []

    def test_a_cell_of_a_log(self, body: bytes) -> None:
        """No names; a character may be half of one, for the client decodes before us."""
        text = body.decode(errors="replace") + "\ud800"
        assert names({"Pods": text}, "Pods") == ()

    def test_a_line_of_failures(self, body: bytes) -> None:
        """An image that nobody knows."""
        assert planned_image(body.decode(errors="surrogateescape")).reference is None


class TestReading:
    """`read_json`, and what the SDKs' own reading raises."""

    @bodies
    def test_one_error(self, body: bytes) -> None:
        """Whatever is wrong."""
        with pytest.raises(JsonUnreadable):
            read_json(body, dict[str, str])

    @pytest.mark.parametrize("text", [b'\xef\xbb\xbf{"by": "a"}', '\ufeff{"by": "a"}'], ids=["bytes", "characters"])
    def test_a_byte_order_mark(self, text: bytes | str) -> None:
        """Services and editors put one in front; it says nothing."""
        assert read_json(text, dict[str, str]) == {"by": "a"}
        assert Answer(200, {}, b'\xef\xbb\xbf{"access_token": "a"}').text("access_token") == "a"

    @pytest.mark.parametrize("error", [RecursionError(), JsonUnreadable("no JSON"), msgspec.ValidationError("a list")])
    def test_an_answer_of_azure(self, error: Exception) -> None:
        """Tried again, like any other that can't be read."""
        ours = our_error("reading", error)
        assert isinstance(ours, AzureUnavailable)
        assert ours.code == "unreadable_answer"
