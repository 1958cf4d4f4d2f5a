"""The events that each function writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit

CASES: dict[str, tuple[Callable[[], None], dict[str, Any]]] = {
    "metric": (
        lambda: emit.metric("loss", 0.25, step=3, fold=2, unit="nats"),
        {"kind": "metric", "event": "metric", "name": "loss", "value": 0.25, "step": 3, "fold": "2", "unit": "nats"},
    ),
    "prediction": (
        lambda: emit.prediction({"p": 0.9}, features={"age": 41}, request_id="r", model="m", model_version="1"),
        {
            "kind": "prediction",
            "event": "prediction",
            "outputs": {"p": 0.9},
            "features": {"age": 41},
            "request_id": "r",
            "model": "m",
            "model_version": "1",
        },
    ),
    "score by value": (
        lambda: emit.score("helpful", 0.5, source="judge", reason="vague", trace_id="a" * 32),
        {
            "kind": "score",
            "event": "score",
            "name": "helpful",
            "value": 0.5,
            "source": "judge",
            "reason": "vague",
            "trace_id": "a" * 32,
        },
    ),
    "score by label": (
        lambda: emit.score("tone", label="rude", source="human"),
        {"kind": "score", "event": "score", "name": "tone", "label": "rude", "source": "human"},
    ),
    "score of a check": (
        lambda: emit.score("is_json", value=True),
        {"kind": "score", "event": "score", "name": "is_json", "value": 1, "source": "code"},
    ),
    "feedback": (
        lambda: emit.feedback("thumb", -1, request_id="r"),
        {"kind": "feedback", "event": "feedback", "name": "thumb", "value": -1, "request_id": "r"},
    ),
    "decision": (
        lambda: emit.decision("next_tool", "search", options=("search", "answer"), reason="no source yet"),
        {
            "kind": "decision",
            "event": "decision",
            "name": "next_tool",
            "choice": "search",
            "options": ["search", "answer"],
            "reason": "no source yet",
        },
    ),
    "decision of structure": (
        lambda: emit.decision("plan", {"steps": 2}, options="one"),
        {"kind": "decision", "event": "decision", "name": "plan", "choice": '{"steps":2}', "options": ["one"]},
    ),
    "contract": (
        lambda: emit.contract("refund_limit", passed=True, label="policy"),
        {"kind": "contract", "event": "contract", "name": "refund_limit", "label": "policy", "passed": True},
    ),
    "broken contract": (
        lambda: emit.contract("refund_limit", passed=False, label="budget", action="refused"),
        {
            "kind": "contract",
            "event": "contract",
            "level": "error",
            "name": "refund_limit",
            "label": "budget",
            "passed": False,
            "action": "refused",
        },
    ),
    "artifact": (
        lambda: emit.artifact("weights", "s3://b/w.pt", content_hash="sha256:00", size_bytes=12),
        {
            "kind": "artifact",
            "event": "artifact",
            "name": "weights",
            "uri": "s3://b/w.pt",
            "content_hash": "sha256:00",
            "size_bytes": 12,
        },
    ),
    "stage": (
        lambda: emit.stage("canary", model="m", model_version="2", reason="passed", actor="ci"),
        {
            "kind": "stage",
            "event": "stage",
            "model": "m",
            "model_version": "2",
            "stage": "canary",
            "reason": "passed",
            "actor": "ci",
        },
    ),
    "any other": (
        lambda: emit.event("alert.firing", kind="alert", level="warn", labels={"rule": "p95"}),
        {"kind": "alert", "event": "alert.firing", "level": "warning", "labels": {"rule": "p95"}},
    ),
}
STAMPED = ("ts", "event_id", "service", "host", "pid")


@pytest.mark.parametrize("name", CASES)
def test_each_kind_writes_its_columns_and_nothing_else(spool: SpoolFolder, name: str) -> None:
    """The line holds exactly what was said, under the canonical names, beside the stamp."""
    write, expected = CASES[name]
    write()
    event = spool.event()
    assert {key: value for key, value in event.items() if key not in STAMPED} == {"level": "info", **expected}
    assert set(STAMPED) <= set(event)


@pytest.mark.parametrize("name", CASES)
def test_fields_of_the_users_own_stand_beside_the_columns(spool: SpoolFolder, name: str) -> None:
    """Bound fields and keywords are flat keys of the same line."""
    with emit.bound(tenant="t-1"):
        CASES[name][0]()
    assert spool.event()["tenant"] == "t-1"


def test_the_stamp_is_utc_with_microseconds_and_an_id_of_version_7(spool: SpoolFolder) -> None:
    """The time and the id have the form that the lake's columns are declared with."""
    before = datetime.now(UTC)
    emit.event("hello")
    after = datetime.now(UTC)
    event = spool.event()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["ts"])
    assert before.replace(microsecond=before.microsecond // 1000 * 1000) <= datetime.fromisoformat(event["ts"]) <= after
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", event["event_id"])


def test_several_metrics_of_a_step_are_an_event_each(spool: SpoolFolder) -> None:
    """One call in a training loop writes all figures of the step."""
    emit.metrics({"loss": 0.5, "acc": 0.8}, step=7)
    assert [(event["name"], event["value"], event["step"]) for event in spool.events()] == [
        ("loss", 0.5, 7),
        ("acc", 0.8, 7),
    ]


def test_a_metric_that_is_not_a_number_is_kept(spool: SpoolFolder) -> None:
    """A diverged loss is a fact worth having; JSON has no NaN, so it is written as the word."""
    for value in (float("nan"), float("inf"), float("-inf")):
        emit.metric("loss", value)
    assert [event["value"] for event in spool.events()] == ["NaN", "Infinity", "-Infinity"]


def test_what_is_none_is_left_out(spool: SpoolFolder) -> None:
    """An absent value is an absent key, not a null."""
    emit.metric("loss", None, step=None, note=None)
    assert {"value", "step", "note"}.isdisjoint(spool.event())


def test_an_event_may_bring_its_own_time_and_id(spool: SpoolFolder) -> None:
    """A retry that repeats the event_id is deduplicated; a datetime is written in the canonical form."""
    emit.event("old", ts=datetime(2026, 1, 2, 3, 4, 5, 67, tzinfo=UTC), event_id="mine")
    event = spool.event()
    assert (event["ts"], event["event_id"]) == ("2026-01-02T03:04:05.000067Z", "mine")


def test_arguments_of_any_type_raise_nothing(spool: SpoolFolder) -> None:
    """What is wrong is for ingest to say, not for a program that is doing its work."""
    rude: Any = Rude()
    emit.event(rude, kind=rude, level=rude)
    emit.event("x", kind="\ud800", level=None)  # type: ignore[arg-type]
    emit.metric(rude, rude, step=rude, fold=rude, unit=rude)
    emit.decision(rude, rude, options=7)  # type: ignore[arg-type]
    emit.decision("x", None, options=(n for n in range(2)))
    emit.artifact(rude, rude, size_bytes=rude)
    emit.prediction(rude, features=rude)
    emit.bind(trace_id=rude, user_id=rude, input=rude)
    with emit.run(rude, params=rude, versions=rude, seeds=rude, environment_pins=rude) as run:
        run.fold(rude, train_start=rude, train_end=rude, test_start=rude, test_end=rude)
    with emit.span(rude, operation=rude, traceparent=rude) as span:
        span.set(status=rude)
    emit.get_logger(rude).info(rude, rude, exc_info=rude)
    emit.clear()
    assert len(spool.events()) == 12
    assert not spool.events("emit.failed")


def test_fields_of_any_type_are_no_matter_to_sampling_and_budgets(spool: SpoolFolder) -> None:
    """Which look into them."""
    rude: Any = Rude()
    spool.configure(sample=0, sample_rules=[{"operation": "x*", "rate": 1}])
    with emit.budget("b", tokens=10, cost_usd=1.0) as budget:
        for odd in (rude, [], float("nan"), float("inf"), "many", -5, True, 1 << 70):
            with emit.span("x", operation=odd, agent=odd, input_tokens=odd, cost_usd=odd) as span:
                span.set(status=odd)
    assert budget.spent["tokens"] == 1


class Rude:
    """Raises whatever is asked of it."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__

    def __bool__(self) -> bool:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = object.__hash__


def test_a_disabled_emit_writes_nothing_and_breaks_nothing(spool: SpoolFolder) -> None:
    """Instrumented code runs unchanged where logs are not wanted."""
    spool.configure(enabled=False)
    for write, _ in CASES.values():
        write()
    with emit.run("train"), emit.span("step"):
        emit.get_logger().critical("no")
    assert not spool.path.exists()
