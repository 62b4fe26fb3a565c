"""How the action group posts alerts."""

from datetime import timedelta

import pytest

from tests.fixtures.serving import serving
from tests.integration.sandbox.monitor.support import PAYLOAD, App, Tenant


class TestActionGroup:
    """How alerts are posted."""

    async def test_sends_the_headers_of_the_real_sender(self, tenant: Tenant) -> None:
        """The user agent and content type seen in captures, and the exchange is logged without the key."""
        app = App()

        async with serving(app):
            tenant.connect(app)
            await tenant.group.post(PAYLOAD)

        headers = app.requests[0][0]
        assert headers["User-Agent"] == "IcMBroadcaster/1.0"
        assert headers["Content-Type"] == "application/json; charset=utf-8"
        assert headers["Expect"] == "100-continue"
        assert "function-key" not in tenant.log.json_lines().decode()
        assert [exchange.service for exchange in tenant.log.exchanges()] == ["alerts"]

    @pytest.mark.parametrize("status", [408, 429, 503, 504])
    async def test_posts_again_after_transient_refusals(self, tenant: Tenant, status: int) -> None:
        """Documented: these statuses are retried until the app takes the alert."""
        app = App(status, status)

        async with serving(app):
            tenant.connect(app)
            delivery = await tenant.group.post(PAYLOAD)

        assert (delivery.statuses, delivery.delivered) == ((status, status, 202), True)
        assert str(delivery) == f"alert limits fired: {status}, {status}, 202"

    @pytest.mark.parametrize("status", [400, 401, 404, 500, 502])
    async def test_loses_the_alert_on_other_refusals(self, tenant: Tenant, status: int) -> None:
        """Documented: everything else is not retried, 500 included."""
        app = App(status)

        async with serving(app):
            tenant.connect(app)
            delivery = await tenant.group.post(PAYLOAD)

        assert (delivery.statuses, delivery.delivered) == ((status,), False)

    async def test_leaves_an_endpoint_alone_that_fails_too_often(self, tenant: Tenant) -> None:
        """After the last retry nothing is posted for 15 minutes; then it is again."""
        app = App(*[503] * 6)

        async with serving(app):
            tenant.connect(app)
            failed = await tenant.group.post(PAYLOAD)
            dropped = await tenant.group.post(PAYLOAD)
            tenant.now += timedelta(minutes=15)
            taken = await tenant.group.post(PAYLOAD)

        assert [delivery.statuses for delivery in (failed, dropped, taken)] == [(503,) * 6, (), (202,)]

    async def test_posts_again_when_nobody_answers(self, tenant: Tenant) -> None:
        """A host that is down is tried six times."""
        app = App()
        async with serving(app):
            tenant.connect(app)

        delivery = await tenant.group.post(PAYLOAD)

        assert (delivery.statuses, delivery.delivered) == ((0,) * 6, False)
