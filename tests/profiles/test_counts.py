"""What the profiles of a lake say is what its events say."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from tests.profiles.lakes import HOUR, add, event, make

from deadreckon.core.lake import Lake
from deadreckon.drift.buckets import keys
from deadreckon.profiles import connect, profile
from deadreckon.queries import connect as every_view

TRICKY = [
    *(2.0**k for k in range(-70, 1024, 7)),
    *(-(2.0**k) for k in range(-70, 1024, 13)),
    *(0.0, -0.0, 5e-324, 2.2e-308, 1e308, -1e308, 1.7976931348623157e308, 2.0**-64, math.nextafter(2.0**-64, 1)),
    *(float(x) for x in np.random.default_rng(3).normal(0, 100, 300)),
    *(float(x) for x in np.exp(np.random.default_rng(4).normal(0, 30, 300))),
]


def buckets(lake: Lake, subject: str) -> dict[int, int]:
    with connect(lake) as con:
        found = con.execute(
            "SELECT bucket, sum(n) FROM profile_buckets WHERE subject = $subject GROUP BY ALL", {"subject": subject}
        )
        return {bucket: int(n) for bucket, n in found.fetchall()}


def summary(lake: Lake, subject: str) -> dict[str, float | None]:
    with connect(lake) as con:
        cursor = con.execute(
            """
            SELECT sum(n) AS n, sum(n_null) AS n_null, sum(n_nan) AS n_nan, sum(n_posinf) AS n_posinf,
                sum(n_neginf) AS n_neginf, sum(n_other) AS n_other, sum(sum) AS sum, min(min) AS min, max(max) AS max
            FROM profile_summaries WHERE subject = $subject
            """,
            {"subject": subject},
        )
        return dict(zip([d[0] for d in cursor.description], cursor.fetchone() or (), strict=True))


def categories(lake: Lake, subject: str) -> dict[str, int]:
    with connect(lake) as con:
        found = con.execute(
            "SELECT category, sum(n) FROM profile_buckets WHERE subject = $subject GROUP BY ALL", {"subject": subject}
        )
        return {category: int(n) for category, n in found.fetchall()}


def predictions(*features: object) -> list[dict[str, Any]]:
    return [event(i, kind="prediction", model="m", features=json.dumps(f)) for i, f in enumerate(features)]


def test_buckets_are_those_of_the_reference(tmp_path: Path) -> None:
    """Every finite number is in the bucket that `drift.buckets` says, at edges and at both ends of the numbers."""
    lake = make(tmp_path, [event(i, duration_ms=x) for i, x in enumerate(TRICKY)])
    profile(lake)

    expected: dict[int, int] = {}
    for key in keys(np.array(TRICKY)).tolist():
        expected[key] = expected.get(key, 0) + 1
    assert buckets(lake, "latency_ms") == expected


def test_numbers_that_are_not_finite_are_counted_apart(tmp_path: Path) -> None:
    """NaN and the infinities are in the summary and in no bucket; sums are of the finite numbers."""
    values = [1.0, 2.5, math.nan, math.nan, math.inf, -math.inf, -math.inf, -math.inf]
    lake = make(tmp_path, [event(i, duration_ms=x) for i, x in enumerate(values)])
    profile(lake)

    found = summary(lake, "latency_ms")
    counts = {"n": 2, "n_null": 0, "n_nan": 2, "n_posinf": 1, "n_neginf": 3, "n_other": 0}
    assert found == counts | {"sum": 3.5, "min": 1.0, "max": 2.5}
    assert sum(buckets(lake, "latency_ms").values()) == 2


def test_features_are_measured_from_their_first_median(tmp_path: Path) -> None:
    """A feature's origin is the median of what came first, and stays whatever comes later."""
    years = [2020, 2021, 2022, 2023, 2024]
    lake = make(tmp_path, predictions(*({"year": y} for y in years)))
    profile(lake)
    add(lake, predictions(*({"year": y} for y in (1950, 1950, 1950))))
    profile(lake)

    with connect(lake) as con:
        assert con.execute("SELECT origin, kind FROM profile_subjects WHERE subject = 'feature:year'").fetchall() == [
            (2022.0, "numeric")
        ]
    everything = np.array([*years, 1950, 1950, 1950], dtype=float)
    expected = {int(k): int(n) for k, n in zip(*np.unique(keys(everything, 2022.0), return_counts=True), strict=True)}
    assert buckets(lake, "feature:year") == expected


def test_values_of_the_wrong_kind_are_counted(tmp_path: Path) -> None:
    """Texts among numbers, numbers among texts, nulls, absent keys, nested values and NaN: none is lost."""
    lake = make(
        tmp_path,
        predictions(
            *({"age": i, "plan": "basic"} for i in range(10)),
            {"age": "old", "plan": 5},
            {"age": None, "plan": "NaN"},
            {"age": "NaN", "plan": {"deep": [1]}},
            {"age": "-Infinity", "plan": True},
            {"age": 1e400, "plan": "pro"},
            {},
            [1, 2],
        ),
    )
    profile(lake)

    age, plan = summary(lake, "feature:age"), summary(lake, "feature:plan")
    counts = ("n", "n_null", "n_nan", "n_posinf", "n_neginf", "n_other")
    assert [age[c] for c in counts] == [10, 3, 1, 1, 1, 1]
    assert [plan[c] for c in counts] == [13, 2, 0, 0, 0, 2]
    assert categories(lake, "feature:plan") == {"basic": 10, "5": 1, "nan": 1, '{"deep":[1]}': 1, "true": 1, "pro": 1}


def test_a_feature_that_a_whole_hour_lacks_is_null_there(tmp_path: Path) -> None:
    """An hour whose events have features, and this one not, has a summary that says so."""
    lake = make(tmp_path, predictions({"age": 1}, {"age": 2}))
    later = [{**e, "ts": e["ts"] + timedelta(hours=1)} for e in predictions({"income": 1}, {"income": None}, {})]
    add(lake, later)
    profile(lake)

    with connect(lake) as con:
        rows = con.execute(
            "SELECT n, n_null FROM profile_summaries WHERE subject = 'feature:age' ORDER BY hour"
        ).fetchall()
    assert rows == [(2, 0), (0, 3)]


def test_scores_and_feedback_are_subjects_by_name(tmp_path: Path) -> None:
    """Scores with values are numbers, those with labels categories, and those with neither null."""
    scores = [event(i, kind="score", name="help", value=v) for i, v in enumerate((0.1, 0.2, None))]
    labels = [event(i, kind="score", name="tone", label=v) for i, v in enumerate(("kind", "kind", "rude"))]
    lake = make(tmp_path, [*scores, *labels, event(9, kind="feedback", name="thumb", value=-1.0)])
    profile(lake)

    assert (summary(lake, "score:help")["n"], summary(lake, "score:help")["n_null"]) == (2, 1)
    assert categories(lake, "score:tone") == {"kind": 2, "rude": 1}
    assert summary(lake, "feedback:thumb")["sum"] == -1.0


def test_groups_are_apart_and_null_is_one_of_them(tmp_path: Path) -> None:
    """Hours, environments, models, versions and variants are counted apart, NULL by itself."""
    lake = make(
        tmp_path,
        [
            event(0, duration_ms=1.0, model="m", model_version="1", environment="prod", variant="A"),
            event(0, duration_ms=1.0, model="m", model_version="1", environment="prod"),
            event(0, duration_ms=1.0),
            event(HOUR, duration_ms=1.0),
            event(1, duration_ms=1.0),
        ],
    )
    profile(lake)

    with connect(lake) as con:
        rows = con.execute(
            "SELECT hour(hour), environment, model, model_version, variant, n FROM profile_summaries "
            "WHERE subject = 'latency_ms' ORDER BY ALL NULLS LAST"
        ).fetchall()
    assert rows == [
        (12, "prod", "m", "1", "A", 1),
        (12, "prod", "m", "1", None, 1),
        (12, None, None, None, None, 2),
        (13, None, None, None, None, 1),
    ]


@pytest.mark.parametrize("distinct", [300, 5000])
def test_an_explosion_of_categories_stays_bounded(tmp_path: Path, distinct: int) -> None:
    """However many values there are, so many are counted by themselves and the rest together."""
    lake = make(tmp_path, [event(i / 10, tool=f"tool {i % distinct}") for i in range(6000)])
    profile(lake)

    found = categories(lake, "tool:name")
    assert len(found) == 257
    assert sum(found.values()) == 6000
    assert found["__other__"] == 6000 - sum(n for c, n in found.items() if c != "__other__")


def test_a_value_that_was_never_seen_is_new_once_the_subject_is_known(tmp_path: Path) -> None:
    """The first few values do not freeze a subject; after a thousand what comes is new."""
    lake = make(tmp_path, [event(0, tool="search")])
    profile(lake)
    add(lake, [event(i / 10, tool="browse" if i % 2 else "search") for i in range(2000)])
    profile(lake)
    add(lake, [event(1, tool="shell"), event(2, tool="browse")])
    profile(lake)

    assert categories(lake, "tool:name") == {"search": 1001, "browse": 1001, "__new__": 1}


def test_percentiles_hold_the_exact_ones(tmp_path: Path) -> None:
    """Each percentile lies within its stated error of the exact one, and that error is small."""
    rng = np.random.default_rng(7)
    rows = [
        event(float(at), duration_ms=float(x), model="m", model_version=str(v), environment="prod")
        for at, x, v in zip(
            rng.uniform(0, 40 * HOUR, 4000), np.exp(rng.normal(5, 2, 4000)), rng.integers(1, 3, 4000), strict=True
        )
    ]
    lake = make(tmp_path, rows)
    profile(lake)

    with every_view(lake) as con:
        for grain, by in (("version", ""), ("day", "date, "), ("hour", "hour, ")):
            rows_found = con.execute(
                f"SELECT n, {', '.join(f'abs(a.{p} - e.{p}) - a.{p}_error, a.{p}_error / e.{p}' for p in PERCENTILES)} "
                f"FROM percentiles_by_{grain} a JOIN exact_percentiles_by_{grain} e "
                f"USING ({by}environment, model, model_version, subject, n)"
            ).fetchall()
            expected = con.execute(f"SELECT count(*) FROM exact_percentiles_by_{grain}").fetchone()
            assert expected == (len(rows_found),)
            for n, *found in rows_found:
                assert max(found[::2]) < 1e-9 * 1e5
                assert n < 100 or max(found[1::2]) < 0.02


PERCENTILES = ("p50", "p90", "p95", "p99", "p99_9")


def test_every_view_of_profiles_is_empty_without_them(tmp_path: Path) -> None:
    """A lake that was never profiled has the views, each with no row."""
    lake = make(tmp_path, [event(0, duration_ms=1.0)])
    with every_view(lake) as con, connect(lake) as alone:
        for view in ("profile_buckets", "profile_summaries", "profile_subjects", "percentiles_by_day"):
            assert con.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)
        assert alone.execute("SELECT count(*) FROM profile_buckets").fetchone() == (0,)


def test_a_column_that_older_files_lack_is_no_trouble(tmp_path: Path) -> None:
    """Files are read as the views read them: what one lacks is null."""
    lake = make(tmp_path, [event(0, duration_ms=1.0)])
    path = next(iter(lake.snapshot().part("events"))).path
    narrow = duckdb.sql(f"SELECT event_id, ts, kind, duration_ms FROM read_parquet('{path}', hive_partitioning=false)")
    narrow.write_parquet(str(path) + ".new")
    size = Path(str(path) + ".new").stat().st_size
    Path(str(path) + ".new").replace(path)
    assert size
    profile(lake)

    assert summary(lake, "latency_ms")["n"] == 1


def test_an_explosion_of_names_stays_bounded(tmp_path: Path) -> None:
    """Keys that are ids do not make subjects without end: what is beyond the bound is counted together."""
    lake = make(tmp_path, predictions(*({f"id {i}-{k}": 1.0 for k in range(50)} for i in range(240))))
    profile(lake)
    add(lake, predictions({"age": 3}))
    profile(lake)

    with connect(lake) as con:
        total = con.execute("SELECT sum(n) FROM profile_buckets WHERE subject LIKE 'feature:%'").fetchone()
        subjects = con.execute("SELECT count(*) FROM profile_subjects").fetchone()
        rest = con.execute("SELECT sum(n) FROM profile_buckets WHERE subject = 'feature:__other__'").fetchone()
    assert total == (50 * 240 + 1,)
    assert subjects is not None
    assert subjects[0] <= 10_000
    assert rest is not None
    assert rest[0] > 2000
