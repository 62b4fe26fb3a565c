"""The images of App Service's sites, for failures whose text names none.

The trap: a log row says which site it is about, and a row is written by whoever can write logs. So only sites that a
registry of the policy serves are read, a few for each alert, and only an image that fits the refusal is believed: a
site that runs an image of its own registry was not stopped by Docker Hub's limit.
"""

import asyncio
from collections.abc import Iterable, Sequence

import msgspec

from shared.application.sites_ports import Sites
from shared.domain.failures import Cause, Diagnosis, PullFailure
from shared.domain.images import DOCKER_HUB, ImageReference
from shared.domain.policy import Policy
from shared.errors import PermanentError, TemporaryError
from shared.queries.app_service import site_images
from shared.queries.merging import merged
from shared.telemetry import get_logger

MOST_SITES = 10
"""How many sites are read for one alert."""

_MOST_IMAGES = 10
_SITE = "/providers/microsoft.web/sites/"

_log = get_logger(__name__)


class SiteImages:
    """Finds out what the sites run."""

    def __init__(self, *, policy: Policy, sites: Sites) -> None:
        self._policy = policy
        self._sites = sites

    async def completed(self, failures: Sequence[PullFailure]) -> Sequence[PullFailure]:
        """The failures, one for each image that may be meant where a limited site's text names none.

        Raises:
            TemporaryError: a site can't be read now, and no other failure names an image.
        """
        wanted = list(dict.fromkeys(one.resource_id for one in failures if self._wants_an_image(one)))
        if not wanted:
            return failures
        if len(wanted) > MOST_SITES:
            _log.warning("sites.too_many", left_out=len(wanted) - MOST_SITES)
        asked = wanted[:MOST_SITES]
        answers = dict(zip(asked, await asyncio.gather(*(self._images(site) for site in asked)), strict=True))
        known = {site: images for site, images in answers.items() if not isinstance(images, TemporaryError)}
        found = [one for failure in failures for one in _with_images(failure, known.get(failure.resource_id, ()))]
        trouble = next((answer for answer in answers.values() if isinstance(answer, TemporaryError)), None)
        if trouble is not None and not any(one.diagnosis.image for one in found):
            raise trouble
        return merged(found)

    def _wants_an_image(self, failure: PullFailure) -> bool:
        told, resource = failure.diagnosis, failure.resource_id
        is_open = told.cause is Cause.RATE_LIMITED and told.image is None
        return is_open and _SITE in resource.lower() and bool(self._policy.registries_for(resource))

    async def _images(self, site: str) -> tuple[ImageReference, ...] | TemporaryError:
        try:
            version = await self._sites.linux_fx_version(site)
        except (TemporaryError, PermanentError) as error:
            _log.warning("site.not_read", code=error.code, text=str(error))
            return error if isinstance(error, TemporaryError) else ()
        return site_images(version) if version else ()


def _with_images(failure: PullFailure, images: Iterable[ImageReference]) -> list[PullFailure]:
    """The failure once for each image that fits it, as it is when it names one itself or none fits."""
    told = failure.diagnosis
    if told.image is not None or told.cause is not Cause.RATE_LIMITED:
        return [failure]
    fitting = [image for image in images if _fits(told, image)][:_MOST_IMAGES]
    return [
        msgspec.structs.replace(failure, diagnosis=msgspec.structs.replace(told, image=image)) for image in fitting
    ] or [failure]


def _fits(told: Diagnosis, image: ImageReference) -> bool:
    """Docker Hub's limit is met by an image of Docker Hub, and through a rule by one of another registry."""
    return (image.registry == DOCKER_HUB) is (told.cache_rule is None)
