"""Secrets of the sinks: read from the environment, and taken out of everything that is said or kept."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from deadreckon.core.errors import ConfigError
from deadreckon.core.sinks import SinkBase

MASK: Final = "[secret]"
LEAST: Final = 6
"""Characters of a part of a URL that may be a token; shorter ones are words of other texts, too."""


class Credentials:
    """The values of the environment variables that sinks name."""

    def __init__(self, sinks: Iterable[SinkBase], environ: Mapping[str, str]) -> None:
        """Read every variable.

        Raises:
            ConfigError: one is not set, or is empty.
        """
        self._values: dict[str, str] = {}
        for sink in sinks:
            for key, variable in sink.secrets().items():
                if not (value := environ.get(variable, "").strip()):
                    raise ConfigError(
                        f"sink {sink.name!r} wants the environment variable {variable} ({key}), which is not set",
                        hint="set it where reckon monitor runs: a secret never stands in deadreckon.toml",
                    )
                self._values[variable] = value
        forms = {form for value in self._values.values() for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def __getitem__(self, variable: str) -> str:
        return self._values[variable]

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self._values))})"

    def scrub(self, text: str) -> str:
        """The text without any secret, as it is or as it is written on the wire."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return text


def _forms(value: str) -> set[str]:
    encoded = base64.b64encode(value.encode()).decode()
    forms = {value, encoded, quote(value), quote(value, safe="")}
    if value.startswith(("http://", "https://")):
        parts = urlsplit(value)
        # The path and query of a secret URL are what makes it one.
        forms |= {form for form in (f"{parts.path}?{parts.query}", parts.path, parts.query) if len(form) > 3}
    elif "://" in value:  # apprise's: any part of it may be a token
        parts_of_it = re.split(r"[/:@?&=,]+", value.partition("://")[2])
        forms |= {form for part in parts_of_it for form in (part, unquote(part)) if len(form) >= LEAST}
    return {form for form in forms if form}
