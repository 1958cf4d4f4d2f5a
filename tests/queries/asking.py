"""Questions to the views of a lake of a few rows, and the rows that most of them are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.queries.lakes import Row, at, make_lake

from deadreckon.core.settings import Settings
from deadreckon.queries.connection import binding_of
from deadreckon.queries.engine import Engine, Limits

Ask = Callable[..., list[tuple[Any, ...]]]
PRICES = {
    "fox": {
        "input_per_mtok": 2.0,
        "output_per_mtok": 10.0,
        "cache_read_per_mtok": 0.5,
        "cache_write_per_mtok": 4.0,
        "valid_from": "2026-06-10",
        "source": "list of June",
        "earlier": [{"input_per_mtok": 4.0, "output_per_mtok": 20.0, "source": "old list"}],
    },
    "fox-2": {"input_per_mtok": 1.0, "output_per_mtok": 1.0},
}


def answers(
    root: Path, sql: str, events: Iterable[Row], ledger: Iterable[Row] = (), prices: Mapping[str, Any] = PRICES
) -> list[tuple[Any, ...]]:
    """What a query says of a new lake of these events and ledger rows."""
    lake = make_lake(root, events, ledger)
    settings = Settings.model_validate({"prices": prices})
    engine = Engine(binding_of(lake.snapshot(), settings), Limits(**settings.query.model_dump()))
    try:
        return engine.answer(sql, {}).rows
    finally:
        engine.close()


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask a query of a lake that holds the given events and ledger rows."""
    lakes = count()
    return lambda sql, *rows: answers(tmp_path / str(next(lakes)), sql, *rows)


def span(span_id: str, **fields: Any) -> dict[str, Any]:
    """A finished span of trace t."""
    return {"kind": "span", "trace_id": "t", "span_id": span_id, "ts": at("12"), "duration_ms": 100.0, **fields}


def chat(span_id: str, **fields: Any) -> dict[str, Any]:
    """A call of a language model in trace t."""
    return span(span_id, **{"operation": "chat", "model": "fox", "model_version": "1", **fields})
