"""Prices from every source on real lakes: whose price is in force when, what it is multiplied with, what has none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import genai_prices
import pytest
from tests.queries.lakes import Row, add, at, make_lake

from deadreckon.core.errors import ConfigError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.queries import connect
from deadreckon.queries.prices import NEVER, in_force, price_list
from deadreckon.queries.prices_cache import names_in
from deadreckon.queries.prices_genai import ask_data, matches

Ask = Callable[..., list[tuple[Any, ...]]]
MILLION = 1_000_000
LITELLM = {
    "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of the list"},
    "gpt-4o": {"input_cost_per_token": 99e-6, "output_cost_per_token": 99e-6, "litellm_provider": "openai"},
    "kiwi-1": {
        "litellm_provider": "vertex_ai-language-models",
        "input_cost_per_token": 1.25e-07,
        "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-08,
        "input_cost_per_token_above_200k_tokens": 2.5e-06,
        "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "input_cost_per_token_above_200k_tokens_priority": 7e-06,
    },
    "orchard/kiwi-1": {"input_cost_per_token": 3e-06, "output_cost_per_token": 3e-06, "litellm_provider": "orchard"},
    "plum": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "litellm_provider": "orchard"},
}


@pytest.fixture(autouse=True)
def _own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def litellm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package litellm that breaks when it is imported, with its file of prices."""
    package = tmp_path / "site" / "litellm"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "model_prices_and_context_window_backup.json").write_text(json.dumps(LITELLM))
    monkeypatch.syspath_prepend(str(package.parent))


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask a query of a lake with these calls, under these settings."""
    lakes = count()

    def query(sql: str, calls: list[Row], **settings: Any) -> list[tuple[Any, ...]]:
        lake = make_lake(tmp_path / f"lake{next(lakes)}", calls)
        with connect(lake, settings=Settings.model_validate(settings)) as con:
            return con.execute(sql).fetchall()

    return query


def call(**fields: Any) -> dict[str, Any]:
    """A call of gpt-4o at OpenAI, with a million tokens in."""
    return {
        "kind": "prediction",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "ts": at("12"),
        "input_tokens": MILLION,
        **fields,
    }


COST = "SELECT cost_usd, cost_source, price_source FROM model_calls"


@pytest.mark.parametrize(
    "used",
    [
        {"model": "gpt-4o", "provider": "openai", "input_tokens": 1000, "output_tokens": 500},
        {"model": "gpt-4o", "provider": "openai", "input_tokens": 1000, "output_tokens": 5, "cache_read_tokens": 900},
        {"model": "gpt-4o-2024-05-13", "provider": "azure.ai.openai", "input_tokens": 10, "output_tokens": 7},
        {
            "model": "claude-sonnet-4-5-20250929",
            "provider": "anthropic",
            "input_tokens": 9000,
            "output_tokens": 70,
            "cache_read_tokens": 5000,
            "cache_write_tokens": 3000,
        },
        {"model": "claude-sonnet-4-5", "provider": None, "input_tokens": 9000, "output_tokens": 70},
        {"model": "gemini-2.5-pro", "provider": "gcp.vertex_ai", "input_tokens": 200_000, "output_tokens": 7},
        {"model": "gemini-2.5-pro", "provider": "gcp.vertex_ai", "input_tokens": 200_001, "output_tokens": 7},
        {
            "model": "sonar-deep-research",
            "provider": "perplexity",
            "input_tokens": 10,
            "output_tokens": 700,
            "reasoning_tokens": 600,
        },
        {"model": "text-embedding-3-small", "provider": "openai", "input_tokens": 12345},
    ],
    ids=lambda used: f"{used['provider']}/{used['model']}/{used['input_tokens']}",
)
def test_a_call_costs_what_genai_prices_says(ask: Ask, used: dict[str, Any]) -> None:
    """Model and provider are matched, and cached, reasoning and tiered tokens priced, as the library itself does."""
    names = {"reasoning_tokens": "output_reasoning_tokens"}
    tokens = {names.get(k, k): v for k, v in used.items() if k.endswith("_tokens")}
    expected = genai_prices.calc_price(
        genai_prices.Usage(**tokens),
        used["model"],
        provider_id=used["provider"],
        genai_request_timestamp=at("12"),
    ).total_price
    cost, source, price = ask(COST, [call(**used)])[0]
    assert cost == pytest.approx(float(expected), rel=1e-12)
    assert cost > 0
    assert source == "computed"
    assert price.startswith(f"genai-prices {genai_prices.__version__} (")


@pytest.mark.parametrize(
    "fields",
    [{"model": "gpt-none"}, {"provider": "brightmoor"}, {"model": "fox", "provider": None}, {"input_tokens": None}],
)
def test_what_no_source_prices_is_unpriced_and_never_free(ask: Ask, fields: dict[str, Any]) -> None:
    """An unknown model, a known model at an unknown provider, an unknown number of tokens."""
    assert ask(COST, [call(output_tokens=1, **fields)]) == [(None, "unpriced", None)]


def test_prices_hold_from_their_dates(ask: Ask) -> None:
    """A price that the library dates changes at that day's midnight in UTC, and the past keeps the old one."""
    sql = "SELECT computed_usd FROM model_calls ORDER BY ts"
    calls = [
        call(provider="anthropic", model="claude-opus-4-6", ts=datetime(2026, 3, day, hour, tzinfo=UTC))
        for day, hour in ((12, 23), (13, 0))
    ]
    assert ask(sql, calls) == [(10.0,), (5.0,)]  # until then, more than 200,000 tokens in cost twice as much


def test_opentelemetrys_names_of_providers_are_known(ask: Ask) -> None:
    """With an underline where the library has a dash."""
    calls = [call(provider=p, model="grok-3") for p in ("x-ai", "x_ai")]
    (one, other) = ask("SELECT computed_usd FROM model_calls", calls)
    assert one == other
    assert one[0] > 0


def test_what_the_library_cannot_say_by_tokens_is_said(ask: Ask) -> None:
    """Fees by the request and prices by the hour are left out of the price, and its note says so."""
    rows = ask("SELECT note FROM prices", [call(provider="perplexity", model="sonar")])
    assert rows == [("a fee for each request is left out",)]
    notes = ask("SELECT DISTINCT note FROM prices", [call(provider="deepseek", model="deepseek-chat")])
    assert any("time of day" in str(note) for (note,) in notes)


def test_the_users_price_is_the_first(ask: Ask) -> None:
    """From the day on from which it holds; before that day the library's is in force."""
    mine = {"input_per_mtok": 1.0, "output_per_mtok": 1.0, "valid_from": "2026-06-10", "source": "our contract"}
    rows = ask(f"{COST} ORDER BY ts", [call(ts=at("9")), call(ts=at("10"))], prices={"gpt-4o": mine})
    assert rows[0][0] == 2.5
    assert rows[0][2].startswith("genai-prices")
    assert rows[1] == (1.0, "computed", "our contract")


def test_the_nearer_name_of_the_user_wins(ask: Ask) -> None:
    """A version before a model, a provider's model before the model; the price file after deadreckon.toml."""

    def flat(price: float) -> dict[str, float]:
        return {"input_per_mtok": price, "output_per_mtok": 0.0}

    Path("deadreckon.prices.toml").write_text(
        "[prices.m]\ninput_per_mtok = 9\noutput_per_mtok = 9\n[prices.n]\ninput_per_mtok = 5\noutput_per_mtok = 9\n"
    )
    calls = [
        call(model="m", provider="a", model_version="v"),
        call(model="m", provider="a", model_version="w"),
        call(model="m", provider="b", model_version="w"),
        call(model="n", provider="b"),
    ]
    prices = {"m": flat(1), "a/m": flat(2), "v": flat(3)}
    rows = ask("SELECT computed_usd FROM model_calls ORDER BY ALL", calls, prices=prices)
    assert rows == [(1.0,), (2.0,), (3.0,), (5.0,)]


def test_counts_below_zero_are_no_counts(ask: Ask) -> None:
    """They are not known: nothing is priced or summed up by them. More cached than there was input is no credit."""
    prices = {"m": {"input_per_mtok": 10, "output_per_mtok": 100, "cache_read_per_mtok": 1}}
    used = [
        {"input_tokens": 100, "output_tokens": 10, "cache_read_tokens": -50, "reasoning_tokens": -5},
        {"input_tokens": 100, "output_tokens": -10},
        {"input_tokens": -100, "output_tokens": 10},
        {"input_tokens": 100, "output_tokens": 10, "cache_read_tokens": 400},
    ]
    rows = [call(model="m", ts=at(f"12 00:00:0{i}"), **tokens) for i, tokens in enumerate(used)]
    sql = "SELECT computed_usd * 1e6, cost_source, total_tokens, cache_read_tokens FROM model_calls ORDER BY ts"
    assert ask(sql, rows, prices=prices) == [
        (pytest.approx(2000), "computed", 110, None),
        (pytest.approx(1000), "computed", 100, None),
        (None, "unpriced", 10, None),
        (pytest.approx(1400), "computed", 110, 400),
    ]


def test_tiers_of_the_user(ask: Ask) -> None:
    """All tokens of a call are priced by the tier that its input reaches."""
    tiers = [{"above_input_tokens": 100, "input_per_mtok": 10, "output_per_mtok": 20}]
    prices = {"m": {"input_per_mtok": 1, "output_per_mtok": 2, "tiers": tiers}}
    calls = [call(model="m", input_tokens=n, output_tokens=50) for n in (0, 100, 101)]
    rows = ask("SELECT computed_usd * 1e6 FROM model_calls ORDER BY input_tokens", calls, prices=prices)
    assert [row[0] for row in rows] == pytest.approx([100, 200, 2010])


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ([{"input_per_mtok": 1, "output_per_mtok": 1}], "above_input_tokens None"),
        ([{"above_input_tokens": 0, "input_per_mtok": 1, "output_per_mtok": 1}], "above_input_tokens 0"),
        ([{"above_input_tokens": 5, "input_per_mtok": 1}], "output_per_mtok"),
        ([{"above_input_tokens": 5, "input_per_mtok": 1, "output_per_mtok": 1}] * 2, "two tiers above 5"),
        ("high", "tiers is 'high'"),
    ],
)
def test_tiers_that_make_no_sense_are_said(tiers: Any, said: str) -> None:
    """The error names the model and the value."""
    with pytest.raises(ConfigError) as wrong:
        price_list({"m": {"input_per_mtok": 1, "output_per_mtok": 1, "tiers": tiers}})
    assert said in wrong.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [("[prices.m", "cannot read"), ("lake = 'x'", "holds lake"), ("[prices]\nm = 3", "prices.m is 3")],
)
def test_a_price_file_that_makes_no_sense_is_said(ask: Ask, text: str, said: str) -> None:
    """Never a price that is quietly not there."""
    Path("deadreckon.prices.toml").write_text(text)
    with pytest.raises(ConfigError) as wrong:
        ask(COST, [call()])
    assert said in wrong.value.message
    assert wrong.value.hint


@pytest.mark.usefixtures("litellm")
@pytest.mark.parametrize(
    ("fields", "dollars"),
    [
        ({"provider": "gcp.vertex_ai", "input_tokens": 200_000}, 0.025),
        ({"provider": "gcp.vertex_ai", "input_tokens": 200_001}, 0.5000025),
        ({"provider": "vertex_ai", "input_tokens": 100, "cache_read_tokens": 100}, 0.00000125),
        ({"provider": "orchard"}, 3.0),
        ({"provider": "bakery"}, None),
        ({"provider": "orchard", "model": "plum"}, None),
        ({"provider": "orchard", "model": "kiwi"}, None),
        ({"provider": "openai", "model": "gpt-4o"}, 2.5),
    ],
)
def test_litellms_file_is_read_and_comes_last(ask: Ask, fields: dict[str, Any], dollars: float | None) -> None:
    """By exact names and provider, with its tiers; it is never imported, and its zeros are no prices."""
    row = ask("SELECT computed_usd FROM model_calls", [call(**{"model": "kiwi-1", **fields})])[0]
    assert row[0] == (None if dollars is None else pytest.approx(dollars))


@pytest.mark.usefixtures("litellm")
def test_libraries_can_be_chosen(ask: Ask) -> None:
    """`pricing.libraries` says which are asked, in which order."""
    sql = "SELECT computed_usd FROM model_calls"
    assert ask(sql, [call()], pricing={"libraries": ["litellm", "genai-prices"]}) == [(99.0,)]
    assert ask(sql, [call()], pricing={"libraries": []}) == [(None,)]


def test_a_name_that_may_mean_several_models_is_seen() -> None:
    """Without a provider the library takes one; the others at another price are told of."""
    from genai_prices.data import providers

    found = matches(providers, [("", "gpt-4o"), ("openai", "gpt-4o"), ("", "llama-3.3-70b-versatile")], "test")
    assert found["openai", "gpt-4o"].others == ()
    assert found["", "gpt-4o"].known_as == "openai/gpt-4o"
    assert "openai/gpt-4o" not in found["", "gpt-4o"].others


def test_views_show_both_costs_and_their_difference(ask: Ask) -> None:
    """The difference is that of the calls where both are known; unpriced calls are counted."""
    calls = [call(cost_usd=3.0), call(), call(model="fox", cost_usd=7.0), call(model="fox")]
    for view in ("cost_by_day", "cost_by_session", "cost_by_user", "cost_by_version"):
        sql = f"SELECT sum(reported_usd), sum(computed_usd), sum(difference_usd), sum(unpriced_calls) FROM {view}"
        assert ask(sql, calls) == [(10.0, 5.0, 0.5, 1)], view
    sql = "SELECT reported_usd, computed_usd, difference_usd FROM {}"
    failed = [call(cost_usd=3.0, status="error", error_type="Boom")]
    for view in ("model_calls", "llm_calls", "wasted_cost"):
        assert ask(sql.format(view), failed) == [(3.0, 2.5, 0.5)], view


def test_the_past_is_repriced_by_a_query(ask: Ask) -> None:
    """What June would have cost at the prices of today: a join, and nothing is written."""
    prices = {
        "m": {
            "input_per_mtok": 1.0,
            "output_per_mtok": 0.0,
            "valid_from": "2026-06-15",
            "earlier": [{"input_per_mtok": 4.0, "output_per_mtok": 0.0}],
        }
    }
    page = (Path(__file__).parents[2] / "docs" / "prices.md").read_text("utf-8")
    sql = next(block for block in page.split("\n\n    ") if block.startswith("select sum(c.computed_usd)"))
    used = {"output_tokens": 3, "cache_read_tokens": 1000, "cache_write_tokens": 10, "reasoning_tokens": 1}
    calls = [call(model="m", **used), call(model="m", input_tokens=None)]
    assert ask(sql.partition("\n\n")[0], calls, prices=prices) == [(pytest.approx(4.0), pytest.approx(1.0))]


def test_histories_are_laid_over_each_other() -> None:
    """At each time the first that has a price; without a seam where it goes on."""

    def flat(price: float, start: str) -> dict[str, Any]:
        return {"input_per_mtok": price, "output_per_mtok": 0, "valid_from": start}

    upper = price_list({"m": flat(1, "2026-03-01")})["m"]
    lower = price_list({"m": flat(2, "2026-02-01") | {"earlier": [flat(3, "2026-01-01")]}, "n": flat(2, "2026-04-01")})
    laid = in_force([upper, lower["m"], lower["n"]])
    assert [(p.valid_from.month, p.valid_to.month, p.input_per_mtok) for p in laid] == [
        (1, 2, 3),
        (2, 3, 2),
        (3, 12, 1),
    ]
    assert laid[-1].valid_to == NEVER


def test_names_are_read_once_a_file(tmp_path: Path) -> None:
    """New files add their names; a cache that is torn is made anew."""
    lake = make_lake(tmp_path / "lake", [call(), {"kind": "log", "ts": at("3")}])
    assert names_in(lake.snapshot()) == [("openai", "gpt-4o", "")]
    add(lake, [call(model="m", provider=None, model_version="1")])
    assert names_in(lake.snapshot()) == [("", "m", "1"), ("openai", "gpt-4o", "")]
    (cache,) = (tmp_path / "caches" / "deadreckon").glob("names-*.json")
    before = cache.read_bytes()
    assert names_in(lake.snapshot()) == [("", "m", "1"), ("openai", "gpt-4o", "")]
    assert cache.read_bytes() == before
    cache.write_bytes(before[:20])
    assert names_in(lake.snapshot()) == [("", "m", "1"), ("openai", "gpt-4o", "")]


def test_names_of_a_lake_that_is_gone_are_gone(tmp_path: Path) -> None:
    """Another lake in its place has its own."""
    make_lake(tmp_path / "lake", [call()])
    assert names_in(Lake.open(tmp_path / "lake").snapshot()) == [("openai", "gpt-4o", "")]
    shutil.rmtree(tmp_path / "lake")
    make_lake(tmp_path / "lake", [call(model="m")])
    assert names_in(Lake.open(tmp_path / "lake").snapshot()) == [("openai", "m", "")]


def test_costs_are_computed_where_nothing_can_be_kept(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of caches that cannot be made costs time alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/caches")
    assert ask("SELECT computed_usd FROM model_calls", [call()]) == [(2.5,)]


def test_a_new_file_of_the_libraries_prices_is_read() -> None:
    """The JSON that genai-prices publishes, by its rules."""
    raw = [
        {
            "id": "orchard",
            "name": "Orchard",
            "api_pattern": "https://orchard",
            "models": [
                {"id": "pear", "match": {"starts_with": "pear"}, "prices": {"input_mtok": "2", "output_mtok": 4}}
            ],
        }
    ]
    (found,) = ask_data(raw, "file")([("orchard", "pear-2026")]).values()
    assert found.known_as == "orchard/pear"
    assert Decimal(found.prices[0].input_per_mtok) == 2
