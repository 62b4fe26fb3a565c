"""A registry's data plane: which repositories exist, and whether it serves a manifest.

The traps (observed, azure-containerregistry 1.2.0): closing the client leaves its token exchange open, so both get a
transport that is closed here; the origin of a manifest is in a header that the SDK drops; and every refusal of an
upstream comes with an HTTP status that ACR uses for its own refusals too, so only its words tell them apart.
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self, TypeIs

from shared.adapters.azure_errors import azure_call, retry_after
from shared.adapters.clients import client_options
from shared.application.registry_ports import NotServed, NotThere, PullRefused, RegistryContent, ServedManifest
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.errors import CachewardenError, PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_LOGIN_SERVER: Final = re.compile(r"(?=.{1,255}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.IGNORECASE)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_ORIGIN: Final = "X-Azure-Origin"
_SIGN_IN_HINT: Final = (
    "Give the app's identity AcrPull on the registry; if it has that, look at the health of the rule's credential set."
)
UNREADABLE: Final = (ValueError, KeyError, RecursionError)
"""What the SDK raises for an answer that is no manifest; the last for one that is nested without end (observed)."""

_DEADLINE_S: Final = 60.0
_PAGE: Final = 1000


class LoginServerInvalid(PermanentError):
    """A login server is no host name."""

    code = "login_server_invalid"
    hint = "ARM gave the registry a login server that is none; look at the registry in the portal."


class AcrContent(RegistryContent):
    """ACR's data plane; clients are made on first use, one per registry, closed by `aclose`."""

    def __init__(
        self,
        credential: "AsyncTokenCredential",
        *,
        audience: str = "https://containerregistry.azure.net",
        **options: Any,
    ) -> None:
        self._credential = credential
        self._audience = audience
        self._options = options
        self._made: dict[str, tuple[Any, Any]] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        made, self._made = self._made, {}
        for _, transport in made.values():
            await transport.close()

    async def repositories(self, login_server: str) -> frozenset[str]:
        """The names of the repositories that exist."""
        client = self.client(login_server)
        async with azure_call(
            Outside.ACR_LIST_REPOSITORIES, f"listing the repositories of {login_server}", deadline_s=_DEADLINE_S
        ):
            return frozenset([name async for name in client.list_repository_names(results_per_page=_PAGE)])

    async def manifest(self, login_server: str, repository: str, reference: str) -> ServedManifest:
        """Pull a manifest by tag or digest.

        Raises:
            NotServed: not yet, or for a reason that may pass.
            PullRefused: for a reason that does not pass by itself, or the bytes are not what the digest promises.
        """
        from azure.containerregistry import DigestValidationError
        from azure.core.exceptions import DecodeError, DeserializationError, HttpResponseError

        client, doing = self.client(login_server), f"pulling {login_server}/{repository}"
        async with azure_call(Outside.ACR_PULL, doing, deadline_s=_DEADLINE_S), Answers() as answers:
            try:
                found = await client.get_manifest(repository, reference, raw_response_hook=answers.keep)
            except (DecodeError, DeserializationError):  # of the sign-in's answers; a manifest is read by hand
                raise
            except HttpResponseError as error:
                if error.status_code is None:
                    raise
                raise await refusal(doing, error) from error
            except DigestValidationError as error:
                raise PullRefused(
                    f"{doing}: the manifest is not what its digest says", code="digest_mismatch"
                ) from error
            except UNREADABLE as error:
                raise NotServed(f"{doing}: the answer is no manifest: {error}", code="unreadable_manifest") from error
        return ServedManifest(
            digest=found.digest,
            media_type=found.media_type,
            origin="upstream" if answers.last_header(_ORIGIN) == "upstream" else "cache",
            platforms=platforms_of(found.manifest),
        )

    def client(self, login_server: str) -> Any:
        """The SDK's client of a registry; raises LoginServerInvalid."""
        if _LOGIN_SERVER.fullmatch(login_server) is None:
            raise LoginServerInvalid(f"{login_server[:80]!r} is no login server")
        if login_server not in self._made:
            from azure.containerregistry.aio import ContainerRegistryClient
            from azure.core.pipeline.transport import AioHttpTransport

            options = client_options() | self._options
            transport = AioHttpTransport(**options)
            client = ContainerRegistryClient(
                f"https://{login_server}",
                self._credential,
                audience=self._audience,
                transport=transport,
                **options,
            )
            self._made[login_server] = (client, transport)
        return self._made[login_server][0]


class Answers:
    """The answers of a call, closed when it ends: one that is not read to its end keeps its connection (observed)."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    async def __aenter__(self) -> Self:
        """Itself, for `keep`."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them all."""
        for answer in self._kept:
            await answer.close()

    def keep(self, response: Any) -> None:
        """Keep an answer of the SDK's pipeline: its `raw_response_hook`."""
        self._kept.append(response.http_response)

    def last_header(self, name: str) -> str:
        """A header of the last answer, empty when that has none."""
        return str(self._kept[-1].headers.get(name, "")) if self._kept else ""


def platforms_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The digests of an index's image manifests by platform (`linux/amd64`, `linux/arm64/v8`); of an image, none.

    Attestations, which BuildKit puts into an index under the platform `unknown/unknown`, are no images.
    """
    found: dict[str, str] = {}
    for entry in manifests_of(manifest):
        platform = entry.get("platform")
        if not isinstance(platform, Mapping):
            continue
        parts = [platform.get(name) or "" for name in ("os", "architecture", "variant")]
        if all(isinstance(part, str) for part in parts) and parts[0] and parts[1] and parts[0] != "unknown":
            found.setdefault("/".join(part for part in parts if part), entry["digest"])
    return found


def manifests_of(document: Any) -> Iterator[Mapping[str, Any]]:
    """The entries of an index that have a digest; whoever pushed it wrote it, so whatever else stands there is none.

    Only a digest may become part of an address: another text could lead to another repository.
    """
    entries = document.get("manifests") if isinstance(document, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and is_digest(entry.get("digest")):
            yield entry


def is_digest(text: Any) -> TypeIs[str]:
    """Whether it is a digest as ACR has them."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


async def refusal(doing: str, error: Any) -> CachewardenError:
    """What a refused pull means: later, or never.

    A rule that was just made answers 404 for minutes (observed); 401 and 403 in a rule's name mean that the upstream
    refused the rule's credentials, which new ones may not have reached yet; 424 is an upstream that failed.
    """
    status = error.status_code
    code, message = await _words(error.response)
    text = f"{doing}: {code or f'HTTP {status}'}: {message}"
    rule = "for cache rule" in message.lower()
    passes = status in {404, 408, 424, 429} or status >= 500 or (status in {401, 403} and rule)  # noqa: PLR2004 - HTTP
    if passes:
        kind = NotThere if status == HTTPStatus.NOT_FOUND else NotServed
        return kind(text, code=code.lower() or None, retry_after=retry_after(error.response.headers))
    hint = _SIGN_IN_HINT if status in {401, 403} else None
    return PullRefused(text, code=code.lower() or None, hint=hint)


async def _words(response: Any) -> tuple[str, str]:
    """The first code and message of an OCI error body, which the SDK has left unread (observed)."""
    try:
        first = read_json(await response.read())["errors"][0]
        return str(first.get("code") or ""), " ".join(str(first.get("message") or "").split())[:600]
    except (JsonUnreadable, KeyError, IndexError, TypeError, AttributeError):
        return "", ""
