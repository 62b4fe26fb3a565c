"""What Docker Hub's emulator says, held against Docker's own description of the API where that is at hand."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import aiohttp

from sandbox.hub.models import Hub
from tests.fakes.clock import ManualClock
from tests.integration.sandbox.registries.support import HubServices, api_login, call
from tests.support import shared_path

PUBLIC = [{"type": "TYPE_REPO", "path": "*/*/public", "scopes": ["scope-image-pull"]}]


async def test_every_exchange_fits_the_description(
    hub: Hub, http: aiohttp.ClientSession, served: HubServices, clock: ManualClock, tmp_path: Path
) -> None:
    """Both kinds of tokens, made, read, listed, changed and deleted, with and without an end."""
    check = shared_path("../contract/check_exchanges.py")
    hub.add_account("owner", "correct horse")
    hub.add_organization("contoso", owners=frozenset({"owner"}))
    bearer = await api_login(http, served, "owner", "correct horse")
    end = {"expires_at": (clock.now() + timedelta(days=30)).isoformat()}
    personal = {"token_label": "bot", "scopes": ["repo:public_read"]}
    organization = {"label": "bot", "resources": PUBLIC}
    for path, key, body in (
        ("/v2/access-tokens", "uuid", personal),
        ("/v2/orgs/contoso/access-tokens", "id", organization),
    ):
        url = served.api + path
        await call(http, "POST", url, token=bearer, json=body)
        made = await call(http, "POST", url, token=bearer, json=body | end)
        one = f"{url}/{made.body[key]}"
        for method, where, change in (
            ("GET", one, None),
            ("GET", url + "?page_size=1", None),
            ("GET", url + "?page_size=1&page=2", None),
            ("PATCH", one, {"is_active": False}),
            ("DELETE", one, None),
            ("GET", one, None),
        ):
            await call(http, method, where, token=bearer, json=change)
    log = tmp_path / "exchanges.jsonl"
    log.write_bytes(served.exchanges.json_lines())

    process = await asyncio.create_subprocess_exec(
        sys.executable, str(check), str(log), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()

    assert (process.returncode, output.decode().split(", ")[-1]) == (0, "0 findings\n"), output.decode()
