"""The running app, asked over HTTP with a function key: what only it can know or do."""

import http.client
import json
import os
import ssl
from typing import Any
from urllib.parse import urlsplit

from shared.domain.json_reader import read_json
from shared.errors import PermanentError

KEY_SETTING = "CACHEWARDEN_FUNCTION_KEY"
"""The environment variable with the function key; a key on a command line would end in the shell's history."""

_TIMEOUT_S = 30
_OK = 300


class AppUnreachable(PermanentError):
    """The app can't be asked, or refuses."""

    code = "app_unreachable"
    hint = f"Look at --url, and at the function key in the environment variable {KEY_SETTING}."


def ask_app(url: str, path: str, body: object = None) -> dict[str, Any]:
    """What the app answers to a GET, or to a POST of a body; `path` is quoted already and follows `/api/`.

    Raises:
        AppUnreachable: it can't be asked, or refuses.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AppUnreachable(f"--url is no address: {error}") from error
    local = host in {"localhost", "127.0.0.1", "::1"}
    if not host or (parts.scheme != "https" and not (local and parts.scheme == "http")):
        raise AppUnreachable(f"--url: found {url!r}; expected an https address, the function key goes nowhere else")
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)  # type: ignore[assignment]
    headers = {"x-functions-key": os.environ.get(KEY_SETTING, ""), "Content-Type": "application/json"}
    try:
        method, content = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, f"{parts.path.rstrip('/')}/api/{path}", content, headers)
        response = connection.getresponse()
        answer = read_json(response.read() or b"{}", dict[str, Any])
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AppUnreachable(f"the app at {host} can't be asked: {type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if response.status >= _OK:
        detail = answer.get("detail") or response.reason
        raise AppUnreachable(f"the app answers {response.status}: {detail}", hint=answer.get("hint"))
    return answer
