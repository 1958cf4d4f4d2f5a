"""Processes are killed at random moments, and nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import chaos


@pytest.mark.fault
@pytest.mark.timeout(280)
def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    """Two ingesters and six producers, killed 24 times: every event that was written whole is in the lake once."""
    found = chaos.run(tmp_path, kills=24, seed=20261121)

    chaos.check(found)
    assert found.kills == 24
    assert len(found.done["event"]) > 1000
    assert found.duplicates > 0, "no retried event came through another file: the test lost its point"
    assert found.quarantined, "no garbage was written: the test lost its point"
