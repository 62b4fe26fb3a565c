"""The app's storage: its tables answer, its queues are there, and nothing lies in a poison queue."""

from collections.abc import Iterator
from typing import Final

from shared.application.doctor import commands
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, ok, together, warning
from shared.application.doctor.place import Place
from shared.application.doctor.ports import Queues
from shared.application.incident_ports import Incidents
from shared.application.messages import NOTIFICATIONS, REMEDIATIONS, ROTATIONS
from shared.domain.counting import counted

WORK_QUEUES: Final = (REMEDIATIONS, ROTATIONS, NOTIFICATIONS)


def storage_checks(incidents: Incidents, queues: Queues, place: Place) -> Iterator[Check]:
    """Tables and queues."""

    async def tables() -> Judgement:
        async for _ in incidents.newest(1):
            break
        return ok("the tables answer")

    async def all_queues() -> Judgement:
        return together([await _queue(queues, name, place) for name in WORK_QUEUES], otherwise="every queue is there")

    account = (
        f"/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Storage/storageAccounts/{place.storage}"
    )
    if place.group_id:
        account = f"{place.group_id}/providers/Microsoft.Storage/storageAccounts/{place.storage}"
    for what, role, look in (
        ("storage", "Storage Table Data Contributor", tables),
        ("queues", "Storage Queue Data Contributor", all_queues),
    ):
        yield Check(what, f"the role {role} on the account", look, (commands.grant(role, place.principal, account),))


async def _queue(queues: Queues, name: str, place: Place) -> Judgement:
    poison = f"{name}-poison"
    waiting, given_up = await queues.waiting(name), await queues.waiting(poison)
    problems = [
        warning(f"there is no queue {missing}", "the queues of the templates", _create(missing, place))
        for missing, count in ((name, waiting), (poison, given_up))
        if count is None
    ]
    if given_up:
        expected = "no message that was given up: GET /api/dead-letters has their errors, and a replay for each"
        problems.append(warning(f"about {counted(given_up, 'message lies', 'messages lie')} on {poison}", expected))
    return together(problems, otherwise=name)


def _create(queue: str, place: Place) -> str:
    return commands.az(
        "storage", "queue", "create", "--name", queue, "--account-name", place.storage, "--auth-mode", "login"
    )
