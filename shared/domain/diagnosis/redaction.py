"""Redaction: what a failure text may keep when it goes to logs, notices and pages.

Docker Hub prints the account's name and a session id in its refusal, clients print token requests with account names,
proxies print addresses with passwords. Redaction is applied to every piece of text that leaves the diagnosis.
"""

import re

_HIDDEN = "***"

_ACCOUNT = re.compile(
    # Folded, encoded in a query, quoted twice by YAML: more than a blank stands between the words and around the name.
    r"(?i)(limit[\s+]{1,32}as[\s+]{1,32})(?:[\"'`]{1,4}[^\"'`]{1,256}[\"'`]{0,4}|[^\"'`:\s]{1,256})"
    r"|(?<=[?&]account=)[^&\s\"']{1,256}|(?<=ratelimit-source: )[^\s,;\"']{1,128}"
)
_LIMIT_AS = re.compile(r"limit[\s+]{1,32}as[\s+]")
_DOCKER_TOKEN = re.compile(r"dckr_[a-z]{2,8}_[\w=.-]{1,512}")
_BASIC = re.compile(r"://[^\s/@\"'<>]{1,512}@")
_QUERY = re.compile(
    r"(?i)([?&](?:sig|signature|token|access_token|refresh_token|id_token|code|key|password|passwd|pwd|secret|client_secret|"
    r"sas|se|skoid|sktid|x-amz-[a-z-]{1,32}|x-goog-[a-z-]{1,32}|authorization|api[-_]?key)=)[^&\s\"'<>]{1,4096}"
)
_NAMED = re.compile(
    r"(?i)\b((?:authorization|proxy-authorization|x-registry-auth|password|passwd|identitytoken|secret|access[-_]?token|"
    r"refresh[-_]?token|registrytoken|api[-_]?key|accountkey|sharedaccesskey|token)[\"']?\s{0,4}[:=]\s{0,4}[\"']?)"
    r"(?:(?:basic|bearer)\s{1,4})?[^\s\"',;&]{1,4096}"
)
_SCHEME = re.compile(r"(?i)\b(basic|bearer)\s{1,4}[\w+/=.~-]{8,4096}")
_KEY = re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abp]-|eyJ)[\w.=-]{8,4096}|[A-Za-z0-9_+=-]{32,4096}")
_PREFIXES = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "eyJ")
_SHORTEST_KEY = 20
_RUN = re.compile(r"[a-z]{1,4096}|[A-Z]{1,4096}|[0-9]{1,4096}|[^A-Za-z0-9]{1,4096}")
_RUNS_OF_A_KEY = 0.42
_NAMES = (
    "token",
    "authorization",
    "passw",
    "secret",
    "key",
    "x-registry-auth",
    "bearer ",
    "basic ",
)


def redact(text: str) -> str:
    """The text with account names, tokens, passwords, signatures and secrets of query strings as `***`."""
    low = text.lower()
    if ("limit" in low and _LIMIT_AS.search(low)) or "account=" in low or "ratelimit-source" in low:
        text = _ACCOUNT.sub(lambda found: f"{found[1] or ''}{_HIDDEN}", text)
    if "dckr_" in low:
        text = _DOCKER_TOKEN.sub(_HIDDEN, text)
    if "@" in text and "://" in text:
        text = _BASIC.sub(f"://{_HIDDEN}@", text)
    if "?" in text:
        text = _QUERY.sub(rf"\1{_HIDDEN}", text)
    for name in _NAMES:
        if name in low:
            text = _NAMED.sub(rf"\1{_HIDDEN}", text)
            if "basic" in low or "bearer" in low:
                text = _SCHEME.sub(rf"\1 {_HIDDEN}", text)
            break
    for word in text.split():
        if len(word) >= _SHORTEST_KEY and not word.islower() and (hidden := _KEY.sub(_if_random, word)) != word:
            text = text.replace(word, hidden)
    return text


def _if_random(found: re.Match[str]) -> str:
    """A long unbroken word that often changes between capitals, small letters and digits is a key of some kind.

    Digests, GUIDs and names are not: in 32 random characters of Base64 about 20 runs are usual, in names of Azure's 12.
    """
    word = found[0]
    if word.startswith(_PREFIXES):
        return _HIDDEN
    if word.lower() == word or word.upper() == word or not any(c.isdigit() for c in word):
        return word
    return _HIDDEN if len(_RUN.findall(word)) > _RUNS_OF_A_KEY * len(word) else word
