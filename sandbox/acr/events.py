"""The events that the registry sends to Event Grid, in the Event Grid schema.

A copy through a rule sends two for what a tag named (with the tag and without) and one for each further manifest; ACR's
webhooks are documented to do so, Event Grid is only expected to.
"""

from datetime import UTC
from typing import Any, Final
from uuid import uuid4

from sandbox.frame.service import Clock
from sandbox.oci.content import Content

_PREFIX: Final = "Microsoft.ContainerRegistry."


class Events:
    """Makes the events of one registry."""

    def __init__(self, registry_id: str, clock: Clock) -> None:
        self._registry_id = registry_id
        self._clock = clock

    def pushed(
        self, repository: str, manifest: Content, *, tag: str | None, host: str, user_agent: str
    ) -> dict[str, Any]:
        """`ImagePushed`; without a tag the subject is the repository alone, which is a guess."""
        size = len(manifest.data)
        target: dict[str, Any] = {
            "mediaType": manifest.media_type,
            "size": size,
            "digest": manifest.digest,
            "length": size,
            "repository": repository,
        }
        if tag is not None:
            target["tag"] = tag
        subject = f"{repository}:{tag}" if tag is not None else repository
        return self._event("ImagePushed", subject, "push", target, _request("PUT", host, user_agent))

    def deleted(self, repository: str, manifest: Content, *, host: str, user_agent: str) -> dict[str, Any]:
        """`ImageDeleted`."""
        target = {"mediaType": manifest.media_type, "digest": manifest.digest, "repository": repository}
        return self._event("ImageDeleted", repository, "delete", target, _request("DELETE", host, user_agent))

    def _event(
        self, kind: str, subject: str, action: str, target: dict[str, Any], request: dict[str, str]
    ) -> dict[str, Any]:
        now = self._clock().astimezone(UTC)
        data = {
            "id": str(uuid4()),
            "timestamp": now.isoformat(),
            "action": action,
            "target": target,
            "request": request,
        }
        return {
            "id": str(uuid4()),
            "topic": self._registry_id,
            "subject": subject,
            "eventType": _PREFIX + kind,
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "data": data,
            "dataVersion": "1.0",
            "metadataVersion": "1",
        }


def _request(method: str, host: str, user_agent: str) -> dict[str, str]:
    return {"id": str(uuid4()), "host": host, "method": method, "useragent": user_agent}
