"""The dead-man's switch: a service that is asked after every evaluation, and raises the alarm when it is not."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from http.client import HTTPMessage
from threading import Thread
from typing import IO, Final
from urllib.parse import urlsplit, urlunsplit

TIMEOUT_S: Final = 10.0
"""How long a ping may hold up the monitor, looking up the host's name and slow answers included."""


def ping(url: str, *, failed: bool = False, timeout_s: float = TIMEOUT_S) -> str:
    """GET this URL, or `URL/fail` of an evaluation that failed; what went wrong, and nothing where all went well.

    It never raises, and what it returns never holds the URL: whoever knows that can keep the switch quiet.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        host = None
    if not host:
        return "it is no http or https URL"
    if failed:
        parts = parts._replace(path=parts.path.rstrip("/") + "/fail")
    outcome: list[str] = []
    # A socket's timeout begins anew with each byte, and looking up a name has none: only a thread can be left behind.
    asking = Thread(target=lambda: outcome.append(_ask(urlunsplit(parts), timeout_s)), daemon=True)
    asking.start()
    asking.join(timeout_s)
    return outcome[0] if outcome else f"it did not answer within {timeout_s:g} s"


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host, and none from https to http: the URL is a secret of the two."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.hostname != before.hostname or (before.scheme, after.scheme) == ("https", "http"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _ask(url: str, timeout_s: float) -> str:
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "reckon"})  # noqa: S310  # `ping` looked at it
        with urllib.request.build_opener(_SameHost).open(request, timeout=timeout_s):
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        elsewhere = ", a redirect that is not followed" if 300 <= error.code < 400 else ""
        return f"it answered {error.code}{elsewhere}"
    except TimeoutError:
        return f"it did not answer within {timeout_s:g} s"
    except Exception as error:  # noqa: BLE001  # whatever it is, the evaluation was made
        return _reason(error)


def _reason(error: Exception) -> str:
    # Only texts that cannot hold the URL: those of the system and of TLS, else the name of the error.
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {cause.reason}"
    if isinstance(cause, TimeoutError):
        return "it could not be reached in time"
    if isinstance(cause, OSError) and cause.strerror:
        return f"it could not be reached: {cause.strerror}"
    return f"it could not be asked: {type(cause).__name__}"
