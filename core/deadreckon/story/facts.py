"""The story's own bookkeeping: every known answer, counted while the story is written and without deadreckon.

Times are compared as ISO text in UTC, quantiles are interpolated between the two nearest ranks, money is summed in
whole units of 1e-8 dollars.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from deadreckon.story import plot, training
from deadreckon.story.dice import iso
from deadreckon.story.pen import Fields

_DAY: Final = 10
"""Characters of the date in an ISO time."""
_UNIT: Final = 100_000_000


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile of the values, linear between neighbours (SQL's percentile_cont)."""
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


class Facts:
    """Collects events and files; `answers` says what they amount to."""

    def __init__(self) -> None:
        self._events: list[Fields] = []
        self._logs = 0
        self._files: dict[str, dict[str, Any]] = {}

    def event(self, fields: Fields) -> None:
        """One event that a reader must end up with."""
        self._events.append(fields)

    def log_line(self) -> None:
        """One plain log line (kind log) that a reader must end up with."""
        self._logs += 1

    def file(self, name: str, lines: int, duplicates: int, reasons: list[str]) -> None:
        """One file: its lines, and how many of them repeat an event or are broken, by reason."""
        quarantined = dict(sorted(Counter(reasons).items()))
        self._files[name] = {"lines": lines, "duplicates": duplicates, "quarantined": quarantined}

    def answers(self, seed: int | str) -> dict[str, Any]:
        """Every answer, by the question's name."""
        reasons: Counter[str] = Counter()
        for file in self._files.values():
            reasons.update(file["quarantined"])
        kinds = Counter(e["kind"] for e in self._events)
        kinds["log"] += self._logs
        return {
            "seed": seed,
            "first_day": plot.DATES[7],
            "last_day": plot.DATES[7 + plot.DAYS - 1],
            "lines": sum(f["lines"] for f in self._files.values()),
            "events": len(self._events) + self._logs,
            "duplicates": sum(f["duplicates"] for f in self._files.values()),
            "quarantined": dict(sorted(reasons.items())),
            "files": self._files,
            "kinds": dict(sorted(kinds.items())),
            **self._identities(),
            "versions": self._versions(),
            "canary": self._canary(),
            "cost": self._cost(),
            "wasted": self._wasted(),
            "failing_tool": self._tool(),
            "drift": self._drift(),
            "provenance": self._provenance(),
            "experiments": self._experiments(),
            "leak": self._leak(),
            "stages": {version: stage for _, version, stage, _, _ in training.STAGES},
            "opinions": self._opinions(),
            "private": self._private(),
        }

    def _where(self, **wanted: Any) -> list[Fields]:
        return [e for e in self._events if all(e.get(k) == v for k, v in wanted.items())]

    def _identities(self) -> dict[str, Any]:
        spans = self._where(kind="span")
        real = [e for e in self._where(operation="invoke_agent") if e["variant"] != "shadow"]
        return {
            "traces": len({e["trace_id"] for e in spans}),
            "answered_requests": len({e["request_id"] for e in real}),
            "sessions": len({e["session_id"] for e in self._events if "session_id" in e}),
            "users": len({e["user_id"] for e in self._events if "user_id" in e}),
        }

    def _versions(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for version in plot.CHARACTERS:
            calls = self._where(kind="span", operation="chat", model=plot.MODEL, model_version=version)
            timed = [e["duration_ms"] for e in calls if e["status"] in ("ok", "timeout")]
            first = [e["ttft_ms"] for e in calls if "ttft_ms" in e]
            statuses = Counter(e["status"] for e in calls)
            out[version] = {
                "calls": len(calls),
                "statuses": dict(sorted(statuses.items())),
                "p50_ms": quantile(timed, 0.5),
                "p95_ms": quantile(timed, 0.95),
                "ttft_p50_ms": quantile(first, 0.5),
                "cost_usd": _dollars(calls),
                "cost_per_call_usd": _dollars(calls) / len(calls),
                "input_tokens": sum(e["input_tokens"] for e in calls),
                "cache_read_tokens": sum(e["cache_read_tokens"] for e in calls),
                "output_tokens": sum(e["output_tokens"] for e in calls),
                "reasoning_tokens": sum(e.get("reasoning_tokens", 0) for e in calls),
            }
        return out

    def _canary(self) -> dict[str, Any]:
        """Answers of the slow canary and of the incumbent beside it, over the same hours."""
        begin, end, character, _ = plot.CANARY[1]
        inside = [e for e in self._where(operation="invoke_agent", status="ok") if iso(begin) <= e["ts"] < iso(end)]
        out: dict[str, Any] = {"version": character.version, "from": iso(begin), "until": iso(end)}
        for variant in ("champion", "canary"):
            times = [e["duration_ms"] for e in inside if e["variant"] == variant]
            out[variant] = {"answers": len(times), "p50_ms": quantile(times, 0.5), "p95_ms": quantile(times, 0.95)}
        return out

    def _cost(self) -> dict[str, Any]:
        by_day: dict[str, list[Fields]] = defaultdict(list)
        for event in self._events:
            if "cost_usd" in event:
                by_day[event["ts"][:_DAY]].append(event)
        daily = {day: _dollars(events) for day, events in sorted(by_day.items())}
        storm = iso(plot.RETRY_STORM[0])[:_DAY]
        retries = Counter(e["ts"][:_DAY] for e in self._events if e.get("operation") == "chat" and e["attempt"] > 1)
        return {
            "total_usd": _dollars([e for e in self._events if "cost_usd" in e]),
            "by_day_usd": daily,
            "spike": {
                "day": storm,
                "usd": daily[storm],
                "median_weekday_usd": median(c for d, c in daily.items() if d != storm and _weekday(d)),
                "retried_calls": retries[storm],
                "retried_calls_other_days": sum(n for d, n in retries.items() if d != storm),
            },
            "unpriced_calls": {plot.EMBED_MODEL: len(self._where(model=plot.EMBED_MODEL))},
        }

    def _wasted(self) -> dict[str, Any]:
        calls = self._where(kind="span", operation="chat")
        out = {}
        for status in ("cancelled", "error", "timeout"):
            lost = [e for e in calls if e["status"] == status]
            out[status] = {"calls": len(lost), "usd": _dollars(lost)}
        return out

    def _tool(self) -> dict[str, Any]:
        begin, end = (iso(us) for us in plot.TOOL_FAILS)
        periods: dict[str, Counter[str]] = {"before": Counter(), "during": Counter(), "after": Counter()}
        for call in self._where(tool=plot.FAILING_TOOL):
            periods["before" if call["ts"] < begin else "during" if call["ts"] < end else "after"][call["status"]] += 1
        return {"tool": plot.FAILING_TOOL, "from": begin, "until": end} | {
            name: {"calls": c.total(), "errors": c["error"], "error_rate": c["error"] / c.total()}
            for name, c in periods.items()
        }

    def _drift(self) -> dict[str, Any]:
        since = iso(plot.DRIFT_FROM)
        before: list[float] = []
        after: list[float] = []
        for event in self._where(kind="prediction"):
            (before if event["ts"] < since else after).append(event["features"][plot.DRIFT_FEATURE])
        return {
            "feature": plot.DRIFT_FEATURE,
            "from": since,
            "before": {"n": len(before), "median": quantile(before, 0.5)},
            "after": {"n": len(after), "median": quantile(after, 0.5)},
        }

    def _provenance(self) -> dict[str, Any]:
        """From the first click on an answer of the rolled-back version back to the data it was trained on."""
        answers = {e["request_id"]: e for e in self._where(operation="invoke_agent", variant="canary")}
        clicks = [e for e in self._where(kind="feedback", name="click") if e["request_id"] in answers]
        click = min((e for e in clicks if answers[e["request_id"]]["model_version"] == "1.6.0"), key=lambda e: e["ts"])
        answer = answers[click["request_id"]]
        run = next(e for e in training.EXPERIMENTS if e.model_version == answer["model_version"])
        started = self._where(event="run.start", run_id=run.run_id)[0]
        return {
            "clicked_at": click["ts"][:-4] + "000Z",
            "request_id": click["request_id"],
            "session_id": click["session_id"],
            "trace_id": answer["trace_id"],
            "model": answer["model"],
            "model_version": answer["model_version"],
            "run_id": run.run_id,
            "git_commit": started["git_commit"],
            "versions": started["versions"],
            "params": started["params"],
            "cost_usd": _dollars([e for e in self._where(request_id=click["request_id"]) if "cost_usd" in e]),
            "duration_ms": answer["duration_ms"],
        }

    def _experiments(self) -> dict[str, Any]:
        out = {}
        for run in training.EXPERIMENTS:
            losses = self._where(kind="metric", run_id=run.run_id, name="loss.val")
            out[run.run_id] = {
                "compared_to": run.compared_to,
                "status": "error" if run.fails else "ok",
                "steps": len(losses),
                "loss_val_last": max(losses, key=lambda e: e["step"])["value"],
                "f1": None if run.fails else run.f1,
                "model_version": run.model_version,
                "changed": _changes(run),
            }
        return out

    def _leak(self) -> dict[str, Any]:
        folds = self._where(event="run.fold")
        leaks = [f for f in folds if f["train_end"] >= f["test_start"]]
        keys = ("run_id", "fold", "train_end", "test_start", "gap_days")
        return {"folds": len(folds), "leaks": [{k: f[k] for k in keys} for f in leaks]}

    def _opinions(self) -> dict[str, Any]:
        contracts: dict[str, Counter[bool]] = defaultdict(Counter)
        for event in self._where(kind="contract"):
            contracts[event["name"]][event["passed"]] += 1
        scores: dict[str, list[float]] = defaultdict(list)
        for event in self._where(kind="score"):
            scores[f"{event['model_version']} {event['source']}"].append(event["value"])
        return {
            "feedback": dict(sorted(Counter(e["name"] for e in self._where(kind="feedback")).items())),
            "thumbs_up": len([e for e in self._where(kind="feedback", name="thumb") if e["value"] > 0]),
            "decisions": dict(sorted(Counter(e["choice"] for e in self._where(kind="decision")).items())),
            "contracts": {n: {"held": c[True], "broken": c[False]} for n, c in sorted(contracts.items())},
            "scores": {k: {"n": len(v), "mean": sum(v) / len(v)} for k, v in sorted(scores.items())},
            "artifacts": len(self._where(kind="artifact")),
        }

    def _private(self) -> dict[str, int]:
        """Texts that hold what redaction must remove, by what it is."""
        marks = {"email": "@example.", "phone": "+1 555 010", "card": "4111 1111"}
        return {
            what: len([e for e in self._events if mark in e.get("input", "")]) for what, mark in sorted(marks.items())
        }


def _changes(run: training.Experiment) -> dict[str, Any]:
    """What the run has otherwise than the one it is compared with: [there, here] by name."""
    other = next((e for e in training.EXPERIMENTS if e.run_id == run.compared_to), None)
    if other is None:
        return {}
    there = training.VERSIONS | other.versions | training.PARAMS | other.params
    here = training.VERSIONS | run.versions | training.PARAMS | run.params
    return {k: [there[k], here[k]] for k in here if here[k] != there[k]}


def _dollars(events: Sequence[Fields]) -> float:
    units: int = sum(round(e["cost_usd"] * _UNIT) for e in events)
    return units / _UNIT


def _weekday(day: str) -> bool:
    return plot.at(f"{day}T00:00") // plot.DAY % 7 not in (2, 3)  # 1970-01-01 was a Thursday
