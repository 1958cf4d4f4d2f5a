"""Profiles of invented streams, as relations of a DuckDB connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import duckdb
import numpy as np

from deadreckon.drift import buckets

HOUR = 3600
WEEK = 7 * 24
START = 2950 * WEEK * HOUR
"""A Thursday in 2026: weeks since the epoch begin there."""

SCHEMA = """
SET TimeZone = 'UTC';
CREATE TABLE lake_profile_buckets (
    hour TIMESTAMPTZ, hours TINYINT, environment VARCHAR, model VARCHAR, model_version VARCHAR, variant VARCHAR,
    subject VARCHAR, scale TINYINT, bucket INTEGER, category VARCHAR, n BIGINT
);
CREATE TABLE profile_subjects (subject VARCHAR, kind VARCHAR, origin DOUBLE, categories VARCHAR[]);
"""
Made = Callable[[np.random.Generator, int], np.ndarray]


@dataclass
class Profiles:
    """A connection that streams are put into."""

    con: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        self.con.execute(SCHEMA)

    def numbers(
        self,
        subject: str,
        hours: Iterable[int],
        made: Made,
        *,
        version: str | None = "1",
        seed: int = 0,
        origin: float = 0.0,
        scale: int = buckets.SCALE,
    ) -> None:
        """Put in the numbers that `made` gives for each hour since START."""
        rng = np.random.default_rng(seed)
        self._subject(subject, "numeric", origin)
        rows = []
        for hour in hours:
            key, count = np.unique(buckets.keys(made(rng, hour), origin, scale), return_counts=True)
            rows.append((np.full(len(key), hour), key, count))
        at, key, count = (np.concatenate(part).tolist() for part in zip(*rows, strict=True))
        self._put(subject, version, at, count, scale, bucket=key)

    def categories(
        self, subject: str, hours: Iterable[int], made: Made, *, version: str | None = "1", seed: int = 0
    ) -> None:
        """Put in the texts that `made` gives for each hour since START."""
        rng = np.random.default_rng(seed)
        self._subject(subject, "categorical", None)
        rows = []
        for hour in hours:
            value, count = np.unique(made(rng, hour), return_counts=True)
            rows.append((np.full(len(value), hour), value, count))
        at, value, count = (np.concatenate(part).tolist() for part in zip(*rows, strict=True))
        self._put(subject, version, at, count, None, category=value)

    def _subject(self, subject: str, kind: str, origin: float | None) -> None:
        self.con.execute(
            "INSERT INTO profile_subjects SELECT $s, $k, $o, NULL"
            " WHERE $s NOT IN (SELECT subject FROM profile_subjects)",
            {"s": subject, "k": kind, "o": origin},
        )

    def _put(
        self,
        subject: str,
        version: str | None,
        hours: list[int],
        n: list[int],
        scale: int | None,
        bucket: list[int] | None = None,
        category: list[str] | None = None,
    ) -> None:
        nothing = [None] * len(n)
        self.con.execute(
            """
            INSERT INTO lake_profile_buckets
            SELECT make_timestamptz((CAST($start AS BIGINT) + hour * 3600) * 1000000), 1, 'production', NULL, $version,
                NULL, $subject, $scale, bucket, category, n
            FROM (SELECT unnest(CAST($hours AS BIGINT[])) AS hour, unnest(CAST($bucket AS INTEGER[])) AS bucket,
                unnest(CAST($category AS VARCHAR[])) AS category, unnest(CAST($n AS BIGINT[])) AS n)
            """,
            {
                "start": START, "version": version, "subject": subject, "scale": scale, "hours": hours, "n": n,
                "bucket": bucket or nothing, "category": category or nothing,
            },
        )  # fmt: skip


def normal(n: int = 300, shift: float = 0.0, since: int = 0, sd: float = 1.0) -> Made:
    """Normal values with a daily season, which from the hour `since` on are shifted."""

    def made(rng: np.random.Generator, hour: int) -> np.ndarray:
        season = 0.3 * np.sin(hour * 2 * np.pi / 24)
        return rng.normal(10 + season + (shift if hour >= since else 0.0), sd, n)

    return made


def texts(n: int = 300, new: float = 0.0, since: int = 0) -> Made:
    """Values of four kinds, and from the hour `since` on a share of a fifth."""

    def made(rng: np.random.Generator, hour: int) -> np.ndarray:
        share = new if hour >= since else 0.0
        p = np.append(np.array([0.5, 0.3, 0.15, 0.05]) * (1 - share), share)
        return rng.choice(np.array(["search", "buy", "mail", "call", "exec"]), size=n, p=p)

    return made
