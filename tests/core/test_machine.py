"""How much memory there is, and what of it a query gets unless somebody says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deadreckon.core import settings
from deadreckon.core.machine import memory_bytes
from deadreckon.core.settings import QuerySettings

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(("said", "expected"), [("1000000000\n", 1_000_000_000), ("max\n", PHYSICAL), ("", PHYSICAL)])
def test_a_containers_bound_is_what_there_is(tmp_path: Path, said: str, expected: int) -> None:
    """Where it has none, or none that is a number, the machine's memory is."""
    bound = tmp_path / "memory.max"
    bound.write_text(said)
    assert memory_bytes((str(bound), str(tmp_path / "none"))) == expected


@pytest.mark.parametrize(
    ("have", "limit"),
    [(None, "1GB"), (512 << 20, "1GB"), (16_000_000_000, "4GB"), (25_769_803_776, "6GB"), (1 << 40, "8GB")],
)
def test_a_query_gets_a_quarter(monkeypatch: pytest.MonkeyPatch, have: int | None, limit: str) -> None:
    """At least 1 GB and at most 8; what somebody says counts."""
    monkeypatch.setattr(settings, "memory_bytes", lambda: have)
    assert QuerySettings().memory_limit == limit
    assert QuerySettings(memory_limit="300MB").memory_limit == "300MB"
