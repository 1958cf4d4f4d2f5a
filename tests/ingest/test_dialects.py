"""Lines of other loggers become the events that their authors meant."""

from __future__ import annotations

import copy
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest.objects import ANY_LINE
from tests.ingest.reading import one, read

from deadreckon.core.schema import EVENTS, alias_table
from deadreckon.ingest import ingest
from deadreckon.ingest.dialects import CARE_KEYS, asks_care, care_keys, rewrite
from deadreckon.queries import connect

LOGGERS = Path(__file__).parents[1] / "fixtures" / "loggers"
FOLDERS = sorted(folder.name for folder in LOGGERS.iterdir() if folder.is_dir())
ASIDE = ("attributes_contains", "any_of", "values_survive", "null")
ALIASES = alias_table()
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}"


def contains(whole: Any, part: Any) -> bool:
    """Whether `part` is a recursive subset of `whole`."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and contains(whole[k], v) for k, v in part.items())
    return bool(whole == part) and isinstance(whole, bool) == isinstance(part, bool)


def plain(value: Any) -> Any:
    """A cell as the oracle writes it."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


def faults(row: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Where a row is not what the oracle asks for."""
    found = [
        f"{key}: {plain(row.get(key))!r}, not {value!r}"
        for key, value in expected.items()
        if key not in ASIDE and not contains(plain(row.get(key)), value)
    ]
    attributes = row.get("attributes", {})
    if not contains(attributes, expected.get("attributes_contains", {})):
        found.append(f"attributes {attributes} lack some of {expected['attributes_contains']}")
    for key, values in expected.get("any_of", {}).items():
        if plain(row.get(key)) not in values:
            found.append(f"{key}: {plain(row.get(key))!r}, none of {values}")
    text = json.dumps(row, ensure_ascii=False, default=str)
    survivors = [json.dumps(v, ensure_ascii=False).strip('"') for v in expected.get("values_survive", [])]
    found += [f"{v!r} is lost" for v in survivors if v not in text]
    found += [f"{key}: {row[key]!r}, not empty" for key in expected.get("null", []) if key in row]
    return found


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[dict[str, Any]]]]:
    """Every fixture ingested into one lake: per folder and line, the events that it gave."""
    lake = tmp_path_factory.mktemp("loggers") / "lake"
    summary = ingest(sorted(LOGGERS.glob("*/output.jsonl")), lake)
    assert summary.quarantined == 0
    with connect(lake) as con:
        con.execute(
            "SELECT s.source_path, e.* FROM events e JOIN sources s USING (source_id) ORDER BY source_id, source_offset"
        )
        names = [column[0] for column in con.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in con.fetchall()]
    lines: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for row in found:
        row["attributes"] = json.loads(row["attributes"] or "{}")
        offsets = lines.setdefault(Path(row["source_path"]).parent.name, {})
        offsets.setdefault(row["source_offset"], []).append({k: v for k, v in row.items() if v is not None})
    return {folder: list(offsets.values()) for folder, offsets in lines.items()}


@pytest.mark.parametrize("folder", FOLDERS)
def test_lines_of_a_real_logger_become_what_they_mean(folder: str, rows: dict[str, list[list[dict[str, Any]]]]) -> None:
    """Every line that a real library wrote is in the lake as the hand-written row says."""
    expected = [json.loads(line) for line in (LOGGERS / folder / "expected.jsonl").read_text("utf-8").splitlines()]
    given = rows[folder]
    assert len(given) == len((LOGGERS / folder / "output.jsonl").read_text("utf-8").splitlines())
    assert sum(map(len, given)) == len(expected)
    wrong = []
    for line in given:
        wanted, expected = expected[: len(line)], expected[len(line) :]
        for want in wanted:  # events of one line have no order in the lake
            best = min(line, key=lambda row: len(faults(row, want)))
            wrong += faults(best, want)
            line.remove(best)
    assert wrong == []


class TestNothingIsLost:
    """What a line says is somewhere in what it becomes."""

    @settings(max_examples=200, deadline=None)
    @given(ANY_LINE)
    def test_every_leaf_survives_under_names_of_the_schema(self, line: dict[str, Any]) -> None:
        """Rewriting any object gives only columns and attributes, and in them every value that stood in it."""
        events = rewrite(copy.deepcopy(line), ALIASES)
        assert events
        assert all(event.keys() <= EVENTS.keys() for event in events)
        json.dumps(events, allow_nan=False, ensure_ascii=False).encode()
        if any(type(event.get("attributes", {})) is not dict for event in events):
            return  # refused by the decoder, with its line
        if all("otel" not in event.get("attributes", {}) for event in events):
            assert not leaves(line) - sum((leaves(event) for event in events), Counter())

    @settings(max_examples=12, deadline=None)
    @given(st.lists(ANY_LINE, min_size=1, max_size=20))
    def test_each_line_becomes_events_or_a_reject_never_both(self, lines: list[dict[str, Any]]) -> None:
        """Through the real decoder, every line is either in the rows or refused with a reason."""
        texts = [json.dumps(line) for line in lines]
        outcome = read("\n".join(texts) + "\n")
        offsets = [sum(len(text) + 1 for text in texts[:i]) for i in range(len(texts))]
        kept, refused = {row["source_offset"] for row in outcome.rows}, {r.offset for r in outcome.rejects}
        assert kept | refused == set(offsets)
        assert not kept & refused

    def test_of_two_keys_for_a_column_the_own_name_wins_and_the_other_stays(self) -> None:
        """`message` beside `event`, an alias beside a column: the loser is an attribute under its own key."""
        row = one({"message": "m", "event": "e", "llm.model_name": "x", "gen_ai.request.model": "y"})
        assert (row["event"], row["model"]) == ("e", "y")
        assert row["attributes"] == {"message": "m", "llm.model_name": "x"}

    def test_a_null_does_not_win(self) -> None:
        """The first key that says something fills the column."""
        row = one({"event": None, "message": None, "msg": "here"})
        assert row["event"] == "here"

    def test_attributes_beside_other_keys_are_one_object(self) -> None:
        """Unknown keys join the attributes that the line has."""
        assert one({"attributes": {"a": 1}, "b": 2})["attributes"] == {"a": 1, "b": 2}

    def test_attributes_that_clash_with_other_keys_stay_apart(self) -> None:
        """The same key inside and beside `attributes` keeps both values."""
        assert one({"attributes": {"a": 1}, "a": 2})["attributes"] == {"a": 2, "attributes": {"a": 1}}

    def test_keys_that_differ_in_case_only_are_both_kept(self) -> None:
        """`Model` is not `model`."""
        row = one({"model": "a", "Model": "b"})
        assert (row["model"], row["attributes"]) == ("a", {"Model": "b"})

    def test_not_a_number_inside_content_becomes_text(self) -> None:
        """JSON has no NaN: in open content it is written as text, in a column of doubles it is the number."""
        row = one('{"params": {"lr": NaN, "x": [Infinity, -Infinity]}, "value": NaN, "zz": NaN}')
        assert json.loads(row["params"]) == {"lr": "NaN", "x": ["Infinity", "-Infinity"]}
        assert row["value"] != row["value"]
        assert row["attributes"] == {"zz": "NaN"}

    def test_half_a_character_is_kept_as_its_escape(self) -> None:
        """A text cut inside an emoji, as JavaScript writes it, is no reason to refuse a line."""
        row = one('{"event": "cut \\ud83d", "a": {"\\udc00k": "\\ud83d\\ude00"}}')
        assert row["event"] == "cut \\ud83d"
        assert row["attributes"] == {"a": {"\\udc00k": "😀"}}

    def test_deep_content_is_read_or_refused_but_never_a_crash(self) -> None:
        """Nesting of 100 is content; of 100,000 beside a foreign key it is refused as too deep."""
        deep = {"error": "x", "a": json.loads("[" * 100 + "]" * 100)}
        assert one(deep)["attributes"] == {"a": deep["a"]}
        outcome = read('{"error": "x", "a": ' + "[" * 100_000 + "]" * 100_000 + "}\n")
        assert [r.code for r in outcome.rejects] == ["too_deep"]


class TestCare:
    """Which lines are looked at one by one."""

    def test_native_lines_are_never_foreign(self) -> None:
        """No column's own name asks for care, alone or together, nor does the traceback that emit writes."""
        names = set(EVENTS)
        assert not names & CARE_KEYS
        assert not asks_care(names | {"exception", "my_key"}, care_keys(ALIASES))

    def test_an_object_where_a_name_is_meant_gives_its_name(self) -> None:
        """`{"service": {"name": ...}}` fills the column, the rest of the object stays."""
        row = one({"service": {"name": "api", "version": "2"}, "host": {"hostname": "h1"}, "tool": {"name": "search"}})
        assert (row["service"], row["host"], row["tool"]) == ("api", "h1", "search")
        assert row["attributes"] == {"service": {"version": "2"}}

    def test_an_object_without_a_name_is_refused(self) -> None:
        """A known key of the wrong type is a fault of the writer."""
        (found,) = read('{"model": {"size": 7}}\n').rejects
        assert (found.code, found.field) == ("wrong_type", "model")


class TestAliases:
    """Keys that a user maps in deadreckon.toml."""

    def test_a_dotted_alias_reaches_into_objects(self) -> None:
        """`a.b` is the value of b in the object a, which keeps the rest."""
        row = one({"usage": {"in": {"tokens": 5}, "x": 1}}, {"usage.in.tokens": "input_tokens"})
        assert row["input_tokens"] == 5
        assert row["attributes"] == {"usage": {"x": 1}}

    def test_a_literal_dotted_key_wins_over_the_nested_one(self) -> None:
        """A key that is written with dots is itself."""
        row = one({"usage.in": 4, "usage": {"in": 5}}, {"usage.in": "input_tokens"})
        assert row["input_tokens"] == 4
        assert row["attributes"] == {"usage": {"in": 5}}

    def test_what_a_user_says_wins_over_what_we_guess(self) -> None:
        """A user's alias comes before ours, after the column's own name."""
        aliases = {"llm": "model"}
        assert one({"gen_ai.request.model": "a", "llm": "b"}, aliases)["model"] == "b"
        assert one({"model": "a", "llm": "b"}, aliases)["model"] == "a"

    def test_a_nested_value_that_does_not_fit_stays(self) -> None:
        """A nested alias never refuses a line."""
        row = one({"usage": {"in": "many"}}, {"usage.in": "input_tokens"})
        assert "input_tokens" not in row
        assert row["attributes"] == {"usage": {"in": "many"}}


class TestStatusAndKind:
    """Words of others."""

    @pytest.mark.parametrize(
        ("given", "status", "kept"),
        [
            ("OK", "ok", None),
            ("Success", "ok", "Success"),
            ("failed", "error", "failed"),
            ("STATUS_CODE_ERROR", "error", "STATUS_CODE_ERROR"),
            ("canceled", "cancelled", "canceled"),
            ("timed out", "timeout", "timed out"),
            ("in_progress", "running", "in_progress"),
            (200, "ok", 200),
            (302, "ok", 302),
            ("503", "error", "503"),
            ("UNSET", None, "UNSET"),
            ("on fire", None, "on fire"),
            (7, None, 7),
            ({"code": "ERROR", "message": "no"}, "error", {"code": "ERROR", "message": "no"}),
        ],
    )
    def test_a_status_is_mapped_and_kept_where_it_says_more(self, given: Any, status: Any, kept: Any) -> None:
        """Words and HTTP numbers become one of our statuses; what they said stays an attribute."""
        row = one({"event": "x", "status": given})
        assert row.get("status") == status
        assert row.get("attributes", {}).get("status") == kept

    def test_a_kind_that_is_not_ours_is_an_attribute(self) -> None:
        """The kind is inferred as if the key had another name."""
        row = one({"kind": "SERVER", "event": "x"})
        assert (row["kind"], row["attributes"]) == ("log", {"kind": "SERVER"})

    def test_two_log_lines_of_one_span_are_two_events(self) -> None:
        """Only a line that says it is a span has the span's identity: nothing is dropped as a duplicate."""
        line = json.dumps({"trace_id": TRACE, "span_id": SPAN, "duration_ms": 3, "event": "query"})
        first, second = read(f"{line}\n{line}\n").rows
        assert first["event_id"] != second["event_id"]


class TestTraceparent:
    """W3C trace context in a log line."""

    @pytest.mark.parametrize("flags", ["00", "01", "03", "ff"])
    def test_it_names_the_trace_and_the_span_that_the_line_is_in(self, flags: str) -> None:
        """Any flags are valid; the header stays, for them."""
        row = one({"traceparent": f"{PARENT}-{flags}", "event": "x"})
        assert (row["trace_id"], row["parent_span_id"]) == (TRACE, SPAN)
        assert "span_id" not in row
        assert row["attributes"] == {"traceparent": f"{PARENT}-{flags}"}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "x",
            PARENT,
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{'0' * 32}-{SPAN}-01",
            f"{PARENT}-01-x",
            f"{PARENT}-01".upper(),
        ],
    )
    def test_one_that_is_not_valid_stays_an_attribute(self, text: str) -> None:
        """Nothing is guessed."""
        row = one({"traceparent": text, "event": "x"})
        assert "trace_id" not in row
        assert row["attributes"] == {"traceparent": text}

    def test_a_trace_id_of_the_line_is_not_contradicted(self) -> None:
        """A parent in another trace is no parent."""
        row = one({"traceparent": f"{PARENT}-01", "trace_id": "a" * 32})
        assert row["trace_id"] == "a" * 32
        assert "parent_span_id" not in row


class TestErrors:
    """Exceptions in the forms that loggers have."""

    @pytest.mark.parametrize(
        ("line", "kind", "message"),
        [
            ({"error": "no disk"}, None, "no disk"),
            ({"err": {"type": "TypeError", "message": "bad"}}, "TypeError", "bad"),
            ({"error": {"name": "Error", "message": "bad", "code": 5}}, "Error", "bad"),
            ({"exception": "Traceback (most recent call last):\n  File\nKeyError: 'x'"}, "KeyError", "'x'"),
            (
                {"exc_info": "Traceback (most recent call last):\n  f\nA: 1\n\nDuring ...\n\n"
                 "Traceback (most recent call last):\n  f\npkg.B: two\nlines"},
                "pkg.B",
                "two\nlines",
            ),
            ({"exception": [{"exc_type": "A", "exc_value": ""}]}, "A", ""),
            ({"exception": {"class": "A", "message": "m"}}, "A", "m"),
            ({"stack": "RangeError: far\n    at x"}, "RangeError", "far"),
            ({"exc_info": True}, None, None),
            ({"error": None}, None, None),
            ({"error": 5}, None, None),
        ],
    )  # fmt: skip
    def test_type_and_message_are_found(self, line: dict[str, Any], kind: str | None, message: str | None) -> None:
        """An object, a list, a traceback's text, or the message alone."""
        row = one({"event": "x", **line})
        assert (row.get("error_type"), row.get("error_message")) == (kind, message)

    def test_columns_that_the_line_has_are_not_overwritten(self) -> None:
        """A type from one place and a message from another would be a third error."""
        row = one({"error_type": "A", "exception": "Traceback (most recent call last):\n  f\nB: b"})
        assert row["error_type"] == "A"
        assert "error_message" not in row


def leaves(value: Any) -> Counter[str]:
    """How often each scalar stands in a value, in the words that the lake has for it."""
    found: Counter[str] = Counter()
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict | list):
            stack += node.values() if isinstance(node, dict) else node
        elif node is not None:
            found[_word(node)] += 1
    return found


def _word(leaf: Any) -> str:
    if isinstance(leaf, str):
        return leaf.encode("utf-8", "backslashreplace").decode()
    return json.dumps(leaf)
