"""The whole application on fakes: what a use-case test arranges, acts on and looks at."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shared.application.assembly import Application, Patience, assemble, doctor
from shared.application.channel_ports import Channel
from shared.application.doctor.place import Place
from shared.application.doctor.rounds import Rounds
from shared.application.messages import NOTIFICATIONS, REMEDIATIONS, read_notification, read_remediation
from shared.application.outside import Ports
from shared.application.readings import SHARED_FOR
from shared.application.remediation import Pace
from shared.application.sessions import SignIn
from shared.application.sweep_ports import Kept
from shared.domain.incidents import Incident
from shared.domain.notice_links import Places
from shared.domain.policy_file import load_policy
from shared.version import VERSION
from tests.fakes.audit import MemoryAuditRows
from tests.fakes.azure import FakeChannel, FakeContent, FakeLogs, FakeVaultAccess
from tests.fakes.clock import ManualClock
from tests.fakes.credentials import FakeCredentialSets, FakeHub, FakeVaults, MemoryRotations, MemorySamples
from tests.fakes.deliveries import MemoryDeliveries, MemoryPayloads
from tests.fakes.events import FakeLineage, MemoryDriftRecords, MemoryEventLetters, MemoryLetters
from tests.fakes.fuse import Fuse
from tests.fakes.outbox import MemoryChannelStates, MemoryOutbox
from tests.fakes.sites import FakeSites
from tests.fakes.stores import MemoryIncidents, MemoryLeases, MemoryQueue, MemorySessions
from tests.fakes.surroundings import APP, FakeQueues, FakeSurroundings
from tests.fakes.sweep import MemoryArchive, MemoryChoreRuns

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000aa"
REGISTRY = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso"
CLUSTER = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/prod"
WORKSPACE = "11111111-1111-1111-1111-111111111111"

POLICY = f"""
version: 1
mode: enforce
registries:
  - id: {REGISTRY}
    serves: [{CLUSTER}]
sources:
  workspaces: ["{WORKSPACE}"]
upstreams:
  docker.io:
    target: docker-hub
    allow: ["library/*", "bitnami/**"]
    deny: ["**/nightly*"]
    credential: hub
credentials:
  hub:
    provider: personal
    vault: https://contoso-kv.vault.azure.net
    username_secret: dockerhub-username
    token_secret: dockerhub-token
    owner_secret: dockerhub-owner
notifications:
  channels:
    topic: {{kind: event_grid, endpoint: "https://topic.example/api/events"}}
  routes:
    - {{channels: [topic]}}
"""

LIMIT_REACHED = (
    'Failed to pull image "{image}": failed to pull and unpack image "{full}": failed to copy: httpReadSeeker: failed '
    "open: unexpected status code https://registry-1.docker.io/v2/{path}/manifests/sha256:{digest}: 429 Too Many "
    "Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. "
    "https://www.docker.com/increase-rate-limit"
)


def limit_message(image: str) -> str:
    """What the kubelet writes when Docker Hub refuses an image of its own because of the pull limit."""
    path = image.partition("@")[0].rpartition(":")[0] or image
    path = path if "/" in path else f"library/{path}"
    return LIMIT_REACHED.format(image=image, full=f"docker.io/{path}:x", path=path, digest="0" * 64)


class TestApplication:
    """The application on fakes, with a clock that stands still.

    Attributes:
        app: what triggers call.
    """

    __test__ = False

    def __init__(
        self,
        policy: str = POLICY,
        *,
        pace: Pace | None = None,
        sign_in: SignIn = SignIn.KEY,
        places: Places = Places(),  # noqa: B008 - frozen
    ) -> None:
        self._sign_in, self._places = sign_in, places
        self.clock = ManualClock()
        self.incidents = MemoryIncidents(self.clock)
        self.leases = MemoryLeases(self.clock)
        self.outbox = MemoryOutbox(self.clock)
        self.queue = MemoryQueue()
        self.deliveries = MemoryDeliveries(self.clock)
        self.payloads = MemoryPayloads()
        self.logs = FakeLogs()
        self.vault_access = FakeVaultAccess()
        self.fuse = Fuse()
        self.hub = FakeHub(self.clock, self.fuse)
        self.vaults = FakeVaults(self.clock, self.fuse)
        self.rotations = MemoryRotations(self.fuse, self.clock)
        self.samples = MemorySamples(self.clock)
        self.registries = FakeCredentialSets(
            REGISTRY, self.vault_access, hub=self.hub, vaults=self.vaults, fuse=self.fuse
        )
        self.sites = FakeSites()
        self.queues = FakeQueues()
        self.surroundings = FakeSurroundings(self.clock, WORKSPACE)
        self.content = FakeContent(self.registries)
        self.topic = FakeChannel()
        self.letters = MemoryLetters(self.clock)
        self.event_letters = MemoryEventLetters()
        self.drift_records = MemoryDriftRecords(self.clock)
        self.lineage = FakeLineage()
        self.audit_rows = MemoryAuditRows()
        self.chore_runs = MemoryChoreRuns()
        self.archive = MemoryArchive(
            {
                Kept.INCIDENTS: self.incidents,
                Kept.DELIVERIES: self.deliveries,
                Kept.NOTICES: self.outbox,
                Kept.LEASES: self.leases,
                Kept.DEAD_LETTERS: self.letters,
                Kept.DRIFT: self.drift_records,
                Kept.ROTATIONS: self.rotations,
                Kept.HEADROOM: self.samples,
            }
        )
        self.channels: dict[str, Channel] = {"topic": self.topic}
        self.channel_states = MemoryChannelStates()
        self.sessions = MemorySessions()
        self.app = self.another(policy, pace=pace)

    def another(self, policy: str = POLICY, *, pace: Pace | None = None, ports: Ports | None = None) -> Application:
        """A second instance of the app on the same stores, or on ports in front of them."""
        return assemble(
            load_policy(policy, path="policy.yaml"),
            ports or self.ports(),
            pace=pace or Pace(),
            patience=Patience(health=0.01, verification=0.01),
            places=self._places,
            sign_in=self._sign_in,
            place=Place(inside=True, app_id=APP, templates=VERSION),
        )

    def doctor_at(self, place: Place, policy: str = POLICY) -> Rounds:
        """The doctor, called by somebody else than the app."""
        return doctor(load_policy(policy, path="policy.yaml"), self.ports(), place)

    def ports(self) -> Ports:
        """The fakes as the application's ports."""
        return Ports(
            clock=self.clock,
            incidents=self.incidents,
            leases=self.leases,
            deliveries=self.deliveries,
            payloads=self.payloads,
            outbox=self.outbox,
            queue=self.queue,
            queues=self.queues,
            logs=self.logs,
            registries=self.registries,
            content=self.content,
            vault_access=self.vault_access,
            letters=self.letters,
            event_letters=self.event_letters,
            drift_records=self.drift_records,
            lineage=self.lineage,
            audit_rows=self.audit_rows,
            chore_runs=self.chore_runs,
            archive=self.archive,
            rotations=self.rotations,
            hub=self.hub,
            vaults=self.vaults,
            credential_sets=self.registries,
            samples=self.samples,
            sites=self.sites,
            surroundings=self.surroundings,
            channels=self.channels,
            channel_states=self.channel_states,
            sessions=self.sessions,
        )

    def failing(self, *images: str, resource_id: str = CLUSTER) -> None:
        """Have the logs show that these images failed because of Docker Hub's pull limit."""
        self.failing_with({image: limit_message(image) for image in images}, resource_id=resource_id)

    def failing_with(self, texts: dict[str, str], *, resource_id: str = CLUSTER) -> None:
        """Time passes, and the logs show that these images failed with these texts."""
        self.clock.advance(SHARED_FOR.total_seconds() + 1)
        now = self.clock.now()
        self.logs.rows["KubeEvents"] = [
            {
                "Resource": resource_id,
                "Image": image,
                "Text": text,
                "Failures": 3.0,
                "FirstSeen": now - timedelta(minutes=4),
                "LastSeen": now - timedelta(minutes=1),
                "Pods": f'["shop/web-{number}"]',
            }
            for number, (image, text) in enumerate(texts.items())
        ]
        self.logs.rows["KubePodInventory"] = [
            {
                "Resource": resource_id,
                "Namespace": "shop",
                "Name": f"web-{number}",
                "ControllerKind": "ReplicaSet",
                "ControllerName": f"web-{number}-7d9c5f8b6",
                "Containers": '["app"]',
            }
            for number, _ in enumerate(texts)
        ]

    async def alert(self, document: dict[str, Any] | None = None) -> bool:
        """Deliver an alert; True when it was known already."""
        body = msgspec.json.encode(document if document is not None else log_alert())
        return (await self.app.intake.accept(body)).duplicate

    async def work(self, *apps: Application) -> None:
        """Handle every message that waits, the delayed ones too, as a host would, until none is left or 50 rounds."""
        workers = apps or (self.app,)
        for round_ in range(50):
            app = workers[round_ % len(workers)]
            self.clock.advance(max((message.delay_s for message in self.queue.sent), default=0))
            remediations, notifications = self.queue.take(REMEDIATIONS), self.queue.take(NOTIFICATIONS)
            if not remediations and not notifications:
                return
            for body in remediations:
                await app.remediation.handle(read_remediation(body))
            for body in notifications:
                await app.notification.deliver(read_notification(body))

    async def all_incidents(self) -> dict[str, Incident]:
        """The incidents by their source repository."""
        return {incident.source: incident async for incident in self.incidents.newest(100)}


def log_alert(
    *, alert: str = "a1", condition: str = "Fired", fired: datetime = datetime(2026, 11, 24, 8, 59, tzinfo=UTC)
) -> dict[str, Any]:
    """A log alert in the common alert schema, as Log Alerts V2 sends it."""
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/{alert}",
                "alertRule": "image-pulls-limited",
                "severity": "Sev2",
                "signalType": "Log",
                "monitorCondition": condition,
                "monitoringService": "Log Alerts V2",
                "alertTargetIDs": [],
                "configurationItems": [CLUSTER],
                "firedDateTime": fired.isoformat(),
                "essentialsVersion": "1.0",
                "alertContextVersion": "1.0",
            },
            "alertContext": {
                "properties": {},
                "conditionType": "LogQueryCriteria",
                "condition": {
                    "windowSize": "PT5M",
                    "allOf": [
                        {
                            "searchQuery": "KubeEvents",
                            "metricMeasureColumn": None,
                            "targetResourceTypes": "['Microsoft.OperationalInsights/workspaces']",
                            "operator": "GreaterThan",
                            "threshold": "0",
                            "timeAggregation": "Count",
                            "dimensions": [{"name": "_ResourceId", "value": CLUSTER}],
                            "metricValue": 3.0,
                            "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
                            "linkToSearchResultsAPI": f"https://api.loganalytics.io/v1/workspaces/{WORKSPACE}/query",
                        }
                    ],
                    "windowStartTime": (fired - timedelta(minutes=5)).isoformat(),
                    "windowEndTime": fired.isoformat(),
                },
            },
        },
    }
