"""`reckon prices`: what is listed, what is found, what an update writes, and what it leaves as it was."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.queries.lakes import Row, at, make_lake

from deadreckon.cli.app import run
from deadreckon.core.errors import SourceError
from deadreckon.core.settings import Settings
from deadreckon.queries import connect
from deadreckon.queries.prices import EVER, NEVER, Price, price_list
from deadreckon.queries.prices_genai import Match
from deadreckon.queries.prices_record import fetched, record, written

Reckon = Callable[..., tuple[int, Any]]
FILE = Path("deadreckon.prices.toml")


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def reckon(capsys: pytest.CaptureFixture[str]) -> Reckon:
    """Run a command on ./lake and return its exit code and its JSON."""

    def call_it(*words: str) -> tuple[int, Any]:
        code = run([*words, "--format", "json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else json.loads(err)

    return call_it


def call(**fields: Any) -> Row:
    """A call of gpt-4o at OpenAI, with a million tokens in."""
    ids = {"kind": "prediction", "operation": "chat", "ts": at("12")}
    return {**ids, "provider": "openai", "model": "gpt-4o", "input_tokens": 1_000_000, **fields}


def test_list_says_what_is_in_force_and_from_where(reckon: Reckon) -> None:
    """The models of the lake that have a price; others by name, with or without a provider, also without a lake."""
    code, answer = reckon("prices", "list", "openai/gpt-4o-mini")
    assert code == 0
    assert (answer["rows"][0]["provider"], answer["rows"][0]["input_per_mtok"]) == ("openai", 0.15)
    make_lake(Path("lake"), [call(), call(model="fox"), call(provider="google", model="gemini-2.5-pro")])
    code, answer = reckon("prices", "list")
    assert code == 0
    listed = [(r["model"], r["min_input_tokens"], r["input_per_mtok"]) for r in answer["rows"]]
    assert listed == [("gemini-2.5-pro", 0, 1.25), ("gemini-2.5-pro", 200_001, 2.5), ("gpt-4o", 0, 2.5)]
    assert answer["rows"][2]["source"].startswith("genai-prices ")
    assert "genai-prices " in answer["sources"]
    assert [r["model"] for r in reckon("prices", "list", "GPT")[1]["rows"]] == ["gpt-4o"]
    assert reckon("prices", "list", "no-such-model")[1]["rows"] == []


def test_list_shows_the_history_when_asked(reckon: Reckon) -> None:
    """One row for each time and tier."""
    make_lake(Path("lake"), [call(provider="anthropic", model="claude-opus-4-6")])
    assert len(reckon("prices", "list")[1]["rows"]) == 1
    rows = reckon("prices", "list", "--history")[1]["rows"]
    assert [(r["valid_from"], r["valid_to"], r["min_input_tokens"]) for r in rows] == [
        (None, "2026-03-13", 0),
        (None, "2026-03-13", 200_001),
        ("2026-03-13", None, 0),
    ]


def test_no_lake_is_said(reckon: Reckon) -> None:
    """With a next step."""
    code, answer = reckon("prices", "check")
    assert code == 3
    assert answer["error"]["kind"] == "lake_not_found"


def test_check_finds_what_has_no_price_or_another_one(reckon: Reckon) -> None:
    """Unpriced models, calls without counts, costs apart from each other, and what a price leaves out."""
    make_lake(
        Path("lake"),
        [
            call(cost_usd=2.5),
            call(cost_usd=2.51),
            call(input_tokens=None),
            call(model="gpt-4o-mini", cost_usd=1.0),
            call(model="fox"),
            call(model="fox"),
            call(provider="perplexity", model="sonar"),
        ],
    )
    code, answer = reckon("prices", "check")
    found = [(r["finding"], r["model"], r["calls"]) for r in answer["rows"]]
    assert code == 1
    assert found == [
        ("unpriced", "fox", 2),
        ("unpriced", "gpt-4o", 1),
        ("differs", "gpt-4o-mini", 1),
        ("left out", "sonar", 1),
        ("agrees", "gpt-4o", 2),
    ]
    differs = answer["rows"][2]
    assert (differs["reported_usd"], differs["computed_usd"], differs["difference_usd"]) == (1.0, 0.15, 0.85)
    agrees = answer["rows"][-1]
    assert agrees["difference_usd"] == 0.01


def test_check_is_content_where_nothing_is_doubtful(reckon: Reckon) -> None:
    """Exit code 0, also where differences are as small as is allowed."""
    make_lake(Path("lake"), [call(cost_usd=2.6)])
    assert reckon("prices", "check")[0] == 1
    assert reckon("prices", "check", "--tolerance", "0.1")[0] == 0


def test_a_name_without_a_provider_has_the_price_of_the_one_that_it_names(reckon: Reckon) -> None:
    """The library says whose name it is. That others sell it at another price is said, and makes no cost doubtful."""
    make_lake(Path("lake"), [call(provider=None, model="gpt-4o-mini")])
    code, answer = reckon("prices", "check")
    assert (code, {r["finding"] for r in answer["rows"]} - {"assumed"}) == (0, set())
    assert all("priced as openai/gpt-4o-mini" in r["detail"] for r in answer["rows"])
    table = {"gpt-4o": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "litellm_provider": "a"}}
    table["b/gpt-4o"] = {"input_cost_per_token": 2e-6, "output_cost_per_token": 1e-6, "litellm_provider": "b"}
    package = Path("site/litellm")
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "model_prices_and_context_window_backup.json").write_text(json.dumps(table))
    Path("deadreckon.toml").write_text('[pricing]\nlibraries = ["litellm"]\n')
    make_lake(Path("other"), [call(provider=None)])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(package.parent.absolute()))
        code, answer = reckon("prices", "check", "--lake", "other")
        assert code == 0
        assert [(r["finding"], r["model"]) for r in answer["rows"]] == [("assumed", "gpt-4o")]
        assert "b/gpt-4o" in answer["rows"][0]["detail"]
        Path("deadreckon.toml").write_text("[prices.gpt-4o]\ninput_per_mtok = 1\noutput_per_mtok = 1\n")
        assert reckon("prices", "check", "--lake", "other") == (
            0,
            {"count": 0, "columns": answer["columns"], "rows": []},
        )


def test_update_writes_what_gives_the_same_costs_without_the_library(reckon: Reckon) -> None:
    """With tiers and dates; a second update changes nothing; people's own entries stay."""
    calls = [
        call(provider="anthropic", model="claude-opus-4-6", ts=datetime(2026, 3, 12, tzinfo=UTC), output_tokens=9),
        call(provider="anthropic", model="claude-opus-4-6", input_tokens=10, cache_read_tokens=7),
        call(provider="google", model="gemini-2.5-pro", output_tokens=5, reasoning_tokens=3),
        call(provider=None, model_version="gpt-4o-2024-05-13"),
        call(model="fox"),
    ]
    lake = make_lake(Path("lake"), calls)
    costs = "SELECT model, computed_usd FROM model_calls ORDER BY ALL"
    with connect(lake) as con:
        before = con.execute(costs).fetchall()
    FILE.write_text("[prices.fox]\ninput_per_mtok = 1\noutput_per_mtok = 1\n")
    code, answer = reckon("prices", "update")
    assert code == 0
    assert {r["change"] for r in answer["rows"]} == {"added"}
    assert tomllib.loads(FILE.read_text())["prices"]["fox"] == {"input_per_mtok": 1, "output_per_mtok": 1}
    with connect(lake, settings=Settings.model_validate({"pricing": {"libraries": []}})) as con:
        after = con.execute(costs).fetchall()
    assert after == sorted([("fox", 1.0), *(row for row in before if row[0] != "fox")])
    content = FILE.read_bytes()
    assert {r["change"] for r in reckon("prices", "update")[1]["rows"]} == {"same"}
    assert FILE.read_bytes() == content


def price(rate: float, start: datetime = EVER, end: datetime = NEVER) -> Price:
    """A price of one rate for everything."""
    return Price(start, end, 0, 2**63 - 1, rate, rate, rate, rate, rate, source="lib 1")


def steps() -> list[tuple[str, float]]:
    """What the price file holds for o/m: from when, how much."""
    held = price_list(tomllib.loads(FILE.read_text())["prices"])["o/m"]
    return [("ever" if p.valid_from == EVER else p.valid_from.date().isoformat(), p.input_per_mtok) for p in held]


def test_later_updates_leave_the_past_as_it_was() -> None:
    """A change that nobody dated counts from the day of the update; one that is dated from its date; the past stays."""

    def update(day: int, *prices: Price) -> str:
        (change,) = record(
            FILE, [("o", "m", "")], [lambda names: {n: Match("o/m", prices) for n in names}], date(2026, 6, day)
        )
        return change.change

    assert update(1, price(1)) == "added"
    assert update(5, price(1)) == "same"
    assert update(10, price(2)) == "changed"
    assert steps() == [("ever", 1), ("2026-06-10", 2)]
    assert update(20, price(7, EVER, at("15")), price(3, at("15"))) == "changed"
    assert steps() == [("ever", 1), ("2026-06-10", 2), ("2026-06-15", 3)]
    assert update(21, price(3, EVER, at("25")), price(4, at("25"))) == "changed"
    assert steps() == [("ever", 1), ("2026-06-10", 2), ("2026-06-15", 3), ("2026-06-25", 4)]


def test_an_entry_of_ones_own_is_kept() -> None:
    """It has no `recorded`."""
    FILE.write_text('[prices."o/m"]\ninput_per_mtok = 8\noutput_per_mtok = 8\n')
    asks = [lambda names: {n: Match("o/m", (price(1),)) for n in names}]
    assert [c.change for c in record(FILE, [("o", "m", "")], asks, date(2026, 6, 1))] == ["kept"]
    assert steps() == [("ever", 8)]


def test_check_says_that_the_file_is_behind(reckon: Reckon) -> None:
    """A recorded price that is not the library's any more."""
    make_lake(Path("lake"), [call()])
    FILE.write_text('[prices."openai/gpt-4o"]\ninput_per_mtok = 8\noutput_per_mtok = 8\nrecorded = 2026-06-01\n')
    code, answer = reckon("prices", "check")
    assert (code, [r["finding"] for r in answer["rows"]]) == (0, ["outdated"])


def test_update_from_a_file_takes_that_and_nothing_else(reckon: Reckon) -> None:
    """Of either library's form."""
    make_lake(Path("lake"), [call(), call(provider="orchard", model="pear")])
    theirs = {"pear": {"input_cost_per_token": 3e-6, "output_cost_per_token": 6e-6, "litellm_provider": "orchard"}}
    Path("lite.json").write_text(json.dumps(theirs))
    code, answer = reckon("prices", "update", "--from", "lite.json")
    assert (code, [(r["key"], r["change"]) for r in answer["rows"]]) == (0, [("orchard/pear", "added")])
    assert answer["rows"][0]["source"].startswith("lite.json of ")
    model = {"id": "pear", "match": {"equals": "pear"}, "prices": {"input_mtok": 4, "output_mtok": 4}}
    Path("genai.json").write_text(
        json.dumps([{"id": "orchard", "name": "O", "api_pattern": "https://o", "models": [model]}])
    )
    assert reckon("prices", "update", "--from", "genai.json")[1]["rows"][0]["change"] == "changed"


@pytest.mark.parametrize("content", [b"{", b"[1]", b'[{"id": 3}]', b"3", None])
def test_a_table_that_cannot_be_read_is_said(reckon: Reckon, content: bytes | None) -> None:
    """And nothing is written."""
    make_lake(Path("lake"), [call()])
    if content is not None:
        Path("x.json").write_bytes(content)
    code, answer = reckon("prices", "update", "--from", "x.json")
    assert (code, answer["error"]["kind"]) == (3, "source")
    assert answer["error"]["hint"]
    assert not FILE.exists()


def test_an_address_that_does_not_answer_is_said() -> None:
    """As a source that cannot be read."""
    with pytest.raises(SourceError, match="cannot read http"):
        fetched("http://127.0.0.1:9/prices.json")


def test_names_of_any_kind_are_written_as_toml() -> None:
    """Quotes, dots, control characters and other alphabets."""
    names = ['a."b"', "x/y:1", "naïve 模型", "tab\t\x7f\x01", "emoji 😀"]
    entries = {name: {"input_per_mtok": 1.0, "tiers": [{"above_input_tokens": 3}], "source": name} for name in names}
    assert tomllib.loads(written(entries))["prices"] == entries


def test_list_says_why_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal: no calls of models, a model that no source knows, or none of those in the lake."""
    table = ["prices", "list", "--format", "table"]
    make_lake(Path("lake"), [{"kind": "log", "ts": at("12")}])
    assert run(table) == 0
    assert "the lake has no calls of models" in capsys.readouterr().err
    make_lake(Path("other"), [call(model="fox")])
    assert run([*table, "--lake", "other"]) == 0
    assert "no price for openai/fox is in force in deadreckon.toml, deadreckon.prices.toml" in capsys.readouterr().err
    assert run([*table, "no-such-model", "--lake", "other"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no price for no-such-model" in err
    assert "[prices]" in err
