"""Metrics: labels that nobody outside can multiply, and what they count."""

import asyncio
import random
import string
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from shared.application.messages import (
    NOTIFICATIONS,
    REMEDIATIONS,
    ROTATIONS,
    NotificationMessage,
    RotationMessage,
    read_remediation,
)
from shared.domain.dead_letters import BLOBS, origin_of
from shared.domain.event_readers import READERS, REGISTRY_EVENTS, UNKNOWN_EVENTS
from shared.domain.plans import Action
from shared.domain.policy_file import load_policy
from shared.domain.policy_notifications import Channel
from shared.domain.rotation import Trigger
from shared.errors import CallerError, PermanentError, TemporaryError
from shared.telemetry.instruments import (
    ACTIONS,
    CHORE_DURATION,
    DEAD_LETTERS,
    DELIVERIES,
    HEADROOM,
    INSTRUMENTS,
    NOTICES,
    OUTSIDE_DURATION,
    QUEUE_WAIT,
    WORK_DURATION,
    Instrument,
)
from shared.telemetry.metrics import OTHER, declare, observe, timed
from shared.telemetry.names import Outcome, Outside, Work
from tests.fakes.application import POLICY, TestApplication, limit_message, log_alert
from tests.fixtures.events import pushed
from tests.fixtures.telemetry import Recorded

ROOT = Path(__file__).parents[3]
QUEUES = {REMEDIATIONS, NOTIFICATIONS, ROTATIONS}


def some_images(seed: int, number: int) -> list[str]:
    """Names of repositories that nobody has thought of."""
    chosen = random.Random(seed)  # noqa: S311 - names for a test
    return ["".join(chosen.choices(string.ascii_lowercase, k=12)) + f":{i}" for i in range(number)]


def allowed_values(instrument: Instrument) -> dict[str, set[str]]:
    """What each label of an instrument may be, with the policy of the tests."""
    policy = load_policy(POLICY, path="policy.yaml")
    declared = {
        "credential": {"anonymous", *policy.credentials},
        "chore": {chore.name for chore in TestApplication().app.chores},
    }
    return {
        f"cachewarden.{label.name}": {*(declared[label.name] if label.values is None else label.values), OTHER}
        for label in instrument.labels
    }


async def everything(world: TestApplication, images: list[str]) -> None:
    """An alert about many images, trouble of every kind, notices, a sweep, a rotation, a dead letter."""
    world.failing(*images)
    world.registries.trouble["create_cache_rule"] = [
        PermanentError(f"no {images[0]}", code=images[0]),
        TemporaryError(f"not yet {images[1]}", code=images[1]),
    ]
    world.topic.trouble["send"] = [TemporaryError(images[0]), PermanentError(images[0])]
    await world.alert(log_alert(alert=images[0]))
    await world.work()
    await world.alert(log_alert(alert=images[0]))
    with pytest.raises(CallerError):
        await world.app.intake.accept(images[0].encode())
    await world.app.events.accept("registry_events", {"id": images[0], "eventType": images[0]})
    await world.app.dead_letters.bury("remediations", images[0].encode())
    await world.app.dead_letters.bury(images[0], images[0].encode())
    await world.app.rotating.start("hub", Trigger.PERSON)
    await world.app.credential_watch.handle(RotationMessage("hub"))
    await world.app.notification.deliver(NotificationMessage(subject=images[0], row=images[0]))
    await world.app.sweep.run()
    await world.work()


class TestBounded:
    """Labels."""

    async def test_every_value_is_of_a_closed_set_or_the_policys(self, recorded: Recorded) -> None:
        """Whatever the world says: images, ids, codes and texts are of no set."""
        await everything(TestApplication(), some_images(1, 20))

        instruments = {instrument.name: instrument for instrument in INSTRUMENTS}
        seen = recorded.points
        assert {name for name, _, _ in seen} >= instruments.keys() - {"cachewarden.queue.wait"} - {
            "cachewarden.headroom.remaining",
            "cachewarden.outside.duration",
        }
        for name, labels, _ in seen:
            allowed = allowed_values(instruments[name])
            assert labels.keys() == allowed.keys()
            for label, value in labels.items():
                assert value in allowed[label], (name, label)

    async def test_a_storm_of_new_images_makes_no_new_series(self, recorded: Recorded) -> None:
        """Ten times the images, all of them others: the same time series as before."""
        await everything(TestApplication(), some_images(1, 10))
        before = recorded.label_sets

        for seed in range(2, 5):
            await everything(TestApplication(), some_images(seed, 100))

        assert recorded.label_sets == before

    def test_a_name_that_nobody_declared_is_another(self, recorded: Recorded) -> None:
        """Labels of the policy's names take what was declared, and fold the rest into one."""
        declare(credential=["hub"])
        for name in ("hub", "x", "y"):
            observe(HEADROOM, 5, credential=name)

        found = {labels["cachewarden.credential"] for labels, _ in recorded.of(HEADROOM.name)}
        assert {"hub", OTHER} <= found <= {"hub", "anonymous", OTHER}

    @pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda instrument: instrument.name)
    def test_no_label_is_about_an_image(self, instrument: Instrument) -> None:
        """Nor about a registry, an incident or a person; and all series of a metric can be counted beforehand."""
        product = 1
        for label in instrument.labels:
            assert (
                label.name not in {"image", "repository", "source", "registry", "incident", "delivery"} or label.values
            )
            product *= len(label.values or range(10)) + 1
        assert product <= 5000  # of calls there are far fewer: an operation has one system
        assert instrument.name.startswith("cachewarden.")
        assert instrument.unit == "s" or instrument.unit.startswith("{")


class TestClosedSets:
    """What is listed for a label is what the code can say."""

    @pytest.mark.parametrize(
        ("instrument", "label", "values"),
        [
            (DELIVERIES, "source", {"alert", *READERS}),
            (DEAD_LETTERS, "origin", {*QUEUES, BLOBS, *(origin_of(name) for name in (*READERS, UNKNOWN_EVENTS))}),
            (QUEUE_WAIT, "queue", QUEUES),
            (ACTIONS, "action", {one.__struct_config__.tag for one in get_args(Action.__value__)}),
            (NOTICES, "channel_kind", {one.__struct_config__.tag for one in get_args(Channel.__value__)}),
        ],
        ids=lambda value: value.name if isinstance(value, Instrument) else None,
    )
    def test_nothing_is_missing(self, instrument: Instrument, label: str, values: set[str]) -> None:
        """A trigger, a queue, an action or a kind of channel that is added later is added here as well."""
        found = {one.name: one.values or frozenset() for one in instrument.labels}
        assert set(found[label]) == values


class TestNothingLeaks:
    """Spans and metrics hold nothing that a stranger wrote and no secret."""

    async def test_text_of_strangers_and_secrets(self, recorded: Recorded) -> None:
        """Put it wherever the outside speaks, and look for it in everything that is recorded."""
        marks = ("hostile", "dckr_pat_", "hunter2", "sig=", "/v2/", "toomanyrequests", "contosobot")
        evil = "hostile/dckr_pat_aBcDeFgHiJkLmNoPqRsTuVwXyZ0:1"
        secret = "https://contosobot:hunter2@x.example/v2/?sig=abc toomanyrequests"
        world = TestApplication()
        world.failing_with({evil: limit_message(evil) + secret, "nginx:1.27": limit_message("nginx:1.27") + secret})
        document: dict[str, Any] = log_alert(alert=secret)
        document["data"]["alertContext"]["properties"] = {"hostile": secret}
        for fake, call in ((world.registries, "create_cache_rule"), (world.content, "manifest"), (world.topic, "send")):
            fake.trouble[call] = [
                TemporaryError(secret, code=secret),
                PermanentError(secret, code=evil),
                ValueError(secret),
            ]

        await world.alert(document)
        for _ in range(6):
            try:
                await world.work()
            except ValueError as error:
                await world.app.dead_letters.note_failure("remediations", secret.encode(), error, attempt=1)
        await world.app.dead_letters.bury("remediations", secret.encode())
        await world.app.sweep.run()

        dump = recorded.dump()
        assert len(recorded.spans) > 10
        assert [mark for mark in (*marks, "nginx") if mark in dump] == []


class TestWhatIsCounted:
    """The numbers."""

    async def test_a_cure(self, recorded: Recorded) -> None:
        """One alert: queued once, four actions, one incident from new to verified, one notice."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        await world.alert()

        assert recorded.counted("cachewarden.deliveries", source="alert", outcome="queued") == 1
        assert recorded.counted("cachewarden.deliveries", outcome="duplicate") == 1
        assert recorded.counted("cachewarden.conclusions", source="alert", outcome="incident") == 1
        for before, after in (
            ("new", "detected"),
            ("detected", "planned"),
            ("planned", "applied"),
            ("applied", "verified"),
        ):
            assert recorded.counted("cachewarden.incident.transitions", **{"from": before, "to": after}) == 1
        assert recorded.counted("cachewarden.plan.actions", action="create_cache_rule", outcome="ok") == 1
        assert recorded.counted("cachewarden.notices", channel_kind="event_grid", outcome="ok") == 1
        cures = [labels for labels, _ in recorded.of("cachewarden.incident.cure_time")]
        assert cures == [{"cachewarden.state": "applied"}, {"cachewarden.state": "verified"}]

    @pytest.mark.parametrize("what", ["an alert", "an event", "an event that is refused"])
    async def test_two_workers_at_one_delivery(self, recorded: Recorded, what: str) -> None:
        """The queue may hand a message out twice; the outcome that is kept counts, and counts once."""
        world = TestApplication()
        world.lineage.bases["app"] = ()
        if what == "an alert":
            await world.alert(log_alert(condition="Resolved"))
        else:
            await world.app.events.accept(REGISTRY_EVENTS, pushed("app"))
        if what == "an event that is refused":
            world.lineage.trouble["made_of"] = [PermanentError("no")] * 2
        [body] = world.queue.take(REMEDIATIONS)

        message = read_remediation(body)
        await asyncio.gather(*(app.remediation.handle(message) for app in (world.app, world.another())))

        counted = {
            labels["cachewarden.outcome"]: point.value for labels, point in recorded.of("cachewarden.conclusions")
        }
        kept = [delivery.outcome async for delivery in world.deliveries.kept()]
        assert counted == dict.fromkeys(kept, 1)

    def test_how_it_ended(self, recorded: Recorded) -> None:
        """The outcome is a label of what is counted and of what is timed."""
        with pytest.raises(TemporaryError), timed(CHORE_DURATION, chore="x"):
            raise TemporaryError("x")
        [(labels, point)] = recorded.of(CHORE_DURATION.name)
        assert labels == {"cachewarden.chore": OTHER, "cachewarden.outcome": "temporary"}
        assert point.count == 1

    def test_seconds_have_their_own_buckets(self, recorded: Recorded) -> None:
        """The SDK's are for milliseconds: every call would fall into the first."""
        observe(OUTSIDE_DURATION, 0.2, system="arm", operation=Outside.ARM_READ_REGISTRY, outcome=Outcome.OK)
        observe(WORK_DURATION, 0.2, work=Work.SURVEY, outcome=Outcome.OK)

        for _, point in (*recorded.of(OUTSIDE_DURATION.name), *recorded.of(WORK_DURATION.name)):
            assert max(point.explicit_bounds) == 60


class TestSwitchedOff:
    """Where nobody has set OpenTelemetry up."""

    def test_nothing_is_imported_and_all_works(self) -> None:
        """Spans and metrics cost no import, and messages carry no trace."""
        code = """
import asyncio, sys
from shared.telemetry import bind
from shared.telemetry.instruments import DELIVERIES
from shared.telemetry.metrics import count
from shared.telemetry.names import Outside, Work
from shared.telemetry.spans import outside, traced, working
from shared.telemetry.tracing import carrier, link, traceparent
from shared.application.messages import REMEDIATIONS, RegistryMessage
import shared.bootstrap

@traced(Work.SURVEY)
async def work():
    with bind(incident="i"), outside(Outside.ARM_READ_REGISTRY):
        count(DELIVERIES, source="alert", outcome="queued")
        link(["x"])
    return 1

assert asyncio.run(work()) == 1
assert (carrier(), traceparent(), RegistryMessage("r").trace) == ({}, "", {})
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_messages_are_as_they_were() -> None:
    """An earlier version can read what this one sends: it ignores the field that it does not know."""
    written = msgspec.json.decode(msgspec.json.encode(RotationMessage("hub", trace={})))

    assert written == {"type": "rotation", "trace": {}, "credential": "hub", "suspected": False}
