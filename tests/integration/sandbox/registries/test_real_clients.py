"""Clients that nobody here wrote: skopeo copies from the registry through a rule."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from sandbox.hub.models import Hub
from sandbox.oci.images import Form, multi_arch_image
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.registries.acr_support import ADMIN, Registry

SKOPEO = shutil.which("skopeo")


async def skopeo(*arguments: str) -> tuple[int, str]:
    """Run skopeo with trust in the sandbox's authority; exit status and what it wrote."""
    process = await asyncio.create_subprocess_exec(
        str(SKOPEO),
        "--insecure-policy",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"SSL_CERT_FILE": str(session_certificates().ca), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.skipif(SKOPEO is None, reason="skopeo is not installed (Debian: apt-get install skopeo)")
class TestSkopeo:
    """`skopeo copy` and `skopeo inspect`."""

    @pytest.mark.parametrize("form", list(Form))
    async def test_an_image_is_copied_through_a_rule(
        self, hub: Hub, registry: Registry, tmp_path: Path, form: Form
    ) -> None:
        """The first copy comes from upstream, the second from the registry; every blob is what was published."""
        image = multi_arch_image("nginx:1.27", form=form)
        hub.publish("library/nginx", image, tag="1.27")
        hub.add_account("contosobot", "a personal token")
        registry.rules.add("docker-hub", "docker.io/*", "docker-hub/*", ("contosobot", "a personal token"))
        source = f"docker://{registry.acr.host}/docker-hub/library/nginx:1.27"

        for attempt in ("first", "second"):
            folder = tmp_path / attempt
            login = f"--src-creds={ADMIN.username}:{ADMIN.password}"
            status, output = await skopeo("copy", "--all", login, source, f"dir:{folder}")
            assert (status, output) == (0, output)
            await registry.acr.cache.settle()
            assert json.loads((folder / "manifest.json").read_bytes()) == image.manifest.document
            for blob in image.every_blob():
                assert (folder / blob.digest.removeprefix("sha256:")).read_bytes() == blob.data

        assert hub.limits.pulls.total() == 2  # one for each architecture, once

    async def test_a_wrong_password_is_refused(self, registry: Registry) -> None:
        """Skopeo prints the registry's own words."""
        source = f"docker://{registry.acr.host}/team/app:1"

        status, output = await skopeo("inspect", "--creds=contoso:wrong", source)

        assert status != 0
        assert "unauthorized" in output
