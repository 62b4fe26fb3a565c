"""App Service: web apps and function apps that run a container.

The platform's message about a refused pull usually names no image (inferred from dockerd's own text in its frame). The
site's `linuxFxVersion`, which ARM knows, says what it runs; `site_images` reads it.
"""

import base64
import binascii
import re
from collections.abc import Sequence

from shared.domain.failures import PullFailure, Workload
from shared.domain.images import ImageReference
from shared.queries.reading import diagnosed, failure, is_a_failed_pull, reference
from shared.queries.rows import Row, text
from shared.queries.source import LogSource

_COMPOSE_IMAGE = re.compile(r"^[ \t]{0,64}image:[ \t]{0,8}[\"']?([^\s\"'#]{1,512})", re.MULTILINE)
_LONGEST = 32_768


def read_app_service(rows: Sequence[Row]) -> list[PullFailure]:
    """The failures in the rows; the image is None where the text names none."""
    found: list[PullFailure] = []
    for row in rows:
        diagnosis = diagnosed(row)
        resource = text(row, "Resource").lower()
        workload = Workload(resource, "", "WebApp", resource.rpartition("/")[2])
        item = failure(row, diagnosis, (workload,)) if is_a_failed_pull(diagnosis) else None
        if item is not None:
            found.append(item)
    return found


def site_images(linux_fx_version: str) -> tuple[ImageReference, ...]:
    """The images in a site's `linuxFxVersion`: `DOCKER|nginx:1.27`, or `COMPOSE|` and a Compose file in base64.

    Empty for a site without a container (`PYTHON|3.13`), for sidecars (`sitecontainers`, their images are resources of
    their own) and for anything that is no reference. Source: the site's configuration in ARM (documented).
    """
    kind, _, value = linux_fx_version.partition("|")
    match kind.strip().upper():
        case "DOCKER":
            written = [value.strip().removeprefix("https://").removeprefix("http://")]
        case "COMPOSE" if len(value) <= _LONGEST:
            written = _COMPOSE_IMAGE.findall(_decoded(value))
        case _:
            return ()
    return tuple(dict.fromkeys(image for image in map(reference, written) if image is not None))


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


APP_SERVICE = LogSource("app_service", ("AppServicePlatformLogs",), read_app_service)
