"""Spans for trees, without a lake."""

from __future__ import annotations

from datetime import timedelta

from tests.dashboard.lakes import NOON

from deadreckon.dashboard.services.tree import Span


def step(span_id: str | None, parent: str | None = None, ms: float = 0.0, duration: float | None = 10.0) -> Span:
    """A span at so many milliseconds after noon."""
    begun = NOON + timedelta(milliseconds=ms)
    return Span(
        event_id=f"{span_id}-{ms}",
        ts=begun,
        end_ts=begun,
        duration_ms=duration,
        span_id=span_id,
        parent_span_id=parent,
        name=span_id,
        operation=None,
        status="ok",
        error_type=None,
        agent=None,
        tool=None,
        model=None,
        model_version=None,
        attempt=None,
        is_model_call=False,
        input_tokens=None,
        output_tokens=None,
        ttft_ms=None,
        cost_usd=None,
        cost_source=None,
    )
