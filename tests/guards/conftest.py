"""The spool of emit's tests, with the guards' state beside it."""

from __future__ import annotations

from tests.emit.conftest import spool

__all__ = ["spool"]
