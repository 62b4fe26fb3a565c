"""The choice: of all images that a text names, the one that failed.

A text may name several: steps of a build, events of other pods, the base and the destination, the mirror and the
original. The refusal's own line and its own address decide, then what was started last before it.
"""

from bisect import bisect_right

import msgspec

from shared.domain.diagnosis.addresses import Address
from shared.domain.diagnosis.names import FAILED, SEEN, Mention
from shared.domain.diagnosis.occurrences import with_tag_beside
from shared.domain.diagnosis.owners import owner_by_words
from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import DOCKER_HUB, ImageReference

_SAME_LINE = 400
_SAME_ADDRESS = 1000
_SAME_STEP = 200
_BEFORE, _AFTER = 100, 60
_FAR = 50
_LONGEST_STEP = 6


def choose(text: Text, named: list[Mention], place: Address | None, decided_at: int | None) -> ImageReference | None:
    """The image that failed.

    Args:
        text: the text.
        named: the mentions in it.
        place: the address that was refused, if one is named.
        decided_at: where the words stand that say what went wrong, None when none do.
    """
    named = _without_paths(named)
    if not named:
        return with_tag_beside(text, place.reference) if place is not None and place.reference is not None else None
    if len(named) > 1 and len({(m.reference.registry, m.reference.repository, m.reference.tag) for m in named}) > 1:
        best = _best(text, named, place, decided_at)
    else:
        best = named[0]
    if best.path_only and place is not None and place.reference is not None and _is_at(best.reference, place):
        return ImageReference(
            place.reference.registry, place.reference.repository, best.reference.tag, best.reference.digest
        )
    if _is_outdone(best, place):
        return place.reference if place is not None else None
    if best.weight == SEEN and _contradicts(text, best):
        return None
    return _completed(best, named, place)


def agree(named: list[Mention]) -> bool:
    """Whether all mentions say the same and leave nothing open, as in nearly every message of a kubelet."""
    if not named or named[0].weight < FAILED:
        return False
    first = named[0].reference
    if first.tag is None and first.digest is None:
        return False
    for mention in named:  # noqa: SIM110 - a generator costs more than the comparison
        if mention.reference != first or mention.derived or mention.path_only:
            return False
    return True


def _without_paths(named: list[Mention]) -> list[Mention]:
    """Without the mentions that leave out the registry, where another names the same repository with its registry."""
    short = [m for m in named if m.path_only]
    if not short:
        return named
    full = [m for m in named if not m.path_only]
    paths = {m.reference.repository for m in full}
    kept = [m for m in short if not paths & {m.reference.repository, m.reference.repository.removeprefix("library/")}]
    tags = {m.reference.repository: m.reference.tag for m in short}
    return [
        msgspec.structs.replace(m, reference=_tagged(m.reference, tags.get(m.reference.repository)))
        if m.reference.repository in tags and m.reference.registry == DOCKER_HUB
        else m
        for m in full
    ] + kept


def _tagged(reference: ImageReference, tag: str | None) -> ImageReference:
    if reference.tag is not None or reference.digest is not None:
        return reference
    return ImageReference(reference.registry, reference.repository, tag)


def _best(text: Text, named: list[Mention], place: Address | None, decided_at: int | None) -> Mention:
    """The mention that the refusal's line, step and address speak for most, among equals the nearest before it."""
    if decided_at is None:
        return max(named, key=_weight)
    breaks = _breaks(text.low)
    line = bisect_right(breaks, decided_at)
    step = _step(text, breaks, line)
    last_head = max([m.start for m in named if m.heads and m.start <= decided_at], default=-1)
    best, most = named[0], (-1, 0)
    for mention in named:
        own = bisect_right(breaks, mention.start)
        points = mention.weight * 10
        if own == line:
            points += _SAME_LINE + (5 if mention.start == last_head else 0)
        elif own < line:
            points += _BEFORE - min(line - own, _FAR)
        else:
            points += _AFTER - min(own - line, _FAR)
        if step and _step(text, breaks, own) == step:
            points += _SAME_STEP
        if place is not None and _is_at(mention.reference, place):
            points += _SAME_ADDRESS
        before = decided_at - mention.start
        if (scored := (points, -before if before >= 0 else 10 * before)) > most:
            best, most = mention, scored
    return best


def _weight(mention: Mention) -> tuple[int, int]:
    return mention.weight, -mention.start


def _breaks(low: str) -> list[int]:
    found: list[int] = []
    position = low.find("\n")
    while position >= 0:
        found.append(position)
        position = low.find("\n", position + 1)
    return found


def _step(text: Text, breaks: list[int], line: int) -> str:
    """BuildKit's number of the step that a line belongs to, empty when it carries none."""
    start = breaks[line - 1] + 1 if line > 0 else 0
    mark = text.low.find("#", start, start + 60)
    if mark < 0:
        return ""
    end = mark + 1
    while text.low[end : end + 1].isdigit() and end - mark < _LONGEST_STEP:
        end += 1
    return text.low[mark:end] if end > mark + 1 and text.low[end : end + 1] == " " else ""


def _is_at(reference: ImageReference, place: Address) -> bool:
    """Whether an address is the reference's: its own registry's, or a mirror's that keeps the path below a prefix."""
    if place.repository is None:
        return False
    asked, repository = place.repository, reference.repository
    return asked == repository or asked == repository.removeprefix("library/") or asked.endswith(f"/{repository}")


def _is_outdone(best: Mention, place: Address | None) -> bool:
    """Whether the address names another repository than a name that merely occurs."""
    return (
        place is not None
        and place.reference is not None
        and best.weight < FAILED
        and not best.heads
        and not _is_at(best.reference, place)
    )


def _contradicts(text: Text, mention: Mention) -> bool:
    """Whether a short name that merely occurs would be Docker Hub's while the limit is worded by another registry."""
    said = owner_by_words(text.low)
    return said is not None and said != DOCKER_HUB and mention.reference.registry == DOCKER_HUB


def _completed(best: Mention, named: list[Mention], place: Address | None) -> ImageReference:
    """The reference with the tag and digest that other mentions of the same image add."""
    reference = best.reference
    registry, repository = reference.registry, reference.repository
    same = [m for m in named if m.reference.repository == repository and m.reference.registry == registry]
    tag = reference.tag
    digest = None if best.derived else reference.digest
    if tag is None:
        fitting = (m.reference.tag for m in same if digest is None or m.reference.digest in {None, digest})
        tag = next((t for t in fitting if t is not None), None)
    if digest is None:
        asked = [m.reference for m in same if m.reference.digest is not None and not m.derived]
        digest = next((r.digest for r in asked if r.tag in {None, tag}), None) if asked else None
    if tag is None and digest is None:
        looked_up = next((m.reference.digest for m in same if m.derived), None)
        at = place.reference if place is not None and _is_at(reference, place) else None
        return ImageReference(
            reference.registry,
            reference.repository,
            at.tag if at is not None else None,
            looked_up or (at.digest if at is not None else None),
        )
    return ImageReference(reference.registry, reference.repository, tag, digest)
