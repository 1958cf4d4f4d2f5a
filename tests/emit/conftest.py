"""A spool of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.emit import spools

from deadreckon import emit
from deadreckon.emit._emitter import EMITTER


class SpoolFolder:
    """The configured spool of a test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.configure()

    def configure(self, **more: Any) -> None:
        """Configure emit anew, writing here."""
        emit.configure(
            **{"directory": self.path, "fallback": self.path.with_name("fallback"), "service": "test", **more}
        )

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the events so far, those called `name` if given."""
        found = spools.events(self.path)
        return [event for event in found if name in (None, event["event"])]

    def event(self) -> dict[str, Any]:
        """Return the only event."""
        (only,) = self.events()
        return only


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpoolFolder]:
    """Configure emit to write below the test's directory, with nothing bound."""
    for name in ("SPOOL", "SPOOL_FALLBACK", "SALT", "SERVICE", "ENVIRONMENT", "LEVEL", "CAPTURE", "EMIT"):
        monkeypatch.delenv(f"DEADRECKON_{name}", raising=False)
    emit.clear()
    yield SpoolFolder(tmp_path / "spool")
    emit.clear()
    emit.close()
    emit.configure(enabled=False)
    EMITTER._unwritten.restart()  # of the whole process, which runs other tests
