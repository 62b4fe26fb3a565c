"""Names: what stands where a text is about to name an image.

Most words in a log look like image names to Docker's grammar (`nginx`, `error`, `kube-proxy/v2.11.19`), so a name
counts only after words that a runtime puts before one. Names of build stages and compose services, masked names (`***`,
`<registry>`) and names that were cut off are no mentions.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import DOCKER_HUB, ImageReference, InvalidReference, parse_reference

FAILED, STARTED, SEEN = 3, 2, 1
"""How much a mention says: this pull failed; this pull was started; the name occurs."""

QUOTES = "\"'`"
_WORDS = """
and are as at after back because been before by canceled cancelled cannot complete configuration context could
daemon data deadlineexceeded denied does dockerfile eof error err errors event events executor exists failed
failure failing failures fetch for from granting had has have id in index info internal into is it its layer
layers limit limits list locally log manifest manifests mirror name names not of on or policy process
processing progress pull pulled pulling pulls qps rate ref reference registry repo repository request returned
rpc secret service size source still tag tags that the this time timeout to toomanyrequests type unable
unauthorized unexpected unknown using via was were when which while will with
"""
NOT_NAMES = frozenset(_WORDS.split())
"""Words of sentences about images; several are valid names, none is worth a mistake."""

_MASKS = "*<>${}?()"
_MASK_OF_STARS = 3
_ENDS = ".:/-_@"
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")
_CUT_DIGEST = re.compile(r"@(?:sha256?:?[0-9a-f]{0,64}|sha\d{0,3}|s|sh)?$")
_BREAK_IN_NAME = re.compile(r"\n[ \t#>|]{0,16}")
_SPOKEN_TAG = re.compile(
    r"[\"'`]? (?:(?:with|at) (?:tag|version) |--version[ =])[\"'`]?([A-Za-z0-9_][A-Za-z0-9_.+-]{0,127})"
)


class Mention(msgspec.Struct, frozen=True):
    """A place where a text names an image.

    Attributes:
        start: where the name stands.
        reference: what it names.
        weight: `FAILED`, `STARTED` or `SEEN`.
        heads: whether the words before it begin a message, so that all that follows is about this image.
        path_only: whether the registry is left out, as Docker does in `latest: Pulling from team/app`.
        derived: whether the digest is one that the client looked up, not one that was asked for.
    """

    start: int
    reference: ImageReference
    weight: int
    heads: bool = False
    path_only: bool = False
    derived: bool = False


type Reader = Callable[[Text, int, int], Mention | None]
"""Reads one mention: the text, where the introducing words stand, and where they end."""

type Found = tuple[ImageReference, int]
"""A reference and where it ends."""


def name_at(text: Text, position: int, *, loose: bool = False) -> Found | None:
    """The reference that stands at a position, after an opening quote if there is one, and where it ends.

    A quoted name counts only with its closing quote: without one it was cut off. An unquoted one that reaches the end
    of the text counts only when `loose`; else it keeps its repository if a tag shows that the repository is complete.
    """
    plain = text.plain
    quote = plain[position : position + 1]
    if quote and quote in QUOTES:
        return _quoted(plain, position + 1, quote)
    if quote == "*" and plain.startswith("**", position):
        position += 2
    match = _TOKEN.match(plain, position)
    if match is None:
        return None
    raw, end = match[0], match.end()
    if plain[end : end + 1] in _MASKS and end < len(plain) and not _is_finished(raw, plain, end):
        return _shortened(raw, end)
    name = raw.rstrip(_ENDS)
    if end == len(plain) and not loose and len(name) == len(raw):
        return _shortened(raw, end, drop_tag=True)
    reference = _parse(name)
    return (reference, end) if reference is not None else _shortened(raw, end)


def is_a_name(raw: str, *, bare_allowed: bool) -> bool:
    """Whether what was found is a name and not the next word of a sentence."""
    name = raw.rstrip(_ENDS)
    if "/" in name or ":" in name or "@" in name:
        return True
    return bare_allowed and name.lower() not in NOT_NAMES and (raw != name or "." in name)


def with_spoken_tag(text: Text, found: Found) -> ImageReference:
    """The reference with a tag that follows in words: `X with tag 1.2`, `"X" at version "1.2"`, `X --version 1.2`."""
    reference, after = found
    if reference.tag is not None or reference.digest is not None:
        return reference
    spoken = _SPOKEN_TAG.match(text.plain, after)
    return ImageReference(reference.registry, reference.repository, spoken[1]) if spoken is not None else reference


def _is_finished(raw: str, plain: str, end: int) -> bool:
    """Whether what follows is punctuation and not a mask: `nginx:1.27)`, `nginx:1.27?`, `**nginx:1.27**`."""
    following = plain[end]
    if following in ")(":
        return True
    if following == "*":
        after = plain[end : end + 4].lstrip("*")
        stars = len(plain[end : end + 4]) - len(after)
        return stars < _MASK_OF_STARS and not after[:1].isalnum() and raw[-1] not in _ENDS
    return following == "?" and "@" not in raw and not plain[end + 1 : end + 2].isalnum() and raw[-1] not in _ENDS


def _quoted(plain: str, position: int, quote: str) -> Found | None:
    for scheme in ("docker://", "oci://"):
        if plain.startswith(scheme, position):
            position += len(scheme)
    match = _TOKEN.match(plain, position)
    if match is None:
        return None
    raw, end = match[0], match.end()
    if plain.startswith("\n", end) and (gap := _BREAK_IN_NAME.match(plain, end)) is not None:
        rest = _TOKEN.match(plain, gap.end())
        if rest is not None:
            raw, end = raw + rest[0], rest.end()
    if not plain.startswith(quote, end):
        return _shortened(raw, end) if plain.startswith(("?", "***", "<", "$"), end) else None
    reference = _parse(raw)
    return (reference, end + 1) if reference is not None else None


def _shortened(raw: str, end: int, *, drop_tag: bool = False) -> Found | None:
    """A name whose digest is shortened, or whose tag is masked or may be cut: what stands before it is complete."""
    name = raw.removesuffix(":") if raw.endswith(":") else _CUT_DIGEST.sub("", raw)
    if drop_tag and name == raw:
        head, colon, tag = raw.rpartition(":")
        if not colon or "/" in tag or "@" in raw:
            return None
        name = head
    if name == raw and not drop_tag:
        return None
    reference = _parse(name)
    return (reference, end) if reference is not None else None


@lru_cache(maxsize=2048)
def _parse(name: str) -> ImageReference | None:
    """The reference, None where it is none or where somebody put a placeholder: MYREGISTRY.azurecr.io, ACCOUNT/app.

    Remembered: in a storm the same few images are named again and again.
    """
    try:
        reference = parse_reference(name)
    except InvalidReference:
        return None
    label = name.partition("/")[0].partition(".")[0]
    is_placeholder = label != label.lower() and reference.registry != DOCKER_HUB
    return None if is_placeholder else reference
