"""Kind drift: streams of profiles held against a reference, with a stated budget of false alarms.

What computes is imported where there is such a rule: SciPy takes longer than a run without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, Self

import duckdb
import orjson
from pydantic import Field, PrivateAttr, field_validator, model_validator

from deadreckon.core.errors import QueryError, UsageError
from deadreckon.core.lake import Lake
from deadreckon.monitor.drift_facts import FACTS, NEARLY, said
from deadreckon.monitor.duration import parse_duration
from deadreckon.monitor.metrics import Metric
from deadreckon.monitor.remember import Remembered
from deadreckon.monitor.rule import Duration, Rule
from deadreckon.monitor.shapes import Grouped

if TYPE_CHECKING:
    from deadreckon.drift.detector.edetector import Budget
    from deadreckon.drift.watch import Fixed, Trailing, Watch

DIMENSIONS: Final = ("environment", "model", "model_version", "variant")
"""What profiles are kept by."""
BUDGET: Final = 4.0
"""Expected false alarms a year of all drift rules together, where they do not say."""
KEPT: Final = "_calibrations"
"""The folder in the lake; it can be deleted, and is made again."""
_DAY: Final = 86_400
_MEMORY: Final = "512MB"
"""For what DuckDB holds while it reads; more is spilled."""
_DRIFT: Final = Metric("drift", "the evidence of a change, over what makes an alarm", "share", "", "")


class DriftRule(Grouped):
    """Hourly windows against a reference; with `slow_reference` daily ones against that too."""

    kind: Literal["drift"] = Field(description="drift")
    subjects: list[str] = Field(
        min_length=1, description="what is watched: latency_ms, feature:age, feature:*, tool:name, ..."
    )
    reference: str = Field(
        default="28d", description="what windows are held against: days before (28d), FROM..TO, or run_id=ID"
    )
    moves_every: Duration = Field(
        default=7 * _DAY,
        gt=0,
        description="how often a reference of days before moves on, by shares of streams; whole days, 7d unless said",
    )
    against: dict[str, str] = Field(
        default={}, description="what the reference has in place of a stream's own: model_version of the champion, say"
    )
    slow_reference: str = Field(
        default="",
        description="a range FROM..TO, or run_id=ID, that daily windows are held against: slow drift is far from it",
    )
    budget: float | None = Field(
        default=None,
        gt=0,
        description="expected false alarms a year, over all streams; 4 for all drift rules unless said",
    )
    strict: float | None = Field(
        default=None, gt=0, lt=1, description="instead: the probability of any false alarm, ever, over all streams"
    )
    min_count: int | None = Field(
        default=30,
        ge=1,
        description="values that a window needs; with fewer it leaves a stream as it was; 30 unless said",
    )

    _share: float = PrivateAttr(default=1.0)
    _slow: bool = PrivateAttr(default=False)

    @property
    def window(self) -> int:
        """Seconds of a window."""
        return _DAY if self._slow else 3600

    @property
    def step(self) -> int:
        """Seconds between evaluations: each window is looked at once."""
        return self.window

    @property
    def least(self) -> int:
        """None: a window with fewer than `min_count` values leaves a stream as it was."""
        return 0

    @property
    def above(self) -> float:
        """Evidence over its threshold is an alarm."""
        return NEARLY

    @property
    def measure(self) -> Metric:
        """The evidence over its threshold."""
        return _DRIFT

    @property
    def facts(self) -> tuple[str, ...]:
        """What the verdict rests on; distances are told by their names, with what they certainly lie between."""
        return FACTS

    @property
    def group_by(self) -> list[str]:
        """Each subject is a stream of its own, for each combination of the dimensions asked for."""
        return ["subject", *(name for name in self.group_by_ if name != "subject")]

    def columns(self) -> Mapping[str, str]:
        """What profiles are kept by."""
        return dict.fromkeys(("subject", *DIMENSIONS), "string")

    def parts(self) -> tuple[Rule, ...]:
        """The hourly rule, and the daily one under its name; they share the budget evenly."""
        words = f"{self.about()}: {{value:.2g}} of the evidence that makes an alarm of drift"
        hourly = self.model_copy(update={} if self.summary else {"summary": f"{words} from {self.reference}"})
        if not self.slow_reference:
            return (hourly,)
        daily = hourly.part("slow", against={}, reference=self.slow_reference)
        if not self.summary:
            daily = daily.model_copy(update={"summary": f"{words} from {self.slow_reference}"})
        daily._slow = True  # noqa: SLF001 - our own
        hourly._share = daily._share = 0.5  # noqa: SLF001
        return hourly, daily

    def watch(self) -> Watch:
        """What is watched, for `deadreckon.drift.watch`."""
        from deadreckon.drift.watch import DAILY, HOURLY, Watch

        cadence = DAILY if self._slow else HOURLY
        where = tuple(
            (name, tuple(str(v) for v in (value if isinstance(value, list) else [value])))
            for name, value in sorted(self.where.items())
        )
        return Watch(
            tuple(self.subjects),
            tuple(name for name in self.group_by if name != "subject"),
            where,
            tuple(sorted(self.against.items())),
            _reference(self.reference, self.moves_every),
            cadence,
            self.min_count or 1,
        )

    def allowed(self, streams: int) -> Budget:
        """What this rule may spend with so many streams."""
        from deadreckon.drift.detector.edetector import Budget

        a_year = (BUDGET if self.budget is None else self.budget) * self._share
        strict = None if self.strict is None else self.strict * self._share
        return Budget(streams, a_year, self.watch().cadence.windows_a_year, strict)

    def remembered(
        self, lake: Lake, memories: Mapping[str, str], first: int, last: int
    ) -> Iterator[tuple[int, list[Remembered]]]:
        """The streams in each window; see `monitor.remember.Remembering`."""
        from deadreckon.drift.watch import Fixed, States, judge
        from deadreckon.monitor.drift_runs import resolve
        from deadreckon.profiles.relations import connect

        watch = self.watch()
        states = States.of_rows([orjson.loads(memory) | {"labels": key} for key, memory in memories.items()])
        starts = [(step - 1) * self.step for step in range(first, last + 1)]
        try:
            run = None
            if watch.run:
                fixed, run = resolve(lake, watch.run, lake.root / KEPT, starts[0])
                watch = replace(watch, reference=fixed)
            if isinstance(watch.reference, Fixed):
                for start in [start for start in starts if start < watch.reference.end]:
                    why = f"learning: the reference {self.reference} is not over"
                    yield start // self.step + 1, [Remembered({}, None, 0, why, "", {})]
                starts = [start for start in starts if start >= watch.reference.end]
            with connect(lake) as con:
                if run:
                    con.read_parquet(str(run)).create_view("run_profile_buckets")
                con.execute(f"SET memory_limit = '{_MEMORY}'")
                con.execute("SET temp_directory = $place", {"place": str(lake.root / KEPT / "spilled")})
                for judged in judge(con, watch, starts, states, self.allowed, lake.root / KEPT):
                    kept = {row.pop("labels"): orjson.dumps(row).decode() for row in judged.states.rows()}
                    rows = [said(watch, v, kept[v.labels]) for v in judged.verdicts]
                    yield judged.end // self.step, rows
        except (duckdb.Error, OSError) as error:
            raise QueryError(
                f"drift cannot be judged: {str(error).partition(chr(10))[0]}",
                hint=f"reckon profile says whether the profiles are whole; {lake.root / KEPT} can be deleted",
            ) from error

    @field_validator("reference")
    @classmethod
    def _reference(cls, text: str) -> str:
        _reference(text, 7 * _DAY)
        return text

    @field_validator("slow_reference")
    @classmethod
    def _slow_reference(cls, text: str) -> str:
        _reference(text or "28d", 7 * _DAY)
        if text and ".." not in text and "=" not in text:
            raise ValueError(f"{text!r} is no reference that stays; write FROM..TO, or run_id=ID")
        return text

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.moves_every % _DAY:
            raise ValueError("moves_every is no number of whole days")
        if self.budget is not None and self.strict is not None:
            raise ValueError("give budget or strict, not both")
        for name in self.against:
            if name not in DIMENSIONS:
                raise ValueError(f"against names {name!r}; it can name {', '.join(DIMENSIONS)}")
            if name not in self.group_by_ and name not in self.where:
                raise ValueError(f"against names {name!r}, which is not in group_by: nothing would be held against it")
        if "subject" in self.where:
            raise ValueError("where names 'subject'; write it into subjects")
        return self


def share_budget(rules: Sequence[Rule]) -> None:
    """Let drift rules without a budget of their own share the usual one evenly."""
    sharing = {rule.part_of for rule in rules if isinstance(rule, DriftRule) and rule.budget is rule.strict is None}
    for rule in rules:
        if isinstance(rule, DriftRule) and rule.part_of in sharing:
            rule._share /= len(sharing)  # noqa: SLF001 - our own


def _reference(text: str, moves_every: int) -> Trailing | Fixed:
    from deadreckon.drift.selection import selection
    from deadreckon.drift.watch import Fixed, Trailing

    if ".." not in text and "=" not in text:
        days, rest = divmod(parse_duration(text), _DAY)
        if rest or not days:
            raise ValueError(f"a reference of {text!r} is no number of whole days; write 28d, FROM..TO, or run_id=ID")
        return Trailing(days, max(moves_every // _DAY, 1))
    try:
        found = selection(text)
    except UsageError as error:
        raise ValueError(f"{error.message}; {error.hint}") from None
    start, end = found.start, found.end
    if start is None and end is None and len(found.equal) == 1 and found.equal[0][0] == "run_id" and found.equal[0][1]:
        return Fixed(0, 0, found.equal[0][1])  # when it was is known to the lake
    if start is None or end is None or found.equal:
        raise ValueError(f"{text!r} is neither a range with both ends nor a run; write FROM..TO, or run_id=ID")
    return Fixed(int(start.timestamp()), int(end.timestamp()))
