"""The sandbox: what others may ask, what is refused, and that nothing they write changes the lake."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb
import pytest
from tests.queries.lakes import NOW, add, at, make_lake

from deadreckon.core.errors import ConfigError, DataError, LakeNotFoundError, QueryError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.queries.connection import binding_of
from deadreckon.queries.engine import Engine, Limits
from deadreckon.queries.sandbox import Sandbox

SMALL = Settings.model_validate(
    {"query": {"timeout_s": 60.0, "memory_limit": "200MB", "max_rows": 100, "max_bytes": 100_000}}
)
IMPATIENT = SMALL.model_copy(update={"query": SMALL.query.model_copy(update={"timeout_s": 3.0})})


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of ten model calls that every test of this module only reads."""
    calls = [
        {
            "kind": "span",
            "operation": "chat",
            "model": "m",
            "model_version": "1",
            "duration_ms": 100.0 * i,
            "ts": at("3"),
        }
        for i in range(10)
    ]
    return make_lake(tmp_path_factory.mktemp("lake"), calls, [{"record": "source", "lines": 10}])


@pytest.fixture(scope="module")
def sandbox(lake: Lake) -> Iterator[Sandbox]:
    """One sandbox for all tests of this module: what one query does must not hurt the next."""
    with Sandbox(lake, settings=SMALL) as made:
        yield made


@pytest.fixture(scope="module")
def impatient(lake: Lake) -> Iterator[Sandbox]:
    """A sandbox that stops its queries soon, for those that would never end."""
    with Sandbox(lake, settings=IMPATIENT) as made:
        yield made


def fingerprint(root: Path) -> str:
    """A hash of every file's name and bytes under a folder."""
    whole = hashlib.sha256()
    for file in sorted(p for p in root.rglob("*") if p.is_file()):
        whole.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


def a_file(lake: Lake) -> str:
    """The path of one of the lake's own Parquet files, which the engine may read."""
    return str(lake.snapshot().files[0].path)


def test_a_query_is_answered_with_names_types_and_freshness(sandbox: Sandbox) -> None:
    """An answer says what its columns are and how new its data is."""
    answer = sandbox.query("SELECT model, calls, p50_ms FROM latency_by_version")
    assert answer.columns == ["model", "calls", "p50_ms"]
    assert answer.types == ["VARCHAR", "BIGINT", "DOUBLE"]
    assert answer.rows == [("m", 10, 450.0)]
    assert answer.as_of == NOW
    assert not answer.truncated
    assert answer.elapsed_ms > 0


REFUSED = [
    "COPY events TO '{out}/x.csv'",
    "COPY (SELECT 1) TO '{lake_file}'",
    "WITH x AS (COPY (SELECT 1) TO '{out}/x.csv') SELECT 1",
    "WITH x AS MATERIALIZED (COPY (SELECT 1) TO '{out}/x.csv') SELECT * FROM x",
    "WITH x AS (INSERT INTO events VALUES (1) RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM events RETURNING *) FROM x",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '{out}/x.csv') SELECT 1)",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}/x.csv'",
    "EXPLAIN ANALYZE WITH x AS (COPY (SELECT 1) TO '{out}/x.csv') SELECT 1",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{out}/x.csv'",
    "/* harmless */ EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}/x.csv'",
    "ATTACH '{out}/x.duckdb' AS x",
    "EXPORT DATABASE '{out}'",
    "IMPORT DATABASE '{out}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '100GB'",
    "RESET memory_limit",
    "SET GLOBAL lock_configuration = false",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "DROP VIEW events",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW events AS SELECT 1",
    "CREATE MACRO json_text(a, b) AS 1",
    "ALTER VIEW events RENAME TO e",
    "INSERT INTO events SELECT * FROM events",
    "UPDATE events SET model = 'x'",
    "DELETE FROM events",
    "TRUNCATE events",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN",
    "USE memory",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DETACH memory",
    "COMMENT ON VIEW events IS 'x'",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW events",
    "DROP VIEW events; SELECT 1",
    "PIVOT events ON kind",
    "",
    "-- nothing",
    ";;",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM READ_TEXT('/etc/passwd')",
    "SELECT * FROM main.read_text('/etc/passwd')",
    "SELECT * FROM \"read_text\"('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('{lake_file}')",
    "SELECT * FROM parquet_metadata('{lake_file}')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '{lake_file}'",
    "SELECT * FROM 'https://example.com/x.csv'",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM events WHERE model IN (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('events')",
    "SELECT * FROM json_execute_serialized_sql('x')",
    "SELECT * FROM enable_profiling(save_location = '{out}/p')",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM force_checkpoint()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM which_secret('a', 's3')",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM test_all_types()",
    "SELECT * FROM python_map_function()",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT getenv('HOME')",
    "SELECT current_setting('allowed_paths')",
    "SELECT write_log('x')",
    "SELECT sleep_ms(100000)",
    "SELECT pg_sleep(100)",
    "SELECT nextval('s')",
    "SELECT getvariable('x')",
    "SELECT 'HOME'.getenv()",
    "SELECT list_transform(['HOME'], lambda x: getenv(x))",
    "SUMMARIZE SELECT * FROM read_text('/etc/passwd')",
    "DESCRIBE SELECT * FROM read_text('/etc/passwd')",
    "EXPLAIN SELECT * FROM read_text('/etc/passwd')",
    "SELECT \x00 1",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_whatever_does_not_only_read_the_views_is_refused(
    sandbox: Sandbox, lake: Lake, tmp_path: Path, sql: str
) -> None:
    """Writing, other files, settings, other statements: each is refused with a next step, and leaves no trace."""
    before = fingerprint(lake.root)
    with pytest.raises(QueryError) as refusal:
        sandbox.query(sql.format(out=tmp_path, lake_file=a_file(lake)))
    assert refusal.value.hint
    assert list(tmp_path.iterdir()) == []
    assert fingerprint(lake.root) == before
    assert sandbox.query("SELECT count(*) FROM events").rows == [(10,)]


ALLOWED = [
    "FROM events LIMIT 1",
    "TABLE sources",
    "VALUES (1), (2)",
    "SELECT 1;",
    "(SELECT 1)",
    "SELECT 1 UNION SELECT 2 EXCEPT SELECT 2",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t",
    "WITH x AS MATERIALIZED (SELECT 1 AS a) SELECT * FROM x",
    "SELECT model, count(*) OVER (PARTITION BY model) FROM events QUALIFY row_number() OVER () = 1",
    "SELECT * FROM events AS a ASOF JOIN events AS b ON a.ts >= b.ts LIMIT 1",
    "SELECT * FROM events TABLESAMPLE 10 ROWS",
    "PIVOT events ON kind IN ('span', 'log') USING count(*)",
    "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b",
    "SELECT unnest([1, 2]), x FROM range(3) AS r(x), LATERAL (SELECT x + 1)",
    "SELECT list_transform([1, 2], lambda x: x + 1), {'a': 1}, map {'k': 1}",
    "SELECT * FROM json_each('{\"a\": 1}')",
    "SELECT json_text('{\"a\": 1}', 'a'), exact_quantile(value, 0.5) FROM events",
    "SELECT date_trunc('hour', ts), count(*) FROM events GROUP BY ALL ORDER BY ALL",
    "SELECT COLUMNS('model.*') FROM events",
    "SELECT * EXCLUDE (model) REPLACE (kind AS kind) FROM events LIMIT 1",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "DESCRIBE events",
    "SUMMARIZE latency_by_version",
    "DESCRIBE SELECT 1",
    "EXPLAIN SELECT * FROM events",
    "EXPLAIN ANALYZE SELECT count(*) FROM events",
    "/* why */ -- indeed\n explain select 1",
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'requests'",
    "SELECT view_name FROM duckdb_views() WHERE NOT internal",
    "SELECT random(), uuid(), now()",
    "SELECT count(*) FROM events GROUP BY GROUPING SETS ((kind), ())",
    "SELECT CAST('1.5' AS DECIMAL(10, 2)), TRY_CAST('x' AS INTEGER), INTERVAL 3 DAY",
    "SELECT CASE WHEN EXISTS (FROM events) THEN 1 END, (SELECT max(ts) FROM events), 1 IN (1, 2)",
    "SELECT DISTINCT ON (kind) kind, ts FROM events ORDER BY kind, ts DESC",
    "SELECT * FROM events POSITIONAL JOIN sources",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_whatever_only_reads_the_views_is_answered(sandbox: Sandbox, sql: str) -> None:
    """The whole of DuckDB's SELECT is there, with DESCRIBE, SUMMARIZE, SHOW and EXPLAIN."""
    assert sandbox.query(sql).columns


BOMBS = [
    "WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t) SELECT max(a) FROM t",
    "SELECT count(*) FROM range(10000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 11",
    "SELECT sum(length(repeat('x', 100000000 + CAST(range AS INTEGER)))) FROM range(1000)",
    "SELECT length(repeat('x', 3000000000))",
    "SELECT list(range) FROM range(1000000000)",
    "SELECT list(a.range) FROM range(100000) a, range(100000) b",
    "SELECT string_agg(repeat('x', 1000), '') FROM range(100000000)",
    "SELECT list_reduce(range(1000000000), lambda x, y: x + y)",
    "SELECT len(list_transform(range(10000000000), lambda x: x))",
    "SELECT DISTINCT a.range * b.range FROM range(1000000) a, range(100000) b",
    "SELECT * FROM range(100000000) a ORDER BY hash(a.range), repeat(CAST(a.range AS VARCHAR), 100)",
    "SELECT histogram(a.range * b.range) FROM range(100000) a, range(100000) b",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT unnest(range(10000000000)) % 2 AS a GROUP BY a",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "[" * 900 + "1" + "]" * 900,
    "SELECT " + "+".join(["1"] * 20_000),
    "SELECT * FROM " + "(SELECT * FROM " * 2000 + "events" + ")" * 2000,
    "SELECT '" + "x" * 2_000_000 + "'",
]


@pytest.mark.parametrize("sql", BOMBS, ids=lambda sql: sql[:40])
def test_a_query_without_end_or_measure_is_stopped(impatient: Sandbox, sql: str) -> None:
    """Time, memory and nesting have an end, said as such; this process and the next query are well."""
    with pytest.raises(QueryError) as stop:
        impatient.query(sql)
    assert stop.value.hint
    assert impatient.query("SELECT count(*) FROM events").rows == [(10,)]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{out}/x.csv'",
        "ATTACH '{out}/x.duckdb' AS x",
        "EXPORT DATABASE '{out}/x'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "INSTALL httpfs",
        "SET memory_limit = '100GB'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_paths = ['/etc/passwd']",
        "PRAGMA enable_external_access",
    ],
)
def test_the_engine_alone_reads_and_writes_nothing_but_the_lake(lake: Lake, tmp_path: Path, sql: str) -> None:
    """Were the gate to let something through, the locked connection would still refuse it."""
    engine = Engine(binding_of(lake.snapshot(), SMALL), Limits(**SMALL.query.model_dump()))
    try:
        with pytest.raises(duckdb.Error):
            engine._con.execute(sql.format(out=tmp_path))
    finally:
        engine.close()
    assert list(tmp_path.iterdir()) == []


CONFINED = """
import socket, subprocess, sys, threading
from pathlib import Path
from deadreckon.queries.confinement import bound_memory, forbid_writing

file = Path(sys.argv[1])
tries = {
    "write": lambda: file.write_bytes(b"x"),
    "append": lambda: file.open("ab").write(b"x"),
    "remove": file.unlink,
    "rename": lambda: file.rename(file.with_name("other")),
    "make": lambda: (file.parent / "new").mkdir(),
    "link": lambda: (file.parent / "link").symlink_to(file),
    "run": lambda: subprocess.run(["/bin/true"], check=True),
    "connect": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
}
assert forbid_writing()
bound_memory(100 << 20, 1)
for name, what in tries.items():
    try:
        what()
    except PermissionError:
        print(name)
try:
    bytearray(4 << 30)
except MemoryError:
    print("memory")
thread = threading.Thread(target=lambda: print("read" if file.read_bytes() else ""))
thread.start()
thread.join()
"""


def landlock() -> bool:
    """Whether this system's kernel can keep a process from writing."""
    code = "from deadreckon.queries.confinement import forbid_writing as f; raise SystemExit(0 if f() else 1)"
    return subprocess.run([sys.executable, "-c", code], env=in_our_path(), check=False).returncode == 0


def in_our_path() -> dict[str, str]:
    """This environment, in which a child finds the packages that this process finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_the_process_alone_writes_nothing(tmp_path: Path) -> None:
    """Were both gate and engine to fail, the kernel would still refuse to write, run, connect, or take more memory."""
    if not landlock():
        pytest.skip("this kernel has no Landlock: the gate and the engine stand alone here")
    file = tmp_path / "file"
    file.write_bytes(b"as it was")
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, str(file)], env=in_our_path(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = ["write", "append", "remove", "rename", "make", "link", "run", "connect", "memory", "read"]
    assert done.stdout.split() == expected, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert file.read_bytes() == b"as it was"


def test_rows_beyond_the_limit_are_cut_off_and_said(sandbox: Sandbox) -> None:
    """An answer holds at most max_rows rows and says that there were more."""
    answer = sandbox.query("SELECT * FROM range(1000)")
    assert len(answer.rows) == 100
    assert answer.truncated
    exact = sandbox.query("SELECT * FROM range(100)")
    assert (len(exact.rows), exact.truncated) == (100, False)
    fewer = sandbox.query("SELECT * FROM range(100)", max_rows=7)
    assert (len(fewer.rows), fewer.truncated) == (7, True)


def test_more_rows_than_the_settings_allow_cannot_be_asked_for(sandbox: Sandbox) -> None:
    """max_rows only lowers the limit."""
    assert len(sandbox.query("SELECT * FROM range(1000)", max_rows=900).rows) == 100


def test_bytes_beyond_the_limit_are_cut_off_and_said(sandbox: Sandbox) -> None:
    """Few rows of long texts are too many too."""
    answer = sandbox.query("SELECT repeat('x', 30000) FROM range(10)")
    assert len(answer.rows) == 3
    assert answer.truncated


def test_one_row_beyond_the_limit_is_an_error(sandbox: Sandbox) -> None:
    """A row that alone is too large is not silently left out."""
    with pytest.raises(QueryError, match="first row alone"):
        sandbox.query("SELECT repeat('x', 200000)")


def test_parameters_are_bound_and_keep_their_types(sandbox: Sandbox) -> None:
    """A parameter is a value, whatever it looks like."""
    given = {
        "text": "'; DROP VIEW events; --",
        "whole": 7,
        "day": date(2026, 6, 3),
        "moment": datetime(2026, 6, 3, 12, tzinfo=UTC),
        "nothing": None,
        "several": ["a", "b"],
    }
    answer = sandbox.query("SELECT $text, $whole, $day, $moment, $nothing, $several", given)
    assert answer.rows == [(*list(given.values())[:5], ["a", "b"])]


def test_values_keep_their_types_on_the_way_out(sandbox: Sandbox) -> None:
    """Numbers past 64 bits, decimals, ids, binary and nested values come back as what they are."""
    answer = sandbox.query(
        """
        SELECT CAST(2 AS HUGEINT) ** 100 > 1, CAST(170141183460469231731687303715884105727 AS HUGEINT),
               1.50, CAST('0190b5a0-0000-7000-8000-000000000001' AS UUID), 'a'::BLOB,
               {'a': [1, NULL], 'b': DATE '2026-06-03'}, map {1: 'x'}, TIME '12:00:00', INTERVAL 90 SECOND,
               TIMESTAMP '2026-06-03 12:00:00', 'nan'::DOUBLE <> 'nan'::DOUBLE, true
        """
    )
    row = answer.rows[0]
    assert row[1] == 2**127 - 1
    assert row[2] == Decimal("1.50")
    assert row[3] == UUID("0190b5a0-0000-7000-8000-000000000001")
    assert row[4] == b"a"
    assert row[5] == {"a": [1, None], "b": date(2026, 6, 3)}
    assert row[6] == {1: "x"}
    assert str(row[7]) == "12:00:00"
    assert row[8].total_seconds() == 90
    assert row[9] == datetime(2026, 6, 3, 12)  # noqa: DTZ001  # a TIMESTAMP has no zone


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT * FROM evnts", "events"),
        ("SELECT * FROM errors_by_verson", "errors_by_version"),
        ("SELECT modle FROM latency_by_version", "model"),
        ("SELECT l.modle FROM latency_by_version l", "model"),
        ("SELECT nosuch(1)", "function"),
        ("SELEC 1", "SELECT where it says SELEC"),
        ("SELECT $a", "--param"),
        ("SELECT 1", "--param"),
        ("SELECT CAST('x' AS INTEGER)", "try_cast"),
        ("PIVOT events ON kind", "IN ("),
    ],
)
def test_a_mistake_is_answered_with_what_would_work(sandbox: Sandbox, sql: str, hint: str) -> None:
    """Unknown names come with the nearest known ones, and other mistakes with a next step."""
    params = {"b": 1} if sql == "SELECT 1" else {}
    with pytest.raises(QueryError) as mistake:
        sandbox.query(sql, params)
    assert hint in mistake.value.hint
    assert "\n" not in mistake.value.message


def test_each_query_sees_the_newest_events(tmp_path: Path) -> None:
    """What is committed between two queries is in the second answer."""
    lake = make_lake(tmp_path, [{"kind": "log"}])
    with Sandbox(lake, settings=SMALL) as sandbox:
        assert sandbox.query("SELECT count(*) FROM events").rows == [(1,)]
        add(lake, [{"kind": "log"}, {"kind": "log"}])
        assert sandbox.query("SELECT count(*) FROM events").rows == [(3,)]


def test_threads_may_share_a_sandbox(sandbox: Sandbox) -> None:
    """Queries from several threads wait for each other and get their own answers."""
    found: list[int] = []

    def ask(number: int) -> None:
        found.append(sandbox.query("SELECT $n + count(*) FROM events", {"n": number}).rows[0][0])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(10, 18))


def test_a_python_variable_is_no_table(sandbox: Sandbox) -> None:
    """DuckDB's habit of finding tables among Python variables is off."""
    pairs = [(1,)]
    with pytest.raises(QueryError, match="pairs"):
        sandbox.query("SELECT * FROM pairs")
    assert pairs


def test_a_lake_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    """No lake, no sandbox."""
    with pytest.raises(LakeNotFoundError):
        Sandbox(tmp_path / "none", settings=SMALL)


def test_a_torn_file_is_an_error_of_the_lake_not_of_the_query(tmp_path: Path) -> None:
    """When a file of the lake cannot be read, the hint leads to doctor."""
    lake = make_lake(tmp_path, [{"kind": "log"}])
    Path(a_file(lake)).write_bytes(b"PAR1 torn")
    with Sandbox(lake, settings=SMALL) as sandbox, pytest.raises(DataError) as torn:
        sandbox.query("SELECT * FROM events")
    assert "doctor" in torn.value.hint


def test_a_memory_limit_that_is_none_is_said(lake: Lake) -> None:
    """A setting that makes no sense is an error of the settings."""
    wrong = Settings.model_validate({"query": {"memory_limit": "plenty"}})
    with Sandbox(lake, settings=wrong) as sandbox, pytest.raises(ConfigError, match="plenty"):
        sandbox.query("SELECT 1")


def test_prices_of_the_settings_are_used(lake: Lake) -> None:
    """The sandbox prices calls by the settings that it was given."""
    priced = SMALL.model_copy(update={"prices": {"m": {"input_per_mtok": 1, "output_per_mtok": 2}}})
    with Sandbox(lake, settings=priced) as sandbox:
        assert sandbox.query("SELECT model, input_per_mtok FROM lake_prices").rows == [("m", 1.0)]


def test_a_closed_sandbox_opens_again(lake: Lake) -> None:
    """Closing lets go of the process; the next query starts another."""
    sandbox = Sandbox(lake, settings=SMALL)
    assert sandbox.query("SELECT 1").rows == [(1,)]
    sandbox.close()
    sandbox.close()
    assert sandbox.query("SELECT 2").rows == [(2,)]
    sandbox.close()


def test_an_interrupt_leaves_no_answer_behind(sandbox: Sandbox) -> None:
    """When Ctrl-C ends a query, the next one gets its own answer and not the one that was on its way."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            sandbox.query("SELECT count(*) FROM range(10000000000) a WHERE a.range % 7 = 8")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert sandbox.query("SELECT 'mine'").rows == [("mine",)]


def test_a_sandbox_whose_process_was_killed_starts_another(lake: Lake) -> None:
    """Whoever kills the process costs one query, not the sandbox."""
    with Sandbox(lake, settings=SMALL) as sandbox:
        sandbox.query("SELECT 1")
        assert sandbox._process is not None
        os.kill(sandbox._process._child.pid, signal.SIGKILL)
        with pytest.raises(QueryError, match="SIGKILL"):
            sandbox.query("SELECT 1")
        assert sandbox.query("SELECT 2").rows == [(2,)]


def test_the_process_imports_only_what_it_needs() -> None:
    """A first answer should not wait for libraries that only the parent uses."""
    code = "import deadreckon.queries.worker, sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], env=in_our_path(), capture_output=True, text=True, check=True)
    heavy = {"pyarrow", "deltalake", "pydantic", "pandas", "polars", "numpy", "sqlglot", "typer", "rich", "structlog"}
    assert heavy.isdisjoint(done.stdout.split())
