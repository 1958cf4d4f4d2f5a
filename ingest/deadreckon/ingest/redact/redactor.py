"""What must not reach the disk, taken out of lines before anything else sees them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import numpy as np

from deadreckon.core.schema import alias_table
from deadreckon.core.settings import RedactionSettings
from deadreckon.ingest.redact.custom import Custom
from deadreckon.ingest.redact.escapes import encoded, lightened, undone
from deadreckon.ingest.redact.forms import FINDERS
from deadreckon.ingest.redact.keys import Keys
from deadreckon.ingest.redact.marks import Marks
from deadreckon.ingest.redact.prefilter import Prefilter
from deadreckon.ingest.redact.surgery import is_json
from deadreckon.ingest.redact.users import user_keys, users_of
from deadreckon.ingest.redact.values import Values

_BOM: Final = b"\xef\xbb\xbf"


class Redactor:
    """Removes the values of named keys, and secrets by their form, from JSON lines and from text.

    In mode mask a secret becomes `[email]`, in mode hash `[email:0123456789ab]`: 12 hex digits of HMAC-SHA-256 with the
    salt, the same for the same secret (an e-mail address in any case, a number however it is grouped).
    """

    def __init__(
        self,
        settings: RedactionSettings,
        environ: Mapping[str, str] = os.environ,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare. `aliases`: which keys are read into which column; ours by default.

        A user id in which a pattern finds something becomes the hash that is stored, not a mark: users stay apart.

        Raises:
            ConfigError: mode hash without a salt, or a custom pattern that is not a regular expression.
        """
        wanted = set[str](settings.patterns)
        self._marks = Marks(settings, environ)
        self._custom = [Custom(name, pattern) for name, pattern in settings.custom.items()]
        self._finders = {name: finder for name, finder in FINDERS.items() if name in wanted}
        self._keys = Keys(settings.keys)
        self._prefilter = Prefilter(settings.keys, list(self._finders), self._custom)
        salt = environ.get(settings.salt_env, "") if settings.user_id == "hash" else None
        self._users = users_of(user_keys(alias_table() if aliases is None else aliases), salt)
        self._everything = Values(self._keys, self._finders, self._custom, self._marks, self._users)
        self._some: dict[frozenset[str], Values] = {}
        self.active = bool(self._keys or self._finders or self._custom)

    def text(self, text: str) -> str:
        """Free text without the secrets that the patterns find."""
        return self._everything.text(text)

    def json_line(self, raw: bytes) -> bytes:
        """A line without its secrets, the same bytes where there are none. What is not JSON goes through `raw_text`."""
        return self._line(raw, self._everything) if self.active else raw

    def raw_text(self, text: str) -> str:
        """Text that is no JSON, perhaps a torn line: patterns everywhere, and `key: value` of named keys."""
        light = lightened(text)
        new = self._users.text(light, lambda bare: self.text(bare) != bare) if self._users else light
        new = self.text(self._keys.replace_in_text(new, self._new_value))
        if new == light:
            new = text
        plain = undone(new)
        if plain != new and (bare := self.raw_text(plain)) != plain:
            return bare  # a secret that escapes had hidden
        return new

    def _new_value(self, name: str, bare: str) -> str | None:
        return None if self._marks.is_mark(name, bare) else self._marks.mark(name, bare)

    def suspects(self, data: bytes | memoryview, starts: np.ndarray) -> np.ndarray:
        """The indices of lines that may hold a secret; every line that does is among them."""
        if not self.active or not len(starts):
            return np.empty(0, dtype=np.int64)
        return self._prefilter.look(data, starts).indices

    def lines_to_change(self, data: bytes | memoryview, starts: np.ndarray) -> dict[int, bytes]:
        """The lines of a chunk that hold secrets, without them and without their newline, by their index.

        `starts`: where lines start, int64, ascending.
        """
        changed: dict[int, bytes] = {}
        if not self.active or not len(starts):
            return changed
        suspicion = self._prefilter.look(data, starts)
        for index, names in suspicion.each():
            end = int(starts[index + 1]) if index + 1 < len(starts) else len(data)
            line = bytes(data[int(starts[index]) : end]).removesuffix(b"\n")
            new = self._line(line, self._values_for(names))
            if new != line:
                changed[index] = new
        return changed

    def _values_for(self, names: frozenset[str] | None) -> Values:
        if names is None:
            return self._everything
        values = self._some.get(names)
        if values is None:
            finders = {name: finder for name, finder in self._finders.items() if name in names}
            custom = self._custom if Prefilter.CUSTOM in names else []
            keys = self._keys if Prefilter.KEYS in names else Keys(())
            values = self._some[names] = Values(keys, finders, custom, self._marks, self._users)
        return values

    def _line(self, raw: bytes, values: Values) -> bytes:
        body = raw.removeprefix(_BOM)
        start = raw[: len(raw) - len(body)]
        if is_json(body):
            return start + values.line(body)
        text = body.decode("utf-8", "surrogateescape")
        new = self.raw_text(text)
        return raw if new == text else start + encoded(new)
