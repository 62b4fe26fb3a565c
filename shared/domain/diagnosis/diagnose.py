"""The steps of a diagnosis in their order."""

import re

import msgspec

from shared.domain.diagnosis.addresses import Address, Role, addresses, completed, place_of
from shared.domain.diagnosis.causes import find_cause
from shared.domain.diagnosis.choice import agree, choose
from shared.domain.diagnosis.evidence import evidence
from shared.domain.diagnosis.limits import Kind, Limit, find_limit
from shared.domain.diagnosis.mentions import mentions
from shared.domain.diagnosis.model import Cause, Diagnosis
from shared.domain.diagnosis.names import Mention
from shared.domain.diagnosis.occurrences import full_names
from shared.domain.diagnosis.owners import hub_limit, is_abuse_limit, owner
from shared.domain.diagnosis.runtimes import find_runtime
from shared.domain.diagnosis.unwrapping import Text, on_one_line, unwrap, without_breaks
from shared.domain.images import DOCKER_HUB, ImageReference

_CACHE_RULE = re.compile(r"for cache rule [\"'`]{0,2}([A-Za-z0-9](?:[A-Za-z0-9-]{3,48})[A-Za-z0-9])")
_RULE_SOURCE = re.compile(r"from source [\"'`]([a-z0-9][a-z0-9._/:-]{1,400})[\"'`]")


class _Reading(msgspec.Struct, frozen=True):
    """What one form of the text says; `named` when words name the image, and not only an address."""

    text: Text
    image: ImageReference | None
    named: bool
    cause: Cause = Cause.UNKNOWN
    rate_limited: bool = False
    limit: str | None = None
    start: int = 0
    end: int = 0

    @property
    def leaves_something_open(self) -> bool:
        """Whether another form of the text might say more about cause and image."""
        return self.cause is Cause.UNKNOWN or self.image is None or not self.named


def diagnose(text: str) -> Diagnosis:
    """What a failure text says.

    Any text has a diagnosis, be it `unknown`; of a long one only a part around the failure is looked at.
    """
    plain = unwrap(text)
    reading = _read(plain)
    if "\n" in plain.plain:
        reading = _unfolded(reading, plain)
    rule = _CACHE_RULE.search(reading.text.plain) if "for cache rule" in reading.text.low else None
    source = _RULE_SOURCE.search(reading.text.plain) if rule is not None else None
    words, span = evidence(reading.text.plain, reading.start, reading.end)
    return Diagnosis(
        cause=reading.cause,
        rate_limited=reading.rate_limited,
        image=reading.image,
        upstream=source[1] if source is not None else None,
        cache_rule=rule[1] if rule is not None else None,
        runtime=find_runtime(reading.text),
        limit=reading.limit,
        evidence=words,
        span=span,
    )


def _unfolded(reading: _Reading, text: Text) -> _Reading:
    """The reading with what only shows once folded lines are joined."""
    if reading.leaves_something_open:
        reading = _better(reading, _read(on_one_line(text)))
        if reading.leaves_something_open:
            reading = _better(reading, _read(without_breaks(text)))
    if reading.cause is Cause.RATE_LIMITED and reading.limit is None:
        joined = hub_limit(on_one_line(text).low) or hub_limit(without_breaks(text).low)
        return msgspec.structs.replace(reading, limit=joined)
    return reading


def _better(first: _Reading, second: _Reading) -> _Reading:
    """The second reading where it knows what the first does not; a fold never turns a known cause into another."""
    if first.cause is not Cause.UNKNOWN and second.cause is not first.cause:
        return first
    gained = (first.cause is Cause.UNKNOWN) - (second.cause is Cause.UNKNOWN)
    gained += (first.image is None) - (second.image is None) + (second.named - first.named)
    if gained <= 0 and first.limit is None and first.image == second.image:
        return msgspec.structs.replace(first, limit=second.limit)
    return second if gained > 0 else first


def _read(text: Text) -> _Reading:
    places = addresses(text)
    named = mentions(text)
    limit = find_limit(text, places)
    if limit is not None:
        return _limited(text, places, named, limit)
    sign = find_cause(text)
    at = sign.start if sign is not None else None
    if agree(named):
        image: ImageReference | None = named[0].reference
    else:
        image = _image(text, named, place_of(at, text.low, places) if at is not None else None, places, at)
    if sign is None:
        return _Reading(text, image, bool(named))
    return _Reading(text, image, bool(named), sign.cause, start=sign.start, end=sign.end)


def _limited(text: Text, places: list[Address], named: list[Mention], limit: Limit) -> _Reading:
    place = place_of(limit.start, text.low, places)
    asked = place if place is not None and place.role is not Role.OTHER else _last_registry(places, limit.start)
    image = named[0].reference if agree(named) else _image(text, named, asked, places, limit.start)
    cause, whose = _whose(text, limit, asked, image)
    pulled = limit.kind is Kind.PULL
    return _Reading(text, image, bool(named), cause, pulled, whose, limit.start, limit.end)


def _image(
    text: Text, named: list[Mention], place: Address | None, places: list[Address], at: int | None
) -> ImageReference | None:
    """The image that failed; where neither words nor an address name one, a full name that occurs is taken."""
    naming = _naming(place, places)
    if not named and naming is None and at is not None:
        named = full_names(text)
    return choose(text, named, naming, at)


def _whose(text: Text, limit: Limit, place: Address | None, image: ImageReference | None) -> tuple[Cause, str | None]:
    if limit.kind is Kind.KUBELET:
        return Cause.KUBELET_THROTTLED, None
    if limit.kind is Kind.ARM:
        return Cause.AZURE_THROTTLED, None
    if "for cache rule" in text.low:
        return Cause.RATE_LIMITED, hub_limit(text.low)
    host = owner(text, place, image)
    if limit.kind is Kind.PUSH or host != DOCKER_HUB:
        return Cause.REGISTRY_THROTTLED, host
    if is_abuse_limit(text, limit, place):
        return Cause.ABUSE_LIMITED, DOCKER_HUB
    return Cause.RATE_LIMITED, hub_limit(text.low)


def _naming(place: Address | None, places: list[Address]) -> Address | None:
    """The address that names the image: the failing one if it does, else the last that does."""
    if place is None or place.reference is None:
        place = next((other for other in reversed(places) if other.reference is not None), None)
    return completed(place, places) if place is not None else None


def _last_registry(places: list[Address], before: int) -> Address | None:
    """The registry's address nearest before a position, else the first after it."""
    registries = [place for place in places if place.role is not Role.OTHER]
    earlier = [place for place in registries if place.start <= before]
    return earlier[-1] if earlier else registries[0] if registries else None
