"""The client that the sandbox's cluster pulls with, and the texts that its kubelet writes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.hub.models import Hub
from sandbox.hub.windows import Limit
from sandbox.oci.client import NoSuchPlatform, OciClient
from sandbox.oci.content import Content
from sandbox.oci.images import AMD64, multi_arch_image, single_image
from sandbox.oci.kubelet import failed_pull_events, failed_to_pull
from sandbox.oci.references import Reference
from sandbox.oci.refusals import DigestMismatch, PullRefused, RegistryUnreachable
from sandbox.oci.remote import Credentials
from tests.fixtures.serving import session_certificates
from tests.integration.sandbox.registries.support import HubServices


class TestReferences:
    """References as a runtime reads them."""

    @pytest.mark.parametrize(
        ("text", "full"),
        [
            ("nginx", "docker.io/library/nginx:latest"),
            ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
            ("bitnami/redis@sha256:ab", "docker.io/bitnami/redis@sha256:ab"),
            ("docker.io/nginx:1", "docker.io/library/nginx:1"),
            ("localhost:5000/a/b:1@sha256:ab", "localhost:5000/a/b:1@sha256:ab"),
            ("contoso.azurecr.io/docker.io/library/nginx", "contoso.azurecr.io/docker.io/library/nginx:latest"),
        ],
    )
    def test_what_was_left_out_is_filled_in(self, text: str, full: str) -> None:
        """Host, `library/` and `latest`."""
        assert full == str(Reference.parse(text))

    @pytest.mark.parametrize("text", ["", ":1", "docker.io/", "@sha256:ab"])
    def test_a_text_without_a_repository_is_an_error(self, text: str) -> None:
        """The message quotes the text."""
        with pytest.raises(ValueError, match=re.escape(repr(text))):
            Reference.parse(text)

    @given(st.text(max_size=60))
    def test_any_text_is_a_reference_or_a_value_error(self, text: str) -> None:
        """A reference that was read stays the same when it is written and read again."""
        try:
            reference = Reference.parse(text)
        except ValueError:
            return

        assert str(Reference.parse(str(reference))) == str(reference)


class TestPulling:
    """What the client checks and refuses."""

    async def test_each_platform_gets_its_own_image(self, hub: Hub, served: HubServices) -> None:
        """One index, two images, one digest for the reference."""
        image = multi_arch_image("nginx")
        hub.publish("library/nginx", image, tag="1")

        async with served.client() as client:
            amd64 = await client.pull("nginx:1", "linux/amd64")
            arm64 = await client.pull("nginx:1", "linux/arm64")
            with pytest.raises(NoSuchPlatform):
                await client.pull("nginx:1", "windows/amd64")

        assert (amd64.digest, arm64.digest) == (image.digest, image.digest)
        assert (amd64.config["architecture"], arm64.config["architecture"]) == ("amd64", "arm64")

    @pytest.mark.parametrize("what", ["manifest", "layer"])
    async def test_bytes_that_are_not_those_of_the_digest_are_refused(
        self, hub: Hub, served: HubServices, what: str
    ) -> None:
        """A registry that serves something else is found out."""
        image = single_image("nginx", platform=AMD64)
        hub.publish("library/nginx", image, tag="1")
        repository = hub.images.open("library/nginx")
        if what == "layer":
            layer = image.blobs[1]
            repository.blobs[layer.digest] = Content(layer.media_type, layer.digest, layer.data + b"!")
        else:
            repository.delete_manifest(image.digest)
            repository.put_manifest(Content(image.manifest.media_type, image.digest, image.manifest.data + b" "), "1")

        async with served.client() as client:
            with pytest.raises(DigestMismatch):
                await client.pull("nginx:1")

    async def test_hosts_outside_the_sandbox_are_never_asked(self) -> None:
        """The name is not even looked up."""
        async with OciClient(hosts={}, tls=session_certificates().client_context()) as client:
            with pytest.raises(RegistryUnreachable, match="no such host"):
                await client.pull("quay.io/prometheus/node-exporter:v1")

    async def test_a_closed_port_is_unreachable(self, unused_tcp_port: int) -> None:
        """The kubelet would say that it failed to do the request."""
        image = f"localhost:{unused_tcp_port}/a/b:1"
        async with OciClient(hosts={}, tls=session_certificates().client_context()) as client:
            with pytest.raises(RegistryUnreachable) as unreachable:
                await client.pull(image)

        assert f'failed to do request: Head "https://localhost:{unused_tcp_port}/v2/a/b/manifests/1"' in failed_to_pull(
            image, unreachable.value
        )


class TestKubelet:
    """The kubelet's words for each kind of refusal."""

    async def test_the_pull_limit(self, hub: Hub, served: HubServices) -> None:
        """The image as written and in full, Docker Hub's own address with the digest, status and server message."""
        image = multi_arch_image("nginx")
        hub.publish("library/nginx", image, tag="1.27")
        hub.exhaust("127.0.0.1")

        events = failed_pull_events("nginx:1.27", await refused(served.client(), "nginx:1.27"))

        message = (
            'Failed to pull image "nginx:1.27": failed to pull and unpack image "docker.io/library/nginx:1.27": '
            "failed to copy: httpReadSeeker: failed open: unexpected status code "
            f"https://registry-1.docker.io/v2/library/nginx/manifests/{image.digest}: 429 Too Many Requests - "
            "Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. "
            "https://www.docker.com/increase-rate-limit"
        )
        assert [(event.reason, event.message) for event in events] == [
            ("Failed", message),
            ("Failed", "Error: ErrImagePull"),
            ("BackOff", 'Back-off pulling image "nginx:1.27"'),
        ]

    async def test_a_head_that_is_refused(self, hub: Hub, served: HubServices) -> None:
        """No server message, because a HEAD has no body."""
        hub.publish("library/nginx", single_image("nginx"), tag="1.27")
        hub.limits.refuse_head = True
        hub.exhaust("127.0.0.1")

        assert failed_to_pull("nginx:1.27", await refused(served.client(), "nginx:1.27"), rpc=True) == (
            'Failed to pull image "nginx:1.27": rpc error: code = Unknown desc = '
            'failed to pull and unpack image "docker.io/library/nginx:1.27": '
            'failed to resolve reference "docker.io/library/nginx:1.27": unexpected status from HEAD request to '
            "https://registry-1.docker.io/v2/library/nginx/manifests/1.27: 429 Too Many Requests"
        )

    async def test_a_token_service_that_refuses(self, hub: Hub, served: HubServices) -> None:
        """The address is auth.docker.io, and the text says whether there were credentials."""
        hub.add_account("contosobot", "right")
        login = Credentials("contosobot", "wrong")

        with_login = failed_to_pull("nginx:1", await refused(served.client(), "nginx:1", login))
        hub.abuse.limit = Limit(1, 60)
        hub.abuse.reset("127.0.0.1")
        without = failed_to_pull("nginx:1", await refused(served.client(), "nginx:1"))

        assert "failed to authorize: failed to fetch oauth token: unexpected status from GET request to " in with_login
        assert "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/nginx:pull" in (
            with_login.replace("%3A", ":").replace("%2F", "/")
        )
        assert with_login.endswith(": 401 Unauthorized")
        assert "failed to fetch anonymous token" in without
        assert without.endswith(": 429 Too Many Requests")

    async def test_a_tag_that_is_not_there(self, hub: Hub, served: HubServices) -> None:
        """Not found, with gRPC's own code for it."""
        hub.publish("library/nginx", single_image("nginx"), tag="1.27")

        message = failed_to_pull("nginx:0", await refused(served.client(), "nginx:0"), rpc=True)

        assert "rpc error: code = NotFound desc = " in message
        assert message.endswith('reference "docker.io/library/nginx:0": docker.io/library/nginx:0: not found')

    async def test_a_repository_that_is_not_there(self, served: HubServices) -> None:
        """Access denied, in the words of the challenge."""
        message = failed_to_pull("acme/nothing:1", await refused(served.client(), "acme/nothing:1"))

        assert message.endswith(
            "pull access denied, repository does not exist or may require authorization: "
            "server message: insufficient_scope: authorization failed"
        )


async def refused(client: OciClient, image: str, credentials: Credentials | None = None) -> PullRefused:
    """Pull what can't be pulled."""
    async with client:
        with pytest.raises(PullRefused) as error:
            await client.pull(image, credentials=credentials)
    return error.value
