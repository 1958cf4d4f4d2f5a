"""Asking a server over HTTP for JSON: nothing but the standard library, with patience for what passes."""

from __future__ import annotations

import base64
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from deadreckon.core.errors import SourceError

TIMEOUT_S: Final = 60.0
PASSING: Final = frozenset({429, 500, 502, 503, 504})
"""What a server answers that may answer otherwise soon."""
_WAITS_S: Final = (0.5, 2.0, 5.0)


class RefusedError(SourceError):
    """The server answers, but not what was asked for; `code` is its status."""

    code = 0


class NotThereError(RefusedError):
    """The server does not know the path, or what was asked for."""

    code = 404


class _Stay(urllib.request.HTTPRedirectHandler):
    """Who asks is told to the server that was named, and to none that it leads to."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Not followed: the status is the answer."""


_OPENER: Final = urllib.request.build_opener(_Stay)


class Server:
    """A server of another tool."""

    def __init__(self, url: str, what: str, headers: Mapping[str, str]) -> None:
        """`what`: whose server it is, for people. A user and password in the URL are sent as such, and never shown."""
        parts = urllib.parse.urlsplit(url)
        self._headers = dict(headers)
        if parts.username:
            self._headers["Authorization"] = basic(
                urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or "")
            )
        host = parts.netloc.rpartition("@")[2]
        self.url = urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._what = what

    def get(self, path: str, passing: frozenset[int] = PASSING, **query: Any) -> Any:
        """What a path answers; a value that is a list is given as often as it has items.

        `passing`: statuses after which it is asked again.
        """
        asked = urllib.parse.urlencode({k: v for k, v in query.items() if v not in (None, "")}, doseq=True)
        return self._ask(f"{path}?{asked}" if asked else path, None, passing)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What a path answers to a body."""
        return self._ask(path, json.dumps({k: v for k, v in body.items() if v not in (None, "")}).encode())

    def _ask(self, path: str, body: bytes | None, passing: frozenset[int] = PASSING) -> Any:
        """The answer.

        Raises:
            NotThereError: 404.
            RefusedError: it answers another status.
            SourceError: the server cannot be reached, or answers something else than JSON.
        """
        headers = {**self._headers, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data=body, headers=headers)  # noqa: S310 - http or https, checked by who made us
        for wait in (*_WAITS_S, None):
            try:
                with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
                    content = answer.read()
                break
            except urllib.error.HTTPError as error:
                with error:
                    said = _said(error)
                if wait is None or error.code not in passing:
                    raise self._refused(path, error, said) from error
            except (http.client.HTTPException, ConnectionResetError) as error:  # it hung up
                if wait is None:
                    raise self._silent(error) from error
            except (OSError, ValueError) as error:
                raise self._silent(error) from error
            time.sleep(wait)
        try:
            return json.loads(content)
        except ValueError:
            raise SourceError(
                f"{self.url}{path.partition('?')[0]} answers something else than JSON; nothing was imported",
                hint=f"name the root of {self._what}: http://HOST:PORT",
            ) from None

    def _silent(self, error: Exception) -> SourceError:
        reason = getattr(error, "reason", None) or str(error).strip() or type(error).__name__
        return SourceError(
            f"{self.url} does not answer: {reason}; nothing was imported",
            hint=f"check the address and that {self._what} runs there",
        )

    def _refused(self, path: str, error: urllib.error.HTTPError, said: str) -> RefusedError:
        hint = f"see the log of {self._what}, and run the import again"
        if error.code in (401, 403):
            hint = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        if 300 <= error.code < 400:
            hint = f"it leads to {error.headers.get('Location')}: name the server that is there"
        where = f"{self.url}{path.partition('?')[0]}"
        refused = (NotThereError if error.code == 404 else RefusedError)(
            f"{where} answers {error.code}{f': {said}' if said else ''}; nothing was imported", hint=hint
        )
        refused.code = error.code
        return refused


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def mlflow_headers(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What MLflow's own client sends to say who asks, from the variables that it reads."""
    if token := environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := environ.get("MLFLOW_TRACKING_USERNAME"):
        return {"Authorization": basic(user, environ.get("MLFLOW_TRACKING_PASSWORD", ""))}
    return {}


def _said(error: urllib.error.HTTPError) -> str:
    try:
        content = error.read(10_000)
        found = json.loads(content)
        text = found.get("message") or found.get("error_code") or found.get("detail")
        return str(text)[:300] if text else ""
    except (OSError, ValueError, AttributeError):
        return ""
