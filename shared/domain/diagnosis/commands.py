"""The word "pull" as an introduction: in commands (`docker pull X`) and in sentences (`failed to pull X`)."""

import re

from shared.domain.diagnosis.names import FAILED, NOT_NAMES, STARTED, Mention, is_a_name, name_at, with_spoken_tag
from shared.domain.diagnosis.unwrapping import Text

_NO_NAME_FOLLOWS = (" image", " and ", " rate", "ed ", "ing image", " qps", "backoff")
# Compose is not among them: what it pulls are services.
_COMMAND = re.compile(
    r"\b(?:docker|podman|nerdctl|crictl|crane|buildah|oras|helm|docker image|ctr [^\n]{0,80}i(?:mages?)?)"
    r"(?: --?[\w.-]{1,40}(?:[ =][^\s]{1,200})?){0,8} $"
)
_WITH_VALUE = (
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
_WHAT = re.compile(r"(?: repository| artifact| container| ref| base| oci artifact| for)? ")
_SERVICE_AND_IMAGE = re.compile(r"[\w.-]{1,64} \((?=[^)\s]{1,512}\))")
_FAILED_TO = ("failed to ", "unable to ", "error ", "could not ", "while ", "cannot ")
_LOOK_BACK = 300
_MOST_ARGUMENTS = 8


def after_pull(text: Text, start: int, end: int) -> Mention | None:
    """The image that a command or a sentence with "pull" or "pulling" names."""
    low = text.low
    if low.startswith(_NO_NAME_FOLLOWS, end) or low[start - 1 : start].isalnum():
        return None
    running = low.startswith("ing", end)
    end += 3 if running else 0
    what = _WHAT.match(low, end)
    if what is None:
        return None
    at = what.end()
    service = _SERVICE_AND_IMAGE.match(low, at)
    if service is not None:
        return _argument_at(text, service.end())
    if not running and _COMMAND.search(low, max(0, start - _LOOK_BACK), start):
        return _argument(text, at)
    return _sentence(text, start, at, artifact=low.startswith(" artifact", end))


def _sentence(text: Text, start: int, at: int, *, artifact: bool) -> Mention | None:
    """A name in a sentence, which must not be a plain word; oras and its users name artifacts without the registry."""
    found = name_at(text, at)
    if found is None or not is_a_name(text.plain[at : found[1]].strip("\"'`"), bare_allowed=False):
        return None
    failed = text.low[max(0, start - 16) : start].endswith(_FAILED_TO)
    return Mention(at, with_spoken_tag(text, found), FAILED if failed else STARTED, failed, artifact)


def _argument(text: Text, position: int) -> Mention | None:
    """The image among a command's arguments: the first that is no flag and no flag's value."""
    for _ in range(_MOST_ARGUMENTS):
        if not text.plain.startswith("-", position):
            return _argument_at(text, position)
        gap = text.plain.find(" ", position)
        if gap < 0:
            return None
        if text.plain.startswith(_WITH_VALUE, position) and "=" not in text.plain[position:gap]:
            gap = text.plain.find(" ", gap + 1)
            if gap < 0:
                return None
        position = gap + 1
    return None


def _argument_at(text: Text, position: int) -> Mention | None:
    found = name_at(text, position, loose=True)
    if found is None or text.low[position : found[1]].rstrip(".:") in NOT_NAMES:
        return None
    return Mention(position, with_spoken_tag(text, found), STARTED)
