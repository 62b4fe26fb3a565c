"""Introductions: the words that runtimes and tools put before an image's name, each with the form in which the name follows."""

import re
from collections.abc import Callable

from shared.domain.diagnosis.names import FAILED, SEEN, STARTED, Mention, name_at
from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import ImageReference, InvalidReference, parse_reference

_AFTER_IMAGE = re.compile(r"(?:name|s)?(?:[\"']?[:=] {0,4}|[ :=]{1,4}|(?=[\"'`]))")
_COMPOSE_ERROR = re.compile(r"[ \t]{1,60}error ")
_QUOTES = "\"'`"
_NOT_NAMES = frozenset(
    ["and", "are", "as", "at", "after", "back", "because", "been", "before", "by", "cannot", "complete", "configuration", "could", "daemon", "data", "denied", "does", "error", "err", "errors", "event", "events", "exists", "failed", "failure", "failing", "failures", "fetch", "for", "from", "had", "has", "have", "id", "in", "index", "info", "into", "is", "it", "its", "layer", "layers", "limit", "limits", "list", "locally", "log", "manifest", "manifests", "mirror", "name", "names", "not", "of", "on", "or", "policy", "process", "processing", "progress", "pull", "pulled", "pulling", "pulls", "qps", "rate", "ref", "reference", "registry", "repo", "repository", "request", "returned", "rpc", "secret", "service", "size", "source", "still", "tag", "tags", "that", "the", "this", "time", "to", "type", "unable", "unauthorized", "unexpected", "unknown", "using", "via", "was", "were", "when", "which", "while", "will", "with", "canceled", "cancelled", "context", "dockerfile", "eof", "executor", "granting", "internal", "timeout", "toomanyrequests", "deadlineexceeded"]
)
_COMMAND = re.compile(
    r"\b(?:docker|podman|nerdctl|crictl|crane|buildah|oras|helm|compose|docker image|ctr [^\n]{0,80}i(?:mages?)?)(?: --?[\w.-]{1,40}(?:[ =][^\s]{1,200})?){0,8} $"
)
_FLAGS_WITH_VALUE = (
    "--platform",
    "--version",
    "--username",
    "--password",
    "--creds",
    "-u",
    "-p",
    "--policy",
    "--authfile",
    "--namespace",
)
_STAGE = re.compile(r"\bas ([\w.-]{1,64})\s{0,4}(?:$|\n)")
_FROM = re.compile(r"(?:--platform=\S{1,100} )?(?=[A-Za-z0-9\"'])")
_SERVICE_AND_IMAGE = re.compile(r"[\w.-]{1,64} \((?=[^)\s]{1,512}\))")
_PULL_WHAT = re.compile(r"(?: repository| artifact| container| ref| base| oci artifact)? ")
_TAG_WORDS = re.compile(r"[\"'`]? (?:with|at) (?:tag|version) [\"'`]?([A-Za-z0-9_][\w.+-]{0,127})")
_READING = re.compile(r"(\S{1,200}) in (?=[A-Za-z0-9])")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}$")
_TAG = re.compile(r"[A-Za-z0-9_][\w.-]{0,127}$", re.ASCII)
_PULLING_TAG = re.compile(r"([A-Za-z0-9_][\w.-]{0,127}): $", re.ASCII)
_QUERY_TAG = re.compile(r"[?&]tag=(sha256:[0-9a-f]{64}|[A-Za-z0-9_][\w.-]{0,127})", re.ASCII)
_JIB = re.compile(r"[:@]?\S{0,200} from ([a-z0-9.-]{1,255}(?::\d{1,5})?)")


type Reader = Callable[[Text, int, int], Mention | None]
"""Reads one mention: the text, where the introducing words stand, and where they end."""


def _plain(weight: int, *, heads: bool = False, loose: bool = False) -> Reader:
    """A name, quoted or not, right after the words."""

    def read(text: Text, _start: int, end: int) -> Mention | None:
        found = name_at(text, end, loose=loose)
        return Mention(end, found[0], weight, heads) if found is not None else None

    return read


def _after_image(text: Text, start: int, end: int) -> Mention | None:
    """`image "X"`, `image: X`, `image X: reason`, `imageName=X`; the words before say whether it failed."""
    low = text.low
    gap = _AFTER_IMAGE.match(low, end)
    if gap is None or low[start - 1 : start].isalnum():
        return None
    at = gap.end()
    found = name_at(text, at)
    if found is None:
        return None
    reference, after = found
    weight, heads, pulls = _what_before(low[max(0, start - 24) : start].rstrip(" "))
    if weight == 0:
        return None
    if low[at] not in _QUOTES and not _is_a_name(text.plain[at:after], bare_allowed=pulls):
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
        failed = before.endswith(("back-off pulling", "error pulling"))
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


def _is_a_name(raw: str, *, bare_allowed: bool) -> bool:
    """Whether a word after "image" is a name and not the next word of the sentence."""
    name = raw.rstrip(".:/-_@")
    if "/" in name or ":" in name or "@" in name:
        return True
    return bare_allowed and name.lower() not in _NOT_NAMES and (raw != name or "." in name)


def _after_solve(text: Text, _start: int, end: int) -> Mention | None:
    """BuildKit: `failed to solve: X: reason`; the reason alone has the same shape, so it must not be one of its words."""
    found = name_at(text, end)
    if found is None:
        return None
    reference, after = found
    raw = text.plain[end:after]
    if not raw.endswith(":") and after < len(text.plain):
        return None
    return Mention(end, reference, FAILED, heads=True) if _is_a_name(raw, bare_allowed=True) else None


def _with_separator(weight: int) -> Reader:
    """A name that must have a slash, a tag or a digest, since a plain word can follow as well."""

    def read(text: Text, _start: int, end: int) -> Mention | None:
        found = name_at(text, end)
        if found is None or not _is_a_name(text.plain[end : found[1]].strip("\"'`"), bare_allowed=False):
            return None
        return Mention(end, found[0], weight)

    return read


def _after_from(text: Text, start: int, end: int) -> Mention | None:
    """A Dockerfile's FROM, in capitals; a stage that the same file names is no image."""
    if not text.plain.startswith("FROM ", start) or text.low[start - 1 : start].isalnum():
        return None
    gap = _FROM.match(text.plain, end)
    found = name_at(text, gap.end(), loose=True) if gap is not None else None
    if found is None or gap is None:
        return None
    raw = text.low[gap.end() : found[1]]
    if raw == "scratch" or raw in {stage[1] for stage in _STAGE.finditer(text.low)}:
        return None
    return Mention(gap.end(), found[0], STARTED)


def _after_pull(text: Text, start: int, end: int) -> Mention | None:
    """`docker pull X`, `failed to pull X`, `Pulling web (X)...`, `Trying to pull X...`, `unable to pull artifact X with tag T`."""
    low = text.low
    if (
        low.startswith((" image", " and ", " rate", "ed ", "ing image", " qps", "backoff"), end)
        or low[start - 1 : start].isalnum()
    ):
        return None
    running = low.startswith("ing", end)
    end += 3 if running else 0
    what = _PULL_WHAT.match(low, end)
    if what is None:
        return None
    at = what.end()
    service = _SERVICE_AND_IMAGE.match(low, at)
    if service is not None:
        return _mention(text, service.end(), STARTED, loose=True)
    if not running and _COMMAND.search(low, max(0, start - 300), start):
        return _argument(text, at)
    found = name_at(text, at)
    if found is None or not _is_a_name(text.plain[at : found[1]].strip("\"'`"), bare_allowed=False):
        return None
    failed = low[max(0, start - 16) : start].endswith(
        ("failed to ", "unable to ", "error ", "could not ", "while ", "cannot ")
    )
    artifact = low.startswith(" artifact", end)  # oras and its users name artifacts without the registry
    return Mention(at, _with_spoken_tag(text, found), FAILED if failed else STARTED, failed, artifact)


def _argument(text: Text, position: int) -> Mention | None:
    """The image among a command's arguments: the first that is no flag and no flag's value."""
    for _ in range(8):
        if not text.plain.startswith("-", position):
            return _mention(text, position, STARTED, loose=True)
        gap = text.plain.find(" ", position)
        if gap < 0:
            return None
        if text.plain.startswith(_FLAGS_WITH_VALUE, position) and "=" not in text.plain[position:gap]:
            gap = text.plain.find(" ", gap + 1)
            if gap < 0:
                return None
        position = gap + 1
    return None


def _mention(text: Text, position: int, weight: int, *, loose: bool) -> Mention | None:
    found = name_at(text, position, loose=loose)
    if found is None or text.low[position : found[1]].rstrip(".:") in _NOT_NAMES:
        return None
    return Mention(position, _with_spoken_tag(text, found), weight)


def _with_spoken_tag(text: Text, found: tuple[ImageReference, int]) -> ImageReference:
    """The reference with a tag that follows in words: `X with tag 1.2`, `"X" at version "1.2"`."""
    reference, after = found
    spoken = _TAG_WORDS.match(text.plain, after)
    if spoken is None or reference.tag is not None or reference.digest is not None:
        return reference
    return ImageReference(reference.registry, reference.repository, spoken[1])


def _after_scheme(text: Text, start: int, end: int) -> Mention | None:
    """`docker://X` and `oci://X`; what a copy writes to is not what it reads."""
    before = text.low[max(0, start - 24) : start].rstrip(" \"'`")
    if before.endswith(("http+", "https+", "destination", " to", "pushing")):
        return None
    found = name_at(text, end, loose=True)
    if found is None:
        return None
    weight = FAILED if before.endswith(("source", "ref", "download", "pull", "pulling", "for", "from")) else SEEN
    return Mention(end, _with_spoken_tag(text, found), weight)


def _reading_manifest(text: Text, _start: int, end: int) -> Mention | None:
    """containers/image: `reading manifest TAG in HOST/NAME: reason`; the digest of a platform's manifest is looked up."""
    words = _READING.match(text.plain, end)
    found = name_at(text, words.end()) if words is not None else None
    if words is None or found is None:
        return None
    reference, _ = found
    if _DIGEST.match(words[1]):
        return Mention(
            words.end(), ImageReference(reference.registry, reference.repository, None, words[1]), FAILED, derived=True
        )
    tag = words[1] if _TAG.match(words[1]) else None
    return Mention(words.end(), ImageReference(reference.registry, reference.repository, tag), FAILED)


def _pulling_from(text: Text, start: int, end: int) -> Mention | None:
    """Docker: `TAG: Pulling from PATH`, without the registry's name."""
    tag = _PULLING_TAG.search(text.plain, max(0, start - 132), start)
    found = name_at(text, end, loose=True)
    if tag is None or found is None or text.low.startswith("host ", end):
        return None
    reference = found[0]
    return Mention(end, ImageReference(reference.registry, reference.repository, tag[1]), SEEN, path_only=True)


def _create_request(text: Text, _start: int, end: int) -> Mention | None:
    """The engine's API: `/images/create?fromImage=X&tag=T`, in either order."""
    found = name_at(text, end, loose=True)
    if found is None:
        return None
    reference, after = found
    tag = _QUERY_TAG.search(text.plain, max(0, end - 220), end) or _QUERY_TAG.match(text.plain, after)
    if tag is None or reference.tag is not None or reference.digest is not None:
        return Mention(end, reference, STARTED)
    is_digest = tag[1].startswith("sha256:")
    full = ImageReference(
        reference.registry, reference.repository, None if is_digest else tag[1], tag[1] if is_digest else None
    )
    return Mention(end, full, STARTED)


def _jib_manifest(text: Text, start: int, end: int) -> Mention | None:
    """`manifest for X not found`, and Jib's `manifest for PATH:TAG from HOST`."""
    found = name_at(text, end)
    if found is None or text.low.endswith("no matching ", 0, start):
        return None
    reference, after = found
    host = _JIB.match(text.plain, after) if text.plain.startswith(" from ", after) else None
    if host is None:
        return Mention(end, reference, FAILED, heads=True)
    try:
        bare = parse_reference(f"{host[1]}/{text.plain[end:after]}")
    except InvalidReference:
        return None
    return Mention(end, bare, FAILED, heads=True)


type Introduction = tuple[str, Reader]

INTRODUCTIONS: tuple[tuple[str, tuple[Introduction, ...]], ...] = (
    ("image", (("image", _after_image),)),
    ("pull", (("pull", _after_pull), ("pulling from ", _pulling_from))),
    (
        "resolve ",
        (
            ("reference ", _plain(FAILED)),
            ("resolve ref ", _plain(FAILED)),
            ("failed to resolve ", _with_separator(FAILED)),
        ),
    ),
    ("failed to solve: ", (("failed to solve: ", _after_solve),)),
    ("metadata for ", (("source metadata for ", _plain(FAILED)), ("load metadata for ", _plain(STARTED, loose=True)))),
    ("from", (("from ", _after_from), ("--from=", _with_separator(STARTED)), ("fromimage=", _create_request))),
    (
        "manifest ",
        (
            ("manifest for ", _jib_manifest),
            ("reading manifest ", _reading_manifest),
            ("fetching manifest ", _plain(FAILED)),
        ),
    ),
    ("docker://", (("docker://", _after_scheme),)),
    ("oci://", (("oci://", _after_scheme),)),
    ("denied for ", (("access denied for ", _plain(FAILED)),)),
    (" value", (("flag value ", _plain(FAILED)), ("invalid value: ", _with_separator(FAILED)))),
    ("lookup failed: ", (("lookup failed: ", _plain(FAILED)),)),
    ("signing [", (("signing [", _plain(FAILED)),)),
    ("docker hub: ", (("docker hub: ", _plain(STARTED)),)),
    ("repository=", (("repository=", _with_separator(SEEN)),)),
    ("--source ", (("--source ", _with_separator(SEEN)),)),
    ("`", (("`", _with_separator(SEEN)),)),
)
"""By a part that all introductions of a group contain, so that most texts are done with most groups after one search."""
