"""Which traces are written, and that errors are whatever the dice say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import events, run

from deadreckon import emit
from deadreckon.emit._sampling import Sampler

RATES = (0.0, 0.2, 0.6, 1.0)


def fail(name: str = "fails") -> None:
    """Write a span that fails."""
    with pytest.raises(ValueError, match="no"), emit.span(name):
        raise ValueError("no")


def test_a_share_of_the_traces_is_kept_whole_or_not_at_all(spool: SpoolFolder) -> None:
    """The spans of a trace share its fate, and say at which rate they were kept, so that counts can be scaled."""
    spool.configure(sample=0.3, ids=emit.SeededIds(1))
    before = emit.stats().unsampled
    for _ in range(1000):
        with emit.span("outer"), emit.span("inner"):
            pass
    outers, inners = spool.events("outer"), spool.events("inner")
    assert 250 < len(outers) < 350
    assert {event["trace_id"] for event in outers} == {event["trace_id"] for event in inners}
    assert {event["sample_rate"] for event in outers + inners} == {0.3}
    assert emit.stats().unsampled - before == 2000 - len(outers) - len(inners)


def test_the_trace_id_decides_so_that_every_process_decides_alike() -> None:
    """What is kept at a low rate is kept at every higher one."""
    ids = emit.SeededIds(7)
    traces = [ids.trace_id() for _ in range(1000)]
    kept = [{t for t in traces if Sampler(rate, (), keep_errors=True).decide("x", {}, t).sampled} for rate in RATES]
    assert [len(some) for some in kept[:1] + kept[-1:]] == [0, 1000]
    assert kept[0] < kept[1] < kept[2] < kept[3]


def test_everything_that_is_no_span_is_written(spool: SpoolFolder) -> None:
    """A contract or prediction is never dropped because its trace was."""
    spool.configure(sample=0)
    with emit.span("x"):
        emit.get_logger().info("log")
        emit.contract("c", passed=True, label="pre")
        emit.prediction({"y": 1})
    assert [event["kind"] for event in spool.events()] == ["log", "contract", "prediction"]


def test_errors_are_kept_with_the_spans_around_them(spool: SpoolFolder) -> None:
    """A fault that was handled further up is found with its whole way; its finished neighbours are not."""
    spool.configure(sample=0)
    with emit.span("root"), emit.span("middle"):
        with emit.span("fine"):
            pass
        fail()
    with emit.span("another"):
        pass
    assert [(event["event"], event["kept"]) for event in spool.events()] == [
        ("fails", "error"),
        ("middle", "error"),
        ("root", "error"),
    ]


def test_keeping_errors_can_be_switched_off(spool: SpoolFolder) -> None:
    """Then a trace that is not sampled writes no span at all."""
    spool.configure(sample=0, keep_errors=False)
    before = emit.stats().unsampled
    fail()
    assert emit.stats().unsampled == before + 1
    assert not spool.path.exists() or spool.events() == []


def test_the_first_rule_that_matches_the_first_span_decides(spool: SpoolFolder) -> None:
    """By name or by any field that is known when the trace begins; patterns as in a shell."""
    spool.configure(
        sample=0,
        sample_rules=[{"name": "health*", "rate": 0}, {"operation": "invoke_agent", "rate": 1}],
    )
    for name, agent in (("health.db", "a"), ("answer", "a"), ("answer", None)):
        with emit.span(name, agent=agent), emit.span("inside"):
            pass
    assert [event["event"] for event in spool.events()] == ["inside", "answer"]


def test_the_callers_decision_holds(spool: SpoolFolder) -> None:
    """A trace that was sampled elsewhere is written, one that was not is not, and the flag is passed on."""
    spool.configure(sample=0)
    ids = f"{'a' * 32}-{'b' * 16}"
    with emit.span("yes", traceparent=f"00-{ids}-01"):
        assert (emit.traceparent() or "").endswith("-01")
    spool.configure(sample=1)
    with emit.span("no", traceparent=f"00-{ids}-00"), emit.span("neither"):
        assert (emit.traceparent() or "").endswith("-00")
    assert [event["event"] for event in spool.events()] == ["yes"]


def test_binding_another_trace_leaves_the_decision_on_this_one(spool: SpoolFolder) -> None:
    """What was bound by hand says nothing of sampling, so its spans are written."""
    spool.configure(sample=0)
    with emit.span("x"), emit.bound(trace_id="c" * 32), emit.span("there"):
        pass
    assert [event["event"] for event in spool.events()] == ["there"]


def test_the_environment_says_it_before_the_first_span(tmp_path: Path) -> None:
    """Also for a program that configures nothing."""
    code = "from deadreckon import emit\nwith emit.span('x'): pass\nemit.event('y')"
    run(code, tmp_path / "spool", DEADRECKON_SAMPLE="0")
    assert [event["event"] for event in events(tmp_path / "spool")] == ["y"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample": 1.5},
        {"sample": "often"},
        {"sample": True},
        {"sample_rules": [{"rate": 0.5}]},
        {"sample_rules": [{"name": "x"}]},
        {"sample_rules": [{"name": "x", "rate": -1}]},
    ],
)
def test_what_cannot_be_a_rate_is_refused(spool: SpoolFolder, wrong: dict[str, Any]) -> None:
    """By configure, with the value."""
    with pytest.raises(ValueError, match=r"emit\.configure\(sample"):
        spool.configure(**wrong)


def test_a_sampled_event_is_plain_json_for_ingest(spool: SpoolFolder) -> None:
    """The rate is a number and lands among the attributes."""
    spool.configure(sample=0.999999)
    with emit.span("x"):
        pass
    assert json.loads(json.dumps(spool.event()))["sample_rate"] == 0.999999


def test_a_field_of_the_users_own_called_kept_is_no_reason_to_keep(spool: SpoolFolder) -> None:
    """It says something else."""
    spool.configure(sample=0)
    with emit.span("filter", kept=17):
        pass
    assert spool.events() == []
