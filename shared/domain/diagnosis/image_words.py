"""The word "image" as an introduction: `image "X"`, `image: X`, `image X: reason`, `imageName=X`.

It is the commonest of all and the least certain: "image configuration", "image has failed" and "pushing image X" are no
failed pulls. The words before it say what was done, the form after it says whether a name follows.
"""

import re

from shared.domain.diagnosis.names import FAILED, QUOTES, SEEN, STARTED, Mention, is_a_name, name_at
from shared.domain.diagnosis.unwrapping import Text

_GAP = re.compile(r"(?:name|s)?(?:[\"']?[:=] {0,4}|[ :=]{1,4}|(?=[\"'`]))")
_COMPOSE_ERROR = re.compile(r"[ \t]{1,60}error ")
_LOOK_BACK = 24


def after_image(text: Text, start: int, end: int) -> Mention | None:
    """The image that a sentence with "image" names."""
    low = text.low
    gap = _GAP.match(low, end)
    if gap is None or low[start - 1 : start].isalnum():
        return None
    at = gap.end()
    found = name_at(text, at)
    weight, heads, pulls = _what_before(low[max(0, start - _LOOK_BACK) : start].rstrip(" "))
    if found is None or weight == 0:
        return None
    reference, after = found
    if low[at] not in QUOTES and not is_a_name(text.plain[at:after], bare_allowed=pulls):
        return None
    if weight == FAILED:
        return Mention(at, reference, FAILED, heads)
    if low.startswith((" already present", " is already present"), after):
        return None
    return Mention(at, reference, max(weight, _what_after(low, after)), heads)


def _what_before(before: str) -> tuple[int, bool, bool]:
    """Weight, whether a message begins here, and whether a pull is spoken of, by the words before "image"."""
    if before.endswith("pull"):
        return FAILED, before.endswith(("failed to pull", "unable to pull", "could not pull")), True
    if before.endswith(("unpack", "access", "sandbox", "inspect", "fetch docker", "pull docker")):
        return FAILED, False, False
    if before.endswith("pulling"):
        failed = before.endswith(("back-off pulling", "error pulling", "failed pulling"))
        return (FAILED if failed else STARTED), failed, True
    if before.endswith(("retrieving", "find", "fetching", "downloading", "builder", "pulling docker")):
        return STARTED, before.endswith("find"), before.endswith("retrieving")
    if before.endswith(("pulled", "pushing", "pushed", "destination", "push")):
        return 0, False, False
    return SEEN, before.endswith("errors for"), False


def _what_after(low: str, after: int) -> int:
    """Weight by the words after a name: `Image X Error …` is Compose's way to say that the pull failed."""
    if _COMPOSE_ERROR.match(low, after):
        return FAILED
    return STARTED if low.startswith((" not found", " is not accessible", " failed", " could not"), after) else SEEN
