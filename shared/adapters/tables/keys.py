r"""Keys for Azure Tables, because they may not hold `/ \ # ?` or control characters, and at most 1 KiB (documented).

A key that needs nothing stays readable. Everything else is written as `=XX` of its UTF-8 bytes, so that two different
texts never share a key; `%` is no escape, as some clients and proxies decode it on the way.
"""

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._:@-]")
_LONGEST = 400


def table_key(text: str) -> str:
    """The text as a partition or row key; different texts have different keys."""
    key = _UNSAFE.sub(lambda match: "".join(f"={byte:02X}" for byte in match[0].encode()), text)
    return key if len(key) <= _LONGEST else "=sha256=" + hashlib.sha256(text.encode()).hexdigest()
