"""The commands: sql, views, trace and catalog, as people and agents call them."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.queries.lakes import at, make_lake

from deadreckon.cli import main
from deadreckon.cli.spoken import money
from deadreckon.queries.catalog import views

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with one request in two traces, its click, and a name that would recolour a terminal."""
    ids = {"request_id": "q1", "session_id": "s1"}
    root = {
        "kind": "span",
        "trace_id": "t1",
        "span_id": "a",
        "operation": "invoke_agent",
        "name": "answer",
        "agent": "bot",
    }
    events: list[dict[str, Any]] = [
        {**root, **ids, "ts": at("3 10:00:00"), "duration_ms": 2000.0, "cost_usd": 5.0},
        {
            **ids,
            "kind": "span",
            "trace_id": "t1",
            "span_id": "b",
            "parent_span_id": "a",
            "operation": "chat",
            "name": "plan\x1b[31m",
            "model": "m",
            "model_version": "1",
            "ts": at("3 10:00:01"),
            "duration_ms": 500.0,
            "input_tokens": 10,
            "output_tokens": 5,
            "cost_usd": 0.25,
        },
        {
            **ids,
            "kind": "span",
            "trace_id": "t1",
            "span_id": "c",
            "parent_span_id": "gone",
            "tool": "find",
            "name": "find",
            "status": "error",
            "error_type": "Boom",
            "ts": at("3 10:00:01"),
            "duration_ms": 1.0,
        },
        {
            **ids,
            "kind": "decision",
            "trace_id": "t1",
            "span_id": "a",
            "name": "next",
            "choice": "answer",
            "ts": at("3 10:00:01"),
        },
        {**ids, "kind": "log", "trace_id": "t1", "span_id": "a", "event": "noise", "ts": at("3 10:00:01")},
        {
            **ids,
            "kind": "span",
            "trace_id": "t2",
            "span_id": "j",
            "operation": "chat",
            "model": "judge",
            "name": "judge",
            "ts": at("3 11:00:00"),
            "duration_ms": 5.0,
        },
        {**ids, "event_id": "click-1", "kind": "feedback", "name": "click", "value": 1.0, "ts": at("3 12:00:00")},
        {"kind": "prediction", "request_id": "q2", "model": "m", "model_version": "1", "ts": at("3 12:00:00")},
    ]
    return str(make_lake(tmp_path_factory.mktemp("lake"), events, [{"record": "source"}]).root)


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with one trace: ten levels, and a span whose parent is missing."""
    spans = [
        {
            "kind": "span",
            "trace_id": "deep",
            "span_id": f"s{i}",
            "parent_span_id": f"s{i - 1}" if i > 1 else None,
            "name": f"step {i}",
            "operation": "chat",
            "model": "a-model-of-a-long-name",
            "model_version": "2026-06-01",
            "ts": at(f"3 10:00:{i:02}"),
            "duration_ms": 1000.0,
            "input_tokens": 1000,
        }
        for i in range(1, 12)
    ]
    lost = {"kind": "span", "trace_id": "deep", "span_id": "x", "parent_span_id": "gone", "name": "a step"}
    lost |= {"ts": at("3 10:00:01"), "duration_ms": 11000.0, "tool": "the-long-name-of-a-tool-that-hardly-fits"}
    return str(make_lake(tmp_path_factory.mktemp("deep"), [*spans, lost]).root)


def reckon(capsys: Captured, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def answered(capsys: Captured, *words: str) -> Any:
    """The JSON that a command printed; it must have ended well."""
    code, out, err = reckon(capsys, *words, "--format", "json")
    assert code == 0, err
    return json.loads(out)


def refused(capsys: Captured, code: int, *words: str) -> dict[str, str]:
    """The error that a command ended with, as agents read it."""
    ended, out, err = reckon(capsys, *words)
    assert (ended, out) == (code, "")
    error: dict[str, str] = json.loads(err)["error"]
    assert error["hint"]
    return error


def test_sql_answers_with_count_freshness_and_rows(capsys: Captured, lake: str) -> None:
    """JSON holds the rows as objects, and says how many, how new, and whether all."""
    said = answered(capsys, "sql", "SELECT model, calls FROM latency_by_version ORDER BY 1", "--lake", lake)
    assert said == {
        "count": 2,
        "as_of": "2026-06-20T12:00:00+00:00",
        "truncated": False,
        "columns": ["model", "calls"],
        "rows": [{"model": "judge", "calls": 1}, {"model": "m", "calls": 1}],
    }


def test_sql_has_every_format(capsys: Captured, lake: str) -> None:
    """One answer in JSON lines, CSV, Markdown and as a table."""
    sql = ("sql", "SELECT 1 AS a, 'x|y' AS b", "--lake", lake, "--format")
    assert [json.loads(line) for line in reckon(capsys, *sql, "jsonl")[1].splitlines()] == [{"a": 1, "b": "x|y"}]
    assert list(csv.reader(io.StringIO(reckon(capsys, *sql, "csv")[1]))) == [["a", "b"], ["1", "x|y"]]
    assert reckon(capsys, *sql, "markdown")[1].splitlines()[-1] == "| 1 | x\\|y |"
    assert "x|y" in reckon(capsys, *sql, "table")[1]


def test_sql_reads_files_and_stdin_and_binds_parameters(
    capsys: Captured, lake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query may be kept in a file, with its parameters outside."""
    file = tmp_path / "q.sql"
    file.write_text("SELECT $who AS who, $n + 1 AS n", "utf-8")
    said = answered(capsys, "sql", "-f", str(file), "--param", "who=ana", "--param", "n=41", "--lake", lake)
    assert said["rows"] == [{"who": "ana", "n": 42}]
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 7 AS n"))
    assert answered(capsys, "sql", "-", "--lake", lake)["rows"] == [{"n": 7}]


def test_sql_says_what_was_cut_off(capsys: Captured, lake: str) -> None:
    """In JSON beside the rows, elsewhere on stderr."""
    words = ("sql", "FROM range(50)", "--max-rows", "3", "--lake", lake)
    said = answered(capsys, *words)
    assert (said["count"], said["truncated"]) == (3, True)
    code, out, err = reckon(capsys, *words, "--format", "csv")
    assert (code, len(out.splitlines())) == (0, 4)
    assert "truncated" in err


def test_sql_refuses_and_says_why(capsys: Captured, lake: str, tmp_path: Path) -> None:
    """Exit code 2, and a JSON error for whoever is no terminal."""
    target = tmp_path / "x.csv"
    error = refused(capsys, 2, "sql", f"COPY events TO '{target}'", "--lake", lake)
    assert error["kind"] == "query"
    assert "--format csv > FILE" in error["hint"]
    assert not target.exists()


@pytest.mark.parametrize(
    "words", [[], ["SELECT 1", "-f", "x.sql"], ["-f", "/nowhere/x.sql"], ["SELECT 1", "--param", "x"]]
)
def test_sql_called_wrongly_says_how(capsys: Captured, lake: str, words: list[str]) -> None:
    """One query from one place, and parameters as NAME=VALUE."""
    assert refused(capsys, 2, "sql", *words, "--lake", lake, "--format=json")["kind"] == "usage"


def test_sql_without_the_sandbox_reads_ones_own_files(capsys: Captured, lake: str, tmp_path: Path) -> None:
    """--unsafe-local joins the views with a file, and may write one; its mistakes are explained as well."""
    mine = tmp_path / "owners.csv"
    mine.write_text("model,owner\nm,ana\n", "utf-8")
    sql = f"SELECT DISTINCT owner FROM model_calls JOIN '{mine}' USING (model)"
    assert answered(capsys, "sql", sql, "--unsafe-local", "--lake", lake)["rows"] == [{"owner": "ana"}]
    out = tmp_path / "out.csv"
    assert reckon(capsys, "sql", f"COPY events TO '{out}'", "--unsafe-local", "--lake", lake)[0] == 0
    assert out.exists()
    error = refused(capsys, 2, "sql", "FROM evnts", "--unsafe-local", "--lake", lake)
    assert "events" in error["hint"]


@pytest.mark.parametrize(
    ("sql", "meant"),
    [
        ("selec 1", "SELECT"),
        ("select 1 frm events", "FROM"),
        ("select *\nfrom events\nwher kind = 'log'", "WHERE"),
        ("explain selct 1", "SELECT"),
        ("select * from events order model", "near '* from events order model'"),
        ("select lenght('a')", "did you mean length?"),
        ("select no_such(1)", "duckdb.org"),
        ("from evnts", "events"),
    ],
)
def test_a_misspelt_query_is_answered_with_what_was_meant(capsys: Captured, lake: str, sql: str, meant: str) -> None:
    """In one line: the keyword, function or view, or the place; and where to look."""
    code, _, err = reckon(capsys, "sql", sql, "--lake", lake, "--format", "table")
    assert code == 2
    error, hint = err.splitlines()
    assert error.startswith("error: ")
    assert meant in hint
    assert "reckon views" in hint or "(" in sql


@pytest.mark.parametrize(
    ("sql", "lifts"),
    [
        ("from 'owners.csv'", True),
        ("from read_csv('owners.csv')", True),
        ("from parquet_metadata('x.parquet')", True),
        ("from delta_scan('x')", True),
        ("select getenv('HOME')", False),
        ("delete from events", False),
        ("attach 'x.db'", False),
        ("copy events to 'x.csv'", False),
    ],
)
def test_the_way_around_the_sandbox_is_named_for_files_alone(
    capsys: Captured, lake: str, sql: str, lifts: bool
) -> None:
    """Whatever else is refused is answered with what the sandbox can do."""
    hint = refused(capsys, 2, "sql", sql, "--lake", lake)["hint"]
    assert ("--unsafe-local" in hint) == lifts
    assert "SELECT" in hint


def test_sql_without_a_lake_says_how_to_make_one(capsys: Captured, tmp_path: Path) -> None:
    """Exit code 3: data is missing."""
    assert "reckon ingest" in refused(capsys, 3, "sql", "SELECT 1", "--lake", str(tmp_path / "none"))["hint"]


def test_views_lists_them_all_and_describes_one(capsys: Captured) -> None:
    """Needs no lake; columns come with type, unit and meaning."""
    assert {row["view"] for row in answered(capsys, "views")["rows"]} == set(views())
    one = answered(capsys, "views", "errors_by_version")
    assert one["one_row"].startswith("one row per")
    rate = next(c for c in one["columns"] if c["name"] == "error_rate")
    assert (rate["type"], rate["unit"]) == ("DOUBLE", "0 to 1")
    assert "SELECT" in reckon(capsys, "views", "errors_by_version", "--sql")[1]
    assert "error_rate" in reckon(capsys, "views", "errors_by_version", "--format", "table")[1]
    assert reckon(capsys, "views", "--docs")[1].startswith("# Views")


@pytest.mark.parametrize("width", [80, 100, 140])
def test_views_keep_to_the_terminal(capsys: Captured, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """A view is one line, a column's meaning goes on below; --lake is taken as by every other command."""
    monkeypatch.setenv("COLUMNS", str(width))
    lines = reckon(capsys, "views", "--lake", "anywhere", "--format", "table")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["view", *sorted(views())]
    described = reckon(capsys, "views", "model_calls", "--format", "table")[1].splitlines()
    assert all(len(line) <= width for line in [*lines, *described])
    assert "…" not in "".join(described)
    assert any(line.split() == ["column", "type", "unit", "meaning"] for line in described)


def test_views_knows_what_was_meant(capsys: Captured) -> None:
    """A misspelt view is answered with the nearest."""
    assert "errors_by_version" in refused(capsys, 2, "views", "error_by_version")["hint"]
    assert refused(capsys, 2, "views", "xyzzy")["hint"] == "reckon views lists what there is"
    assert refused(capsys, 2, "views", "--sql")["kind"] == "usage"


def test_trace_shows_a_request_with_all_its_traces(capsys: Captured, lake: str) -> None:
    """A request's tree, its judge's trace, and the click beside it."""
    said = answered(capsys, "trace", "q1", "--lake", lake)
    assert (said["kind"], said["count"], said["as_of"]) == ("request", 2, "2026-06-20T12:00:00+00:00")
    first = said["traces"][0]
    assert (first["trace_id"], first["duration_ms"], first["cost_usd"], first["failed_spans"]) == (
        "t1",
        2000.0,
        0.25,
        1,
    )
    assert [(n["depth"], n["kind"], n.get("note")) for n in first["nodes"]] == [
        (0, "span", None),
        (1, "span", None),
        (1, "decision", None),
        (0, "span", "parent missing"),
    ]
    assert [e["event_id"] for e in said["beside"]] == ["click-1"]


@pytest.mark.parametrize(
    ("id_", "kind", "traces"),
    [
        ("t1", "trace", 1),
        ("b", "span", 1),
        ("s1", "session", 2),
        ("q1", "request", 2),
        ("click-1", "event", 2),
        ("q2", "request", 0),
    ],
)
def test_trace_finds_out_what_an_id_names(capsys: Captured, lake: str, id_: str, kind: str, traces: int) -> None:
    """Any id leads to the traces in which it stands; a click leads to those of its request."""
    said = answered(capsys, "trace", id_, "--lake", lake)
    assert (said["kind"], said["count"]) == (kind, traces)
    assert traces or said["beside"]


def test_trace_draws_for_people(capsys: Captured, lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree with times, status and cost, in which a log cannot recolour the terminal."""
    monkeypatch.setenv("COLUMNS", "160")
    code, out, _ = reckon(capsys, "trace", "q1", "--lake", lake, "--format", "table", "--logs")
    assert code == 0
    for expected in (
        "answer",
        "├─ plan",
        "parent missing",
        "Boom",
        "$0.25",
        "2.00 s",
        "10+5",
        "decision next: answer",
        "noise",
    ):
        assert expected in out
    assert "\x1b" not in out


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_trace_keeps_to_the_terminal(capsys: Captured, deep: str, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """One line a span at any width: the bar gives way first, then names are cut; what is odd is said to the last."""
    monkeypatch.setenv("COLUMNS", str(width))
    out = reckon(capsys, "trace", "deep", "--lake", deep, "--format", "table")[1]
    lines = out.splitlines()
    assert all(len(line) <= width for line in lines)
    rows = lines[next(i for i, line in enumerate(lines) if line.startswith("step")) + 1 :]
    rows = rows[: rows.index("")]
    assert len(rows) == 12
    assert max(row.count("█") + row.count("░") for row in rows) == (20 if width == 200 else 6)
    assert any("…" in row for row in rows) == (width != 200)
    if width > 40:
        assert "a step (parent missing)" in out
        assert ("[10] step 11" in out) == (width == 80)
    monkeypatch.delenv("COLUMNS")
    assert (
        "step 11  a-model-of-a-long-name 2026-06-01"
        in reckon(capsys, "trace", "deep", "--lake", deep, "--format", "table")[1]
    )


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with two traces of one agent: the first calls a tool three times with the same arguments."""

    def step(trace: str, span_id: str, begin: str, ms: float, **fields: Any) -> dict[str, Any]:
        own = {"kind": "span", "trace_id": trace, "span_id": span_id, "parent_span_id": "a", "duration_ms": ms}
        return {**own, "ts": at(f"3 10:00:{begin}"), "event_id": f"{trace}-{span_id}", **fields}

    chat = {"operation": "chat", "model": "m", "model_version": "1", "output_tokens": 5}
    find = {"tool": "find", "operation": "execute_tool", "input": '{"id":7}'}
    root = {"name": "answer", "agent": "bot", "parent_span_id": None}
    huge = "x" * 10_000_000
    events = [
        step("one", "a", "00", 4000.0, **root),
        step("one", "b", "00.500", 1000.0, name="plan", **chat, input_tokens=10, cost_usd=0.25, output="go"),
        step("one", "c", "01.500", 500.0, **find, status="timeout", error_type="Slow"),
        step("one", "d", "02", 500.0, **find, attempt=2),
        step("one", "e", "02", 400.0, **find),
        step("one", "f", "02.500", 1500.0, name="write", **chat, input_tokens=20, cost_usd=0.5, output="Dear"),
        step("one", "g", "03", 9000.0, name="index", input=huge, output=huge),
        step("two", "a", "00", 2000.0, **root),
        step("two", "b", "00.500", 500.0, name="plan", **chat, input_tokens=10, cost_usd=0.2, output="go"),
        step("two", "c", "01", 200.0, **find),
        step("two", "x", "01.200", 100.0, name="check", status="error", error_type="Boom"),
        step("two", "f", "01.500", 400.0, name="write", **chat, input_tokens=5, cost_usd=0.1, output="Hello"),
        {"kind": "span", "trace_id": "three", "span_id": "z", "status": "running", "name": "stuck", "ts": at("4")},
    ]
    return str(make_lake(tmp_path_factory.mktemp("busy"), events).root)


def test_trace_says_what_it_waited_for_and_what_was_done_again(capsys: Captured, busy: str) -> None:
    """JSON has times, tools and loops; content of megabytes is cut, and its length said."""
    (tree,) = answered(capsys, "trace", "one", "--lake", busy)["traces"]
    waited = {n["span_id"]: n["critical_self_ms"] for n in tree["nodes"]}
    assert waited == {"a": 500.0, "b": 1000.0, "c": 500.0, "d": 500.0, "e": 0.0, "f": 1500.0, "g": 0.0}
    assert tree["retries"] == 1
    assert tree["nodes"][0]["self_ms"] == 500.0
    assert tree["tools"] == [
        {"tool": "find", "calls": 3, "failed": 1, "retries": 1, "p95_ms": 500.0, "total_ms": 1400.0, "cost_usd": None}
    ]
    (loop,) = tree["loops"]
    assert (loop["calls"], loop["wasted_ms"], loop["first_event_id"], loop["last_event_id"]) == (
        *(3, 900.0, "one-c"),
        "one-e",
    )
    last = tree["nodes"][-1]
    assert (last["input_length"], len(last["input"])) == (10_000_000, 10_000)


@pytest.mark.parametrize("width", [80, 160])
def test_trace_draws_what_stands_out(capsys: Captured, busy: str, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Below the tree, within the terminal; the bars of the critical path are full."""
    monkeypatch.setenv("COLUMNS", str(width))
    out = reckon(capsys, "trace", "one", "--lake", busy, "--format", "table")[1]
    lines = out.splitlines()
    assert all(len(line) <= width for line in lines)
    assert "█" in next(line for line in lines if "write" in line)
    assert "█" not in next(line for line in lines if "index" in line)
    assert next(line for line in lines if line.startswith("what it waited for"))
    assert "38%  1.50 s  answer > write" in out
    assert re.search(r"^find +3 +1 +1 +500 ms +1.40 s$", out, re.MULTILINE)
    assert re.search(r'^find +3 times +{"id":7}: from \+1.50 s to \+2.00 s, 1 failed, 1 retry', out, re.MULTILINE)
    assert ("self" in next(line for line in lines if line.startswith("step"))) == (width == 160)


def test_two_traces_stand_side_by_side(capsys: Captured, busy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Aligned by path: what only one has, and what differs in time, tokens, cost, output and errors."""
    said = answered(capsys, "trace", "one", "two", "--lake", busy)
    assert (said["a"]["duration_ms"], said["b"]["duration_ms"]) == (12_000.0, 2000.0)
    assert (said["a"]["cost_usd"], said["b"]["cost_usd"]) == (0.75, pytest.approx(0.3))
    places = [
        (p["path"][-1], p["change"], p["differs"], p["a_duration_ms"], p["b_duration_ms"]) for p in said["places"]
    ]
    assert places == [
        ("answer", "", [], 4000.0, 2000.0),
        ("plan", "", [], 1000.0, 500.0),
        ("find", "", ["status", "error_type"], 500.0, 200.0),
        ("check", "only in b", [], None, 100.0),
        ("find", "only in a", [], 500.0, None),
        ("find", "only in a", [], 400.0, None),
        ("write", "", ["output"], 1500.0, 400.0),
        ("index", "only in a", [], 9000.0, None),
    ]
    monkeypatch.setenv("COLUMNS", "80")
    lines = reckon(capsys, "trace", "one", "two", "--lake", busy, "--format", "table")[1].splitlines()
    assert all(len(line) <= 80 for line in lines)
    by = said["a"]["asked"]
    assert by.partition(" ")[2] == "one"
    assert by in lines[0]
    hint = refused(capsys, 3, "compare", "one", "two", "--lake", busy)["hint"]
    assert "reckon trace one two" in hint
    assert "reckon sql" in refused(capsys, 3, "compare", "one", "nobody", "--lake", busy)["hint"]
    write = next(line for line in lines if "write" in line)
    assert write.split() == ["write", "1.50", "s", "400", "ms", "-73%", "$0.5000", "$0.1000", "output"]
    rows = list(
        csv.DictReader(io.StringIO(reckon(capsys, "trace", "one", "two", "--lake", busy, "--format", "csv")[1]))
    )
    assert rows[3]["path"] == "answer > check"
    assert "click-1" not in refused(capsys, 3, "trace", "one", "nobody", "--lake", busy)["message"]


def test_trace_shows_a_span_that_never_ended(capsys: Captured, busy: str) -> None:
    """A process that was killed left it: it is there, and says so."""
    (tree,) = answered(capsys, "trace", "three", "--lake", busy)["traces"]
    assert [(n["status"], n["note"]) for n in tree["nodes"]] == [("running", "never ended")]
    assert "never ended" in reckon(capsys, "trace", "three", "--lake", busy, "--format", "table")[1]


def test_trace_has_flat_formats_and_limits(capsys: Captured, lake: str) -> None:
    """CSV and JSON lines hold one node a row; traces beyond the limit are said."""
    rows = list(csv.DictReader(io.StringIO(reckon(capsys, "trace", "q1", "--lake", lake, "--format", "csv")[1])))
    assert [r["trace_id"] for r in rows] == ["t1"] * 4 + ["t2"]
    limited = answered(capsys, "trace", "q1", "--lake", lake, "--max-traces", "1")
    assert (limited["count"], limited["more_traces"]) == (1, 1)


def test_a_trace_that_is_cut_says_so(capsys: Captured, busy: str, tmp_path: Path) -> None:
    """Its sums are of what is shown; beside another trace it is cut as well."""
    config = tmp_path / "few.toml"
    config.write_text("[query]\nmax_rows = 2\n")
    out, err = reckon(capsys, "trace", "one", "--lake", busy, "--config", str(config), "--format", "table")[1:]
    assert "2 spans and more, which are left out" in out
    assert "truncated" in err
    assert "truncated" in reckon(capsys, "trace", "one", "two", "--lake", busy, "--config", str(config))[2]


def test_trace_of_nothing_is_missing_data(capsys: Captured, lake: str) -> None:
    """An id that no event has, or not of that kind, or of no kind."""
    assert refused(capsys, 3, "trace", "nobody", "--lake", lake)["kind"] == "data"
    assert "request" in refused(capsys, 3, "trace", "q1", "--kind", "trace", "--lake", lake)["hint"]
    assert refused(capsys, 2, "trace", "q1", "--kind", "planet", "--lake", lake)["kind"] == "usage"
    assert refused(capsys, 2, "trace", " ", "--lake", lake)["kind"] == "usage"


def test_catalog_is_a_file_that_any_client_opens(capsys: Captured, lake: str, tmp_path: Path) -> None:
    """Views with their comments, attached under any name, from any folder; it says that it is a snapshot."""
    file = tmp_path / "views.duckdb"
    said = answered(capsys, "catalog", str(file), "--lake", lake)
    assert said["views"] == len(views())
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{file}' AS lake (READ_ONLY)")
        assert con.execute("SELECT calls FROM lake.latency_by_version WHERE model = 'm'").fetchall() == [(1,)]
        comments = dict(
            con.execute("SELECT view_name, comment FROM duckdb_views() WHERE database_name = 'lake'").fetchall()
        )
        assert set(views()) <= {name for name, comment in comments.items() if comment}
        undocumented = con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE comment IS NULL AND database_name = 'lake' "
            "AND table_name NOT LIKE 'lake_%' AND table_name <> 'catalog_info'"
        ).fetchall()
        assert undocumented == []
        note = con.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'catalog_info'").fetchall()
        assert "snapshot" in note[0][0]


def test_catalog_replaces_itself_and_nothing_else(capsys: Captured, lake: str, tmp_path: Path) -> None:
    """A second run is fine; another file is only replaced by force, and never left half written."""
    file = tmp_path / "views.duckdb"
    answered(capsys, "catalog", str(file), "--lake", lake)
    answered(capsys, "catalog", str(file), "--lake", lake)
    mine = tmp_path / "thesis.txt"
    mine.write_text("all of it", "utf-8")
    assert "--force" in refused(capsys, 2, "catalog", str(mine), "--lake", lake)["hint"]
    assert mine.read_text("utf-8") == "all of it"
    answered(capsys, "catalog", str(mine), "--force", "--lake", lake)
    assert refused(capsys, 2, "catalog", str(tmp_path / "no" / "where.duckdb"), "--lake", lake)["kind"] == "usage"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thesis.txt", "views.duckdb"]


def test_status_says_how_much_and_how_fresh(capsys: Captured, lake: str) -> None:
    """What the lake holds, when something happened last, and what waits for somebody."""
    said = answered(capsys, "status", "--lake", lake)
    assert (said["events"], said["sources"], said["quarantined"], said["firing"]) == (8, 1, 0, None)
    assert said["last_event"] == "2026-06-03T12:00:00+00:00"
    assert said["as_of"] == "2026-06-20T12:00:00+00:00"


def test_status_for_people(capsys: Captured, lake: str) -> None:
    """Sizes, days and times as people say them, each on a line of its own."""
    code, out, err = reckon(capsys, "status", "--lake", lake, "--format", "table")
    assert (code, err) == (0, "")
    said = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert re.fullmatch(r"\d+\.\d kB", said["bytes"])
    assert re.fullmatch(r"2026-06-03 \([\d,]+ days ago\)", said["last_day"])
    assert said["last_event"] == "2026-06-03 12:00:00 UTC"
    assert said["firing"] == "unknown: the monitor never ran"


def test_status_of_an_empty_lake(capsys: Captured, tmp_path: Path) -> None:
    """There is nothing to be fresh or stale."""
    made = str(make_lake(tmp_path / "empty", [], []).root)
    out = reckon(capsys, "status", "--lake", made, "--format", "table")[1]
    assert re.search("^last_event +never$", out, re.MULTILINE)
    assert answered(capsys, "status", "--lake", made)["last_day"] is None


@pytest.mark.parametrize(
    ("usd", "said"), [(0.0, "$0.0000"), (1234.5, "$1,234.50"), (0.00774, "$0.0077"), (9.2e-05, "$0.000092")]
)
def test_money_is_written_out(usd: float, said: str) -> None:
    """No powers of ten, however small the sum."""
    assert money(usd) == said
