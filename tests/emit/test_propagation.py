"""A trace goes through headers, environments, threads and processes."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import events, run

from deadreckon import emit

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{SPAN}-01"


def test_inject_and_extract_are_each_others_inverse(spool: SpoolFolder) -> None:
    """Over headers, with what the vendor of the caller put into tracestate."""
    with emit.span("server", traceparent=HEADER, tracestate="vendor=a, other=b") as server:
        headers = emit.inject({"accept": "*/*"})
        assert headers == {"accept": "*/*", "traceparent": server.traceparent, "tracestate": "vendor=a,other=b"}
        with emit.span("child"):
            assert emit.inject()["tracestate"] == "vendor=a,other=b"
    with emit.span("next", **emit.extract(headers)):
        pass
    assert [event["trace_id"] for event in spool.events()] == [TRACE] * 3
    assert spool.events("server")[0]["parent_span_id"] == SPAN
    assert spool.events("next")[0]["parent_span_id"] == server.span_id
    assert emit.inject({}) == {}


@pytest.mark.parametrize(
    "carrier",
    [
        {"Traceparent": HEADER, "TraceState": "a=1"},
        [(b"traceparent", HEADER.encode()), (b"tracestate", b"a=1")],
        {"HTTP_TRACEPARENT": HEADER, "HTTP_TRACESTATE": "a=1"},
        {"TRACEPARENT": HEADER, "TRACESTATE": "a=1", "PATH": "/bin"},
        [("traceparent", HEADER), ("tracestate", "a=1"), ("cookie", "x")],
    ],
)
def test_extract_reads_what_servers_hand_over(carrier: Any) -> None:
    """Mappings, ASGI's pairs of bytes, WSGI's environment, a process's environment."""
    assert emit.extract(carrier) == {"traceparent": HEADER, "tracestate": "a=1"}


@pytest.mark.parametrize(
    "header",
    [
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-zz",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"0g-{TRACE}-{SPAN}-01",
        "",
    ],
)
def test_a_header_that_is_none_is_ignored(spool: SpoolFolder, header: str) -> None:
    """As W3C asks; tracestate goes with it."""
    assert emit.extract({"traceparent": header, "tracestate": "a=1"}) == {}
    with emit.span("x", traceparent=header):
        pass
    assert "parent_span_id" not in spool.event()


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """It may say more behind what it says now."""
    header = f"01-{TRACE}-{SPAN}-01-more"
    assert emit.extract({"traceparent": header}) == {"traceparent": header}


def test_two_different_traceparents_are_none() -> None:
    """Nobody knows which is meant."""
    assert emit.extract([("traceparent", HEADER), ("Traceparent", HEADER)]) == {}


def test_several_tracestates_are_one(spool: SpoolFolder) -> None:
    """HTTP allows a list to be sent in parts."""
    found = emit.extract([("traceparent", HEADER), ("tracestate", "a=1"), ("tracestate", "b=2")])
    assert found["tracestate"] == "a=1,b=2"


@pytest.mark.parametrize("state", ["a=1\r\nx-evil: 1", "ä=1", "novalue"])
def test_a_tracestate_that_is_none_is_not_sent_on(spool: SpoolFolder, state: str) -> None:
    """It would go into the headers of somebody else's request."""
    with emit.span("x", traceparent=HEADER, tracestate=state):
        assert "tracestate" not in emit.inject()


def test_a_long_tracestate_is_cut_between_members(spool: SpoolFolder) -> None:
    """The first ones are the newest."""
    with emit.span("x", traceparent=HEADER, tracestate=",".join(f"key{n}={'v' * 50}" for n in range(40))):
        sent = emit.inject()["tracestate"]
    assert len(sent) <= 512
    assert sent.startswith("key0=")
    assert all("=" in member for member in sent.split(","))


def test_a_subprocess_continues_the_trace(spool: SpoolFolder, tmp_path: Path) -> None:
    """Through its environment, in which a stale one is replaced."""
    code = """
import os
from deadreckon import emit
with emit.span("child", **emit.extract(os.environ)):
    pass
"""
    with emit.span("parent") as parent:
        env = emit.environ({"TRACEPARENT": "stale", "TRACESTATE": "stale=1"})
    assert env == {"TRACEPARENT": parent.traceparent}
    run(code, tmp_path / "child", **env)
    (child,) = events(tmp_path / "child")
    assert (child["trace_id"], child["parent_span_id"]) == (parent.trace_id, parent.span_id)
    assert emit.environ()["PATH"] == os.environ["PATH"]


def work(number: int) -> int:
    """Write a span, in whatever process this is."""
    with emit.span("work", number=number):
        return number * 2


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_pool_continues_the_trace(spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """`carry` goes to other processes, however they are started; workers write files of their own."""
    monkeypatch.setenv("DEADRECKON_SPOOL", str(spool.path))
    context = multiprocessing.get_context(method)
    pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=context)
    with pool, emit.bound(request_id="r-1"), emit.span("parent") as parent:
        assert list(pool.map(emit.carry(work), range(4))) == [0, 2, 4, 6]
    found = spool.events("work")
    assert {(event["trace_id"], event["parent_span_id"], event["request_id"]) for event in found} == {
        (parent.trace_id, parent.span_id, "r-1")
    }
    assert os.getpid() not in {event["pid"] for event in found}
    assert len({event["span_id"] for event in found}) == 4


def test_a_thread_pool_continues_the_trace(spool: SpoolFolder) -> None:
    """Each thread's spans are children of the one that was open when the work was handed over."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool, emit.span("parent") as parent:
        carried: Callable[[int], int] = emit.carry(work)
        assert list(pool.map(carried, range(20))) == [n * 2 for n in range(20)]
    assert {event["parent_span_id"] for event in spool.events("work")} == {parent.span_id}


def test_a_span_that_a_fork_duplicated_is_written_once(tmp_path: Path) -> None:
    """By the process that began it; the child's own spans are its children."""
    code = """
import os, sys
from deadreckon import emit
with emit.span("parent"):
    pid = os.fork()
    if not pid:
        with emit.span("child"):
            pass
if pid:
    os.waitpid(pid, 0)
"""
    run(code, tmp_path / "spool")
    found = events(tmp_path / "spool")
    assert sorted(event["event"] for event in found) == ["child", "parent"]
    (parent,) = [event for event in found if event["event"] == "parent"]
    (child,) = [event for event in found if event["event"] == "child"]
    assert child["parent_span_id"] == parent["span_id"]
    assert child["pid"] != parent["pid"]


def test_what_an_agent_does_says_which_agent(spool: SpoolFolder) -> None:
    """The innermost one, also where agents call agents; it ends with the agent's span."""
    with emit.span("plan", agent="planner"):
        with emit.span("think", operation="chat"):
            pass
        with emit.span("delegate", agent="searcher"), emit.span("look", tool="search"):
            emit.decision("next", "stop")
    with emit.span("after"):
        pass
    assert [(event["event"], event.get("agent")) for event in spool.events()] == [
        ("think", "planner"),
        ("decision", "searcher"),
        ("look", "searcher"),
        ("delegate", "searcher"),
        ("plan", "planner"),
        ("after", None),
    ]
