"""The console in a real browser: what people see, what assistive technology finds, what strangers can't do."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.stage import Stage
from tests.browser.chromium import Tab
from tests.fixtures.scene import Scene

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "var" / "console"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def sign_in(tab: Tab, app: Stage, to: str = "") -> None:
    """Show the function key at the entrance, as a person would: in the form."""
    await tab.open(f"{app.host.url}/api/console/{to or 'overview'}")
    assert tab.status == 401
    await tab.run(f"document.querySelector('input[name=code]').value = {app.host.keys.function!r}")
    await tab.click("form button.main")
    assert tab.status == 200


async def violations(tab: Tab) -> list[str]:
    """What axe-core finds on the page that is open."""
    await tab.run(AXE.read_text(encoding="utf-8") + ";0")
    found: list[dict[str, Any]] = await tab.run(
        f"axe.run(document, {{runOnly: {RULES}}}).then(found => JSON.parse(JSON.stringify(found.violations)))"
    )
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]} {each['nodes'][0]['failureSummary']}" for each in found]


def paths(scene: Scene) -> dict[str, str]:
    """Name → path of the pages that are looked at."""
    incidents = {incident.state.value: incident for incident in scene.incidents()}
    return {
        "overview": "overview",
        "incidents": "incidents",
        "approval": f"incidents/{incidents['awaiting_approval'].id}",
        "verified": f"incidents/{scene.incidents()[1].id}",
        "hostile": f"incidents/{incidents['applied'].id}",
        "credential": "credentials/hub",
        "rotation": "rotations/hub-2",
        "channels": "channels",
        "channel": "channels/topic",
        "dead-letters": "dead-letters",
        "health": "health",
    }


@pytest.mark.timeout(300)
class TestLook:
    """Every page, in both colours, on a phone and on a desk."""

    async def test_everybody_can_read_it(self, app: Stage, tab: Tab, scene: Scene) -> None:
        """axe-core finds nothing, nothing is wider than the window, and the page's policy is kept to."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        await tab.look(width=1280)
        await sign_in(tab, app)
        found: list[str] = []
        for name, path in paths(scene).items():
            for dark in (False, True):
                for width in (1280, 360):
                    await tab.look(width=width, dark=dark)
                    await tab.open(f"{app.host.url}/api/console/{path}")
                    assert tab.status == 200, name
                    what = f"{name}-{'dark' if dark else 'light'}-{width}"
                    found += [f"{what}: {each}" for each in await violations(tab)]
                    over = await tab.run("document.documentElement.scrollWidth - window.innerWidth")
                    found += [f"{what}: {over} px too wide"] if over > 0 else []
                    await tab.photograph(SHOTS / f"{what}.png")

        assert found == []
        assert tab.complaints == []


class TestUse:
    """What people do there."""

    async def test_a_plan_is_approved_by_a_form(self, app: Stage, tab: Tab, scene: Scene) -> None:
        """From the link of a notice, over the entrance, to the answer; the key is nowhere in the end."""
        incident = scene.incidents()[0]
        await sign_in(tab, app, to=f"incidents/{incident.id}")
        assert app.host.keys.function not in await tab.run("location.href + document.documentElement.outerHTML")
        assert await tab.run("location.pathname") == f"/api/console/incidents/{incident.id}"

        await tab.run("document.querySelector('input[name=by]').value = 'Ada <b>'")
        await tab.click("button.main")

        assert "You approved the plan" in await tab.run("document.querySelector('[role=status]').textContent")
        report = await app.get(f"incidents/{incident.id}")
        assert report["incident"]["proposal"]["decided_by"] == "Ada <b>"

    async def test_strangers_text_stays_text(self, app: Stage, tab: Tab, scene: Scene) -> None:
        """No element, no address and no turned-around letter comes out of it."""
        await sign_in(tab, app, to=f"incidents/{scene.incidents()[-1].id}")

        assert await tab.run("document.querySelectorAll('script, img, iframe, object, [onerror]').length") == 0
        assert await tab.run("[...document.links].filter(a => a.href.includes('evil')).length") == 0
        assert not set("\u202e\x1b") & set(await tab.run("document.documentElement.outerHTML"))
        assert "<script>alert(1)</script>" in await tab.run("document.querySelector('main').textContent")
        assert tab.complaints == []

    async def test_another_sites_form_is_refused(self, app: Stage, tab: Tab, scene: Scene, tmp_path: Path) -> None:
        """A page elsewhere can post to us with everything but the proof, and nothing happens."""
        incident = scene.incidents()[0]
        await sign_in(tab, app)
        assert incident.proposal is not None
        address = f"{app.host.url.replace('127.0.0.1', 'localhost')}/api/console/incidents/{incident.id}/approve"
        forged = tmp_path / "forged.html"
        plan = incident.proposal.plan
        forged.write_text(
            f'<form method=post action="{address}"><input name=plan value="{plan}"><input name=by value=x><button>',
            encoding="utf-8",
        )
        await tab.open(forged.as_uri())
        await tab.click("button")

        assert tab.status in {401, 403}
        report = await app.get(f"incidents/{incident.id}")
        assert report["incident"]["state"] == "awaiting_approval"

    async def test_works_without_a_script_and_signs_out(self, app: Stage, tab: Tab) -> None:
        """Where scripts are off nothing is missing; after the end the door is shut."""
        await sign_in(tab, app)
        await tab.ask("Emulation.setScriptExecutionDisabled", value=True)
        await tab.open(f"{app.host.url}/api/console/incidents?state=blocked,failed")
        await tab.ask("Emulation.setScriptExecutionDisabled", value=False)
        assert await tab.run("document.querySelectorAll('tbody tr').length") == 2

        await tab.click("form[action$=sign-out] button")
        await tab.open(f"{app.host.url}/api/console/incidents")
        assert tab.status == 401
