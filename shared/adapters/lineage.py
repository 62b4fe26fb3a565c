"""What the things in a registry say they are made of, read through ACR's data plane.

Whoever may push decides what is read here, so everything is bounded: manifests by the SDK (4 MiB each, observed in
1.2.0) and in number, nesting in depth, configurations by the size that their descriptor promises and again while they
come in.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from shared.adapters.azure_errors import azure_call
from shared.adapters.registry_content import UNREADABLE, AcrContent, Answers, is_digest, manifests_of, refusal
from shared.application.event_ports import Lineage
from shared.application.registry_ports import PullRefused
from shared.domain.images import ImageReference
from shared.domain.json_reader import read_json
from shared.domain.lineage import CHART_CONFIG, images_named_by, references
from shared.telemetry.names import Outside

_DEADLINE_S: Final = 60.0
_MOST_MANIFESTS: Final = 12
_DEEPEST: Final = 3
_LARGEST_CONFIG: Final = 1024 * 1024
_CONFIGS: Final = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
        CHART_CONFIG,
    }
)


class AcrLineage(Lineage):
    """Reads manifests, nested ones and configurations; shares its clients with the registry's content."""

    def __init__(self, content: AcrContent) -> None:
        self._content = content

    async def made_of(self, login_server: str, repository: str, reference: str) -> tuple[ImageReference, ...]:
        """The images that a manifest, an index or a chart names, bounded in bytes and depth; none when it names none.

        Raises:
            NotServed: the registry does not serve it, or not yet.
            PullRefused: it never will, or it is larger than anything that is read.
        """
        texts: list[str] = []
        waiting, seen = deque([(reference, 1)]), {reference}
        async with azure_call(Outside.ACR_READ_LINEAGE, f"reading {login_server}/{repository}", deadline_s=_DEADLINE_S):
            while waiting:
                wanted, depth = waiting.popleft()
                manifest = await self._manifest(login_server, repository, wanted)
                texts += images_named_by(manifest)
                if (digest := _config_of(manifest)) is not None:
                    texts += images_named_by(await self._config(login_server, repository, digest))
                for nested in _nested(manifest) if depth < _DEEPEST else ():
                    if nested not in seen and len(seen) < _MOST_MANIFESTS:
                        seen.add(nested)
                        waiting.append((nested, depth + 1))
        return references(texts)

    async def _manifest(self, login_server: str, repository: str, reference: str) -> Mapping[str, Any]:
        from azure.containerregistry import DigestValidationError
        from azure.core.exceptions import DecodeError, DeserializationError, HttpResponseError

        client, doing = self._content.client(login_server), f"reading {login_server}/{repository}"
        async with Answers() as answers:
            try:
                found = await client.get_manifest(repository, reference, raw_response_hook=answers.keep)
            except (DecodeError, DeserializationError):  # of the sign-in's answers; what was pushed is read by hand
                raise
            except HttpResponseError as error:
                if error.status_code is None:
                    raise
                raise await refusal(doing, error) from error
            except (DigestValidationError, *UNREADABLE) as error:
                text = f"{doing}: no manifest that can be read: {error}"
                raise PullRefused(text, code="unreadable_manifest") from error
        return found.manifest if isinstance(found.manifest, Mapping) else {}

    async def _config(self, login_server: str, repository: str, digest: str) -> Mapping[str, Any]:
        from azure.containerregistry import DigestValidationError
        from azure.core.exceptions import DecodeError, DeserializationError, HttpResponseError

        client, doing = self._content.client(login_server), f"reading a configuration of {login_server}/{repository}"
        body = bytearray()
        async with Answers() as answers:
            try:
                async for chunk in await client.download_blob(repository, digest, raw_response_hook=answers.keep):
                    body += chunk
                    if len(body) > _LARGEST_CONFIG:
                        raise PullRefused(f"{doing}: more than its manifest promises", code="too_large")
                document = read_json(bytes(body))
            except (DecodeError, DeserializationError):  # of the sign-in's answers; what was pushed is read by hand
                raise
            except HttpResponseError as error:
                if error.status_code is None:
                    raise
                raise await refusal(doing, error) from error
            except (DigestValidationError, ValueError) as error:
                raise PullRefused(f"{doing}: it can't be read: {error}", code="unreadable_config") from error
        return document if isinstance(document, Mapping) else {}


def _config_of(manifest: Mapping[str, Any]) -> str | None:
    """The digest of the configuration of an image or a chart, None when it has none that is worth reading."""
    config = manifest.get("config")
    if not isinstance(config, Mapping) or config.get("mediaType") not in _CONFIGS:
        return None
    size, digest = config.get("size"), config.get("digest")
    small = isinstance(size, int) and size <= _LARGEST_CONFIG
    return digest if is_digest(digest) and small else None


def _nested(manifest: Mapping[str, Any]) -> list[str]:
    """The digests of an index's manifests, attestations left out."""
    found = []
    for entry in manifests_of(manifest):
        platform = entry.get("platform")
        unknown = isinstance(platform, Mapping) and platform.get("os") == "unknown"
        if not unknown:
            found.append(entry["digest"])
    return found
