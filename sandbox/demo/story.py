"""The story of `make demo`: a Docker Hub 429 becomes a cache rule that a real pull goes through.

Every step is traffic over TLS between the parts; nothing is told that was not looked at.
"""

import re
import time
from typing import Any
from urllib.parse import urlsplit

from sandbox import scenario
from sandbox.demo.narrator import Narrator, Step, expect
from sandbox.demo.report import After, Before, DemoReport, Rule, Seconds
from sandbox.demo.stage import Stage
from sandbox.oci.client import PulledImage
from sandbox.oci.refusals import PullRefused
from sandbox.waiting import until

TOO_MANY_REQUESTS = 429
_MOST_PULLS = 200
_PATIENCE_S = 60.0
_WRITTEN = {
    "credentialSets": "credential set",
    "roleAssignments": "Key Vault Secrets User for its identity on",
    "cacheRules": "cache rule",
}
_WRITES = list(_WRITTEN)
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_SETTLED = {"verified", "blocked", "failed", "closed"}


class Story:
    """Tells the story on a stage; `report` grows with it."""

    def __init__(self, stage: Stage, narrator: Narrator) -> None:
        self._stage = stage
        self._world = stage.world
        self._narrator = narrator
        self._started = time.perf_counter()
        self._posted_at = 0.0
        self._originals: dict[str, PulledImage] = {}
        self._incidents: dict[str, dict[str, Any]] = {}
        self._references: dict[str, str] = {}
        self.before: list[Before] = []
        self.rules: list[Rule] = []
        self.after: list[After] = []
        self.accepted_s = self.rules_s = 0.0

    @property
    def report(self) -> DemoReport:
        """What `var/demo.json` says, so far."""
        return DemoReport(
            ok=False,
            before=tuple(self.before),
            rules=tuple(self.rules),
            after=tuple(self.after),
            hub_pulls=self._hub_pulls(),
            notifications=len(self._world.topic.events),
            seconds=Seconds(
                round(self.accepted_s, 3), round(self.rules_s, 3), round(time.perf_counter() - self._started, 3)
            ),
        )

    async def play(self) -> None:
        """Every step in turn; raises `StepFailed` at the first that does not hold."""
        with self._narrator.step("The cluster pulls three images, until Docker Hub says no") as step:
            await self._exhaust(step)
        with self._narrator.step("The events reach Log Analytics, and Azure Monitor fires") as step:
            await self._fire(step)
        with self._narrator.step("Cachewarden finds the images, plans, applies and proves") as step:
            await self._cure(step)
        with self._narrator.step("The same client pulls through the registry") as step:
            await self._pull_through(step)
        with self._narrator.step("A second pull does not touch Docker Hub") as step:
            await self._pull_again(step)
        with self._narrator.step("People are told, with what is left to do") as step:
            await self._told(step)

    def _images(self) -> tuple[str, ...]:
        redis = self._world.hub.images.open("bitnami/redis").tags["7.4"].digest
        return ("jannemattila/webapp-network-tester:1.0.47", "nginx:1.27", f"bitnami/redis@{redis}")

    async def _exhaust(self, step: Step) -> None:
        images, refusals = self._images(), dict[str, PullRefused]()
        for turn in range(_MOST_PULLS):
            image = images[turn % len(images)]
            try:
                self._originals[image] = await self._world.cluster.pull(image)
            except PullRefused as refused:
                refusals[image] = refused
            if len(refusals) == len(images):
                break
        self.before = [Before(image, refusals[image].status) for image in images if image in refusals]
        statuses = [before.status for before in self.before]
        expect(statuses == [TOO_MANY_REQUESTS] * len(images), f"Docker Hub refused with {statuses}")
        first = refusals[images[0]]
        step.say(f"{turn + 1 - len(images)} pulls went well, then {first.status} {first.code}")
        step.say(first.message)
        for name in ("ratelimit-limit", "ratelimit-remaining", "docker-ratelimit-source"):
            step.say(f"{name}: {first.headers.get(name, '(absent)')}")

    async def _fire(self, step: Step) -> None:
        for image in self._images():
            started = await self._world.cluster.start_pod(image, namespace="shop")
            expect(started is None, f"{image} was pulled although the window is exhausted")
        deliveries = await self._world.monitor.evaluate(scenario.ALERT_RULE.name)
        expect(bool(deliveries), "the alert rule found no rows")
        [delivery] = deliveries
        self._posted_at = time.perf_counter() - delivery.seconds
        self.accepted_s = delivery.seconds
        expect(delivery.statuses == (202,), f"the function answered {delivery.statuses}")
        step.say(f"alert {scenario.ALERT_RULE.name} for the cluster {scenario.CLUSTER}")
        step.say(f"POST /api/alerts: 202 in {delivery.seconds * 1000:.0f} ms")

    async def _cure(self, step: Step) -> None:
        told: set[tuple[str, str]] = set()
        await until(lambda: self._settled(step, told), seconds=_PATIENCE_S, every_s=0.1)
        states = {str(incident["source"]): incident["state"] for incident in self._incidents.values()}
        expect(set(states.values()) == {"verified"}, f"not every incident was verified: {states}")
        registry = self._world.arm.registry(scenario.SUBSCRIPTION, scenario.GROUP, scenario.REGISTRY)
        self.rules = sorted(
            (Rule(rule.name, rule.source, rule.target, _last(rule.credential_set)) for rule in registry.rules.values()),
            key=lambda rule: rule.name,
        )
        expect(len(self.rules) == len(self._images()), f"{len(self.rules)} cache rules were created")
        expect(all(rule.credential_set for rule in self.rules), "a rule has no credential set")
        self._check_order(step)

    def _check_order(self, step: Step) -> None:
        """What a later write needs came first: credential set, its access to the vault, then the rules."""
        writes = [_written(urlsplit(put.url).path) for put in self._world.exchanges.exchanges("arm", method="PUT")]
        kinds = [kind for kind, _ in writes]
        expect(kinds == sorted(kinds, key=_WRITES.index), f"ARM was written to in the order {kinds}")
        step.say("written to ARM, in this order:")
        for kind, name in writes:
            step.say(f"  {_WRITTEN[kind]} {name}")

    async def _settled(self, step: Step, told: set[tuple[str, str]]) -> bool:
        """Look at the incidents once, tell what is new on their timelines; True when none is open any more."""
        if not self.rules_s and self._rule_puts() >= len(self._images()):
            self.rules_s = time.perf_counter() - self._posted_at
        summaries = await self._stage.get("incidents")
        for summary in summaries:
            incident = (await self._stage.get(f"incidents/{summary['id']}"))["incident"]
            self._incidents[incident["id"]] = incident
            for entry in incident["timeline"]:
                if (incident["id"], entry["text"]) not in told:
                    told.add((incident["id"], entry["text"]))
                    step.say(_entry(incident["source"].removeprefix("docker.io/"), _short(entry["text"])))
        return len(summaries) == len(self._images()) and all(s["state"] in _SETTLED for s in summaries)

    def _rule_puts(self) -> int:
        return len(self._world.exchanges.exchanges("arm", method="PUT", path="/cacheRules/"))

    async def _pull_through(self, step: Step) -> None:
        for incident in self._incidents.values():
            self._references.update(incident["pull_from"])
        for image, original in self._originals.items():
            pull_from = self._references[original.reference]
            pulled = await self._world.cluster.pull(pull_from)
            same = (pulled.digest, pulled.image_digest, pulled.layers) == (
                original.digest,
                original.image_digest,
                original.layers,
            )
            self.after.append(After(image, pull_from, 200, digest_matches=same))
            expect(same, f"{pull_from} is not what Docker Hub has")
            step.say(_short(pull_from))
            step.say(f"  {pulled.digest[:19]}…, {len(pulled.layers)} layers: the same as at Docker Hub")

    async def _pull_again(self, step: Step) -> None:
        await self._world.acr.cache.settle()
        touched = len(self._world.exchanges.exchanges("hub_registry"))
        for pull_from in (after.pull_from for after in self.after):
            await self._world.cluster.pull(pull_from)
        touching = len(self._world.exchanges.exchanges("hub_registry")) - touched
        expect(touching == 0, f"Docker Hub was asked {touching} times")
        step.say(
            f"{len(self.after)} pulls, 0 requests to Docker Hub; the cache itself made {self._hub_pulls()} pulls there"
        )

    async def _all_told(self) -> bool:
        return len(self._world.topic.events) >= len(self._incidents)

    def _hub_pulls(self) -> int:
        """The pulls that Docker Hub counts against the account of the cache."""
        return self._world.hub.pulls_of(scenario.ACCOUNT)

    async def _told(self, step: Step) -> None:
        await until(self._all_told, seconds=_PATIENCE_S)
        for published in self._world.topic.events:
            event = published.event
            step.say(f"{event['type']}  {event['subject']}")
            for hand_off in event["data"]["hand_off"]:
                expect(hand_off["commands"], f"no command for {hand_off['image']}")
                step.say(f"  {_short(hand_off['image'])} -> {_short(hand_off['pull_from'])}")
                for command in hand_off["commands"]:
                    step.say(f"  $ {command}")
        expect(len(self._world.topic.events) == len(self._incidents), "an incident was told more than once")
        for key, incident in self._incidents.items():
            page = await self._stage.page(f"incidents/{key}")
            expect(incident["source"] in page and ">verified<" in page, f"the console does not show {key} as verified")
        step.say(f"each has its page on the console, {self._stage.host.url}/api/console/overview while the app runs")


def _written(path: str) -> tuple[str, str]:
    """The type and the name of what a path writes; an assignment's name says nothing, its scope's does."""
    scope, _, assignment = path.partition("/providers/Microsoft.Authorization/")
    kind, name = (assignment or path).split("/")[-2:]
    return kind, scope.rpartition("/")[2] if assignment else name


def _entry(repository: str, text: str) -> str:
    """An entry of an incident's timeline, with the repository where the text does not name it."""
    return text if repository in text else f"{repository}: {text}"


def _short(text: str) -> str:
    """The text with its digests cut, for people to read; lines to copy keep theirs."""
    return _DIGEST.sub(r"\1…", text)


def _last(resource_id: str | None) -> str | None:
    """The name at the end of an ARM id."""
    return resource_id.rpartition("/")[2] if resource_id else None
