"""What stands in the place of a secret."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import RedactionSettings
from deadreckon.ingest.redact.forms import Span

HASH_DIGITS: Final = 12


class Marks:
    """`[name]` in mode mask; `[name:0123456789ab]` in mode hash, the same for the same secret and salt."""

    def __init__(self, settings: RedactionSettings, environ: Mapping[str, str]) -> None:
        """Find the salt.

        Raises:
            ConfigError: mode hash has none.
        """
        self._salt: bytes | None = None
        if settings.mode == "hash":
            salt = environ.get(settings.salt_env, "")
            if not salt:
                raise ConfigError(
                    f"redaction.mode is hash, but the environment variable {settings.salt_env} is not set",
                    hint="keep a secret of your own there, the same wherever you ingest: "
                    f"export {settings.salt_env}=$(openssl rand -hex 16); or set redaction.mode to mask",
                )
            self._salt = salt.encode("utf-8", "surrogateescape")

    def mark(self, name: str, normal: str) -> str:
        """What to write in the place of a secret; `normal` is the form in which equal secrets are equal."""
        if self._salt is None:
            return f"[{name}]"
        code = hmac.new(self._salt, normal.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"[{name}:{code[:HASH_DIGITS]}]"

    @staticmethod
    def is_mark(name: str, text: str) -> bool:
        """Whether a text is such a mark already, as in a quarantined line that is replayed."""
        return re.fullmatch(rf"\[{re.escape(name)}(?::[0-9a-f]{{{HASH_DIGITS}}})?\]", text) is not None

    def replace(self, text: str, name: str, spans: Iterable[Span]) -> str:
        """The text with marks in the place of these secrets, which may overlap."""
        parts: list[str] = []
        kept = 0
        for span in sorted(spans, key=lambda s: (s.start, -s.end)):
            if span.start >= kept:
                parts += (text[kept : span.start], self.mark(name, span.normal))
            kept = max(kept, span.end)
        return "".join((*parts, text[kept:])) if parts else text
