"""Whichever keys are read as columns, the counts are those of the objects taken apart one by one."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.profiles.lakes import add, event, make

from deadreckon.core.lake import Lake
from deadreckon.profiles import connect, profile

NUMBERS = ("age", "Income", "a b", "é")
TEXTS = ("plan", "age_group", 'quo"te', "vip", "income")
ODD = (
    '{"age":"12","plan":5}',
    '{"age":"1","age":2}',
    '{"age":true,"plan":"basic"}',
    '{"age":[1],"plan":{"deep":"x"}}',
    '{"age":"12","plan":"\\u0022"}',
    '{"age":"12","plan":"\\u0022\\u0022"}',
    '{"age": null , "plan" : "a:null"}',
    '{":null,":5,"age":null}',
    '{"null":1,"age":2}',
    '{"plan":"true","vip":true}',
    '{"age":false,"vip":"false"}',
    '{"age":1e400,"Income":-1e400}',
    '{"age":12345678901234567890123,"Income":"NaN"}',
    '{"":1,"AGE":3}',
    '{"age":"Infinity","plan":""}',
    "[1,2]",
    "5",
    '"text"',
    "null",
    "{}",
)


def row(dice: random.Random) -> str:
    if dice.random() < 0.1:
        return dice.choice(ODD)
    found: dict[str, Any] = {key: dice.choice((dice.random(), dice.randrange(99))) for key in NUMBERS}
    found |= {key: dice.choice(("a", "b", "c d", "it's")) for key in TEXTS}
    found["vip"] = dice.random() < 0.5
    for key in list(found):
        if dice.random() < 0.1:
            found[key] = dice.choice((None, "7", 7, "x\ny", True, -0.0, "a\\b"))
        if dice.random() < 0.1:
            del found[key]
    if dice.random() < 0.05:
        found[f"rare {dice.randrange(3)}"] = dice.choice((1, "one"))
    return json.dumps(found, separators=(",", ":") if dice.random() < 0.7 else None, ensure_ascii=dice.random() < 0.5)


def expected(rows: list[str]) -> dict[str, Counter[Any]]:
    """Of each key how often each value is there: a number, or the text that the rest is."""
    counts: dict[str, Counter[Any]] = {}
    for text in rows:
        pairs = json.loads(text, object_pairs_hook=list, parse_int=float)
        if not text.startswith("{"):
            continue
        for key, value in pairs:
            if value is not None:
                counts.setdefault(key, Counter())[seen_as(value, json.loads(text)[key])] += 1
    return counts


def seen_as(value: Any, nested: Any) -> float | str:
    if isinstance(value, list):
        return json.dumps(nested, separators=(",", ":"))
    if isinstance(value, bool):
        return str(value).lower()
    if value in ("NaN", "Infinity", "-Infinity"):
        value = float(value)
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def check(lake: Lake, rows: list[str]) -> None:
    with connect(lake) as con:
        kinds = dict(con.execute("SELECT subject, kind FROM profile_subjects").fetchall())
        summaries = {
            subject: rest
            for subject, *rest in con.execute(
                "SELECT subject, sum(n), sum(n_nan), sum(n_posinf + n_neginf), sum(n_other), sum(n_null), sum(sum) "
                "FROM profile_summaries GROUP BY subject"
            ).fetchall()
        }
        buckets = con.execute(
            "SELECT subject, category, sum(n) FROM profile_buckets WHERE category IS NOT NULL GROUP BY ALL"
        ).fetchall()
    found: dict[str, Counter[str]] = {}
    for subject, category, n in buckets:
        found.setdefault(subject, Counter())[category] += int(n)
    truth = expected(rows)
    assert {s for s in kinds if s.startswith("feature:")} >= {f"feature:{key}" for key in truth}
    for key, counts in truth.items():
        subject = f"feature:{key}"
        numbers = Counter({k: n for k, n in counts.items() if isinstance(k, float)})
        finite = {k: n for k, n in numbers.items() if math.isfinite(k)}
        nan = counts["nan"]
        n, n_nan, n_inf, n_other, n_null, total = summaries[subject]
        assert n_null == len(rows) - sum(counts.values()) if len(counts) else True
        if kinds[subject] == "numeric":
            assert (n, n_nan, n_inf) == (sum(finite.values()), nan, sum(numbers.values()) - sum(finite.values())), key
            assert n_other == sum(counts.values()) - nan - sum(numbers.values()), key
            assert total == pytest.approx(math.fsum(k * n for k, n in finite.items()), rel=1e-9), key
        else:
            assert n_other == sum(numbers.values()) + nan, key
            words = Counter[str]()
            for value, times in counts.items():
                words[f"{value:.17g}" if isinstance(value, float) else value] += times
            assert found[subject] == words, key


@pytest.mark.parametrize("seed", range(4))
def test_every_value_is_counted_as_what_it_is(tmp_path: Path, seed: int) -> None:
    """Numbers, texts, nulls, truth values, nested values, quotes and keys in any mixture, over two runs."""
    dice = random.Random(seed)
    rows = [row(dice) for _ in range(300)]
    lake = make(tmp_path, [event(i, kind="prediction", features=text) for i, text in enumerate(rows)])
    profile(lake)
    check(lake, rows)
    more = [row(dice) for _ in range(300)]
    add(lake, [event(i, kind="prediction", features=text) for i, text in enumerate(more)])
    profile(lake)
    check(lake, rows + more)


def test_more_keys_than_can_be_columns(tmp_path: Path) -> None:
    """Objects of 200 keys each are counted whole."""
    rows = [json.dumps({f"x{k}": i * k for k in range(200)}) for i in range(30)]
    lake = make(tmp_path, [event(i, kind="prediction", features=text, outputs=text) for i, text in enumerate(rows)])
    profile(lake)
    with connect(lake) as con:
        found = con.execute(
            "SELECT split_part(subject, ':', 1), count(*), sum(n), sum(sum) FROM profile_summaries "
            "WHERE subject LIKE '%:x%' GROUP BY ALL ORDER BY 1"
        ).fetchall()
    total = sum(range(30)) * sum(range(200))
    assert found == [("feature", 200, 6000, total), ("output", 200, 6000, total)]
