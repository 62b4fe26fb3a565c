"""A machine that does to rotations whatever can happen, in any order, and holds the laws between any two calls."""

import asyncio
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.domain.rotation import RotationState, Trigger
from tests.fakes.application import POLICY
from tests.fakes.credentials import PASSWORD
from tests.fakes.rotation import ORGANIZATION_POLICY, RotatingApplication
from tests.support import NIGHTLY


class RotationMachine(RuleBasedStateMachine):
    """Requests, workers that die, clocks that move, registries that balk, people who change passwords."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()

    @initialize(policy=st.sampled_from([POLICY, ORGANIZATION_POLICY]))
    def begin(self, policy: str) -> None:
        """A credential that works."""
        self.policy = policy
        self.world = RotatingApplication(policy)
        self.loop.run_until_complete(self.world.seed())
        self.world.fuse.on_call = self.world.check_laws

    @rule(trigger=st.sampled_from([Trigger.PERSON, Trigger.SCHEDULE, Trigger.NEAR_EXPIRY]))
    def start(self, trigger: Trigger) -> None:
        """Somebody wants a rotation, perhaps while one is under way; each may cost one bad login, and no more."""
        self.world.most_bad_logins += 1
        self.loop.run_until_complete(self.world.app.rotating.start("hub", trigger))

    @rule(at=st.integers(1, 30), after=st.booleans())
    def work_and_die(self, at: int, *, after: bool) -> None:
        """A worker takes the messages, and dies at one of its calls."""
        self.world.fuse.blow(at, after=after)
        self.loop.run_until_complete(self._work())

    @rule()
    def work(self) -> None:
        """A worker takes the messages."""
        self.loop.run_until_complete(self._work())

    @rule()
    def look(self) -> None:
        """The sweep looks after the credentials."""
        self.world.most_bad_logins += 1
        self.loop.run_until_complete(self.world.app.credential_watch.run())

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.world.clock.advance(timedelta(hours=hours).total_seconds())

    @rule(blind=st.booleans())
    def judge(self, *, blind: bool) -> None:
        """ACR calls every credential bad, or none."""
        self.world.registries.blind = blind

    @rule(refuses=st.booleans())
    def break_minting(self, *, refuses: bool) -> None:
        """Docker Hub's new tokens work, or don't."""
        self.world.hub.refuses_new = refuses

    @rule()
    def change_password(self) -> None:
        """The owner's password changes, and the vault learns of it later."""
        self.world.most_bad_logins += 1
        self.world.hub.passwords["contosobot"] = f"{PASSWORD}-{len(self.world.fuse.calls)}"

    @rule()
    def write_password(self) -> None:
        """The vault learns the owner's password."""
        self.world.vaults.put("dockerhub-owner", self.world.hub.passwords["contosobot"])

    @invariant()
    def nothing_leaks(self) -> None:
        """No token's text is in a record or a notice."""
        self.loop.run_until_complete(self.world.check_secrecy())

    def teardown(self) -> None:
        """Left alone, with everything in order, a rotation comes to its end."""
        try:
            if hasattr(self, "world"):
                self.loop.run_until_complete(self._end())
        finally:
            self.loop.close()

    async def _work(self) -> None:
        await self.world.once()
        self.world.fuse.mend()

    async def _end(self) -> None:
        world = self.world
        world.registries.blind = world.hub.refuses_new = False
        world.vaults.put("dockerhub-owner", world.hub.passwords["contosobot"])
        world.most_bad_logins += 2
        await world.app.rotating.start("hub", Trigger.PERSON)
        await world.rotate()
        await world.app.rotating.start("hub", Trigger.PERSON)
        done = await world.rotate()
        assert done.state is RotationState.SUCCEEDED, done.timeline
        world.check_laws()
        world.check_end("contosobot" if self.policy is POLICY else "contoso-org")


TestRotationMachine = RotationMachine.TestCase
TestRotationMachine.settings = settings(max_examples=600 if NIGHTLY else 40, stateful_step_count=25, deadline=None)
