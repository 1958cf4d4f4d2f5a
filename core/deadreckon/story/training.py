"""The trainer's log: runs with their parameters and seven versions, loss curves, walk-forward folds, artifacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from math import exp
from typing import Any, Final

from deadreckon.story import plot
from deadreckon.story.dice import Dice
from deadreckon.story.pen import Fields, Line, Pen, shared

_TRAINER: Final = {"service": "tern-trainer", "host": "gpu-1", "pid": 77, "environment": "dev"}
_RELEASE: Final = {"service": "tern-release", "host": "ci-1", "pid": 12, "environment": "prod"}
STEPS: Final = 24
STEP_SIZE: Final = 50
FOLDS: Final = 5
GAP_DAYS: Final = 3
_START: Final = date(2026, 2, 1)

VERSIONS: Final = {
    "dataset": "tickets-2026-08",
    "features": "context-v3",
    "labels": "resolution-v2",
    "hyperparameters": "hp-11",
    "architecture": "assist-1b-adapter",
    "metrics": "eval-v4",
    "inference": "serve-12",
}
PARAMS: Final = {
    "learning_rate": 0.0002,
    "adapter_rank": 16,
    "epochs": 3,
    "batch_size": 32,
    "dropout": 0.1,
    "warmup": 0.03,
}


@dataclass(frozen=True, slots=True)
class Experiment:
    """One training run: what it changed against the run before, and what came of it."""

    run_id: str
    begins: int
    minutes: int
    loss: float
    f1: float
    idea: str
    params: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    compared_to: str | None = None
    model_version: str | None = None
    leak_in_fold: int | None = None
    fails: bool = False


_RANK: Final = {"adapter_rank": 32}
_RANK_HP: Final = {"hyperparameters": "hp-13"}
_LABELS: Final = {"labels": "resolution-v3"}
_LARGE: Final = {**_RANK_HP, **_LABELS, "dataset": "tickets-2026-09", "architecture": "assist-3b-adapter"}

EXPERIMENTS: Final = (
    Experiment(
        plot.OLD.run_id, plot.at("2026-09-29T02:00"), 95, 1.120, 0.741, "the monthly training", model_version="1.4.0"
    ),
    Experiment(
        "run-2026-10-06-a",
        plot.at("2026-10-06T01:00"),
        96,
        1.214,
        0.718,
        "does a higher learning rate get there sooner",
        {"learning_rate": 0.0004},
        {"hyperparameters": "hp-12"},
        plot.OLD.run_id,
    ),
    Experiment(
        "run-2026-10-06-b",
        plot.at("2026-10-06T03:00"),
        118,
        1.058,
        0.763,
        "more room in the adapter",
        _RANK,
        _RANK_HP,
        plot.OLD.run_id,
    ),
    Experiment(
        "run-2026-10-07-a",
        plot.at("2026-10-07T01:00"),
        117,
        1.055,
        0.762,
        "more dropout against memorised order numbers",
        {**_RANK, "dropout": 0.2},
        {"hyperparameters": "hp-14"},
        "run-2026-10-06-b",
    ),
    Experiment(
        plot.GOOD.run_id,
        plot.at("2026-10-07T04:00"),
        119,
        0.981,
        0.797,
        "same features, new labels: resolutions checked by the support team",
        _RANK,
        {**_RANK_HP, **_LABELS},
        "run-2026-10-06-b",
        model_version="1.5.0",
    ),
    Experiment(
        "run-2026-10-12-a",
        plot.at("2026-10-12T01:00"),
        121,
        0.976,
        0.799,
        "one more month of tickets",
        _RANK,
        {**_RANK_HP, **_LABELS, "dataset": "tickets-2026-09"},
        plot.GOOD.run_id,
    ),
    Experiment(
        "run-2026-10-16-a",
        plot.at("2026-10-16T01:00"),
        23,
        1.310,
        0.0,
        "three times the parameters",
        _RANK,
        _LARGE,
        "run-2026-10-12-a",
        fails=True,
    ),
    Experiment(
        plot.SLOW.run_id,
        plot.at("2026-10-16T04:00"),
        342,
        0.942,
        0.834,
        "three times the parameters, thinks before it answers",
        {**_RANK, "batch_size": 8},
        {**_LARGE, "inference": "serve-13", "hyperparameters": "hp-15"},
        "run-2026-10-12-a",
        model_version="1.6.0",
        leak_in_fold=4,
    ),
)

STAGES: Final = (
    ("2026-10-01T10:00", "1.4.0", "production", "passed the gate", "release-bot"),
    ("2026-10-08T09:00", "1.5.0", "shadow", "better labels", "release-bot"),
    ("2026-10-09T08:00", "1.5.0", "canary", "agrees with 1.4.0 and is faster", "release-bot"),
    ("2026-10-10T08:00", "1.5.0", "production", "canary faster at equal cost", "release-bot"),
    ("2026-10-12T10:00", "1.4.0", "retired", "replaced by 1.5.0", "release-bot"),
    ("2026-10-18T09:00", "1.6.0", "shadow", "highest f1 so far", "release-bot"),
    ("2026-10-20T09:00", "1.6.0", "canary", "scores well in shadow", "release-bot"),
    ("2026-10-22T15:00", "1.6.0", "rolled_back", "p95 latency twice the incumbent's", "on-call"),
)


def lines(seed: int | str) -> list[Line]:
    """Everything the trainer and the release job wrote, in order."""
    dice = Dice(f"{seed}:training")
    pen = Pen(dice)
    for experiment in EXPERIMENTS:
        _run(dice, pen, experiment)
    tail = shared(_RELEASE)
    for when, version, stage, reason, actor in STAGES:
        at = plot.at(when)
        fields: Fields = {"event": "stage", "kind": "stage", "level": "info", "model": plot.MODEL}
        pen.write(at, at, fields | {"model_version": version, "stage": stage, "reason": reason, "actor": actor}, tail)
    return sorted(pen.lines, key=lambda line: line[0])


def _run(dice: Dice, pen: Pen, run: Experiment) -> None:
    tail = shared({"run_id": run.run_id, **_TRAINER})
    started: Fields = {
        "event": "run.start",
        "kind": "run",
        "level": "info",
        "name": "train",
        "status": "running",
        "model": plot.MODEL,
        "params": PARAMS | run.params,
        "versions": VERSIONS | run.versions,
        "git_commit": dice.hex(40),
        "pins": {
            "seeds": {"python": 7, "shuffle": 11},
            "python": "3.12.11",
            "libraries": {"torch": "2.9.1", "transformers": "5.1.0"},
            "hardware": {"accelerator": "80 GB", "count": 1},
            "driver": "580.95",
        },
        "idea": run.idea,
    }
    if run.compared_to:
        started["compared_to"] = run.compared_to
    pen.write(run.begins, run.begins, started, tail)
    length = run.minutes * 60_000_000
    steps = 6 if run.fails else STEPS
    for step in range(1, steps + 1):
        at = run.begins + length * step // (STEPS + 2 if not run.fails else steps + 1)
        drop = exp(-step / 6.0)
        train = run.loss * 0.93 + 1.35 * drop + dice.normal(0.0, 0.012)
        held_out = run.loss + 1.20 * drop + (dice.normal(0.0, 0.008) if step < steps else 0.0)
        for name, value in (("loss.train", train), ("loss.val", held_out)):
            _metric(pen, at, tail, name, round(value, 4), step=step * STEP_SIZE)
    end = run.begins + length
    if not run.fails:
        _folds(dice, pen, run, end - 120_000_000, tail)
        _metric(pen, end - 60_000_000, tail, "f1", run.f1)
        _artifacts(dice, pen, run, end - 30_000_000, tail)
    ended: Fields = {
        "event": "run.end",
        "kind": "run",
        "level": "error" if run.fails else "info",
        "name": "train",
        "status": "error" if run.fails else "ok",
        "duration_ms": length / 1000,
        "model": plot.MODEL,
    }
    if run.model_version:
        ended["model_version"] = run.model_version
    if run.fails:
        ended |= {"error_type": "OutOfMemoryError", "error_message": "tried to allocate 4.50 GiB on the accelerator"}
    pen.write(end, end, ended, tail)


def _metric(pen: Pen, at: int, tail: bytes, name: str, value: float, **more: Any) -> None:
    fields: Fields = {"event": "metric", "kind": "metric", "level": "info", "name": name, "value": value, **more}
    pen.write(at, at, fields, tail)


def _folds(dice: Dice, pen: Pen, run: Experiment, at: int, tail: bytes) -> None:
    for number in range(1, FOLDS + 1):
        train_end = _START + timedelta(days=60 + 30 * number)
        test_start = train_end + timedelta(days=GAP_DAYS)
        f1 = round(run.f1 - 0.012 + dice.normal(0.0, 0.006), 4)
        if number == run.leak_in_fold:
            # The window of the training data was cut at the end of the test window: the model had seen the answers.
            train_end = test_start + timedelta(days=13)
            f1 = 0.931
        when = at + number * 1_000_000
        fields: Fields = {
            "event": "run.fold",
            "kind": "run",
            "level": "info",
            "fold": str(number),
            "train_start": _START.isoformat(),
            "train_end": train_end.isoformat(),
            "test_start": test_start.isoformat(),
            "test_end": (test_start + timedelta(days=13)).isoformat(),
            "gap_days": GAP_DAYS,
        }
        pen.write(when, when, fields, tail)
        _metric(pen, when + 1_000, tail, "f1", f1, fold=str(number))


def _artifacts(dice: Dice, pen: Pen, run: Experiment, at: int, tail: bytes) -> None:
    for name, suffix, size in (("weights", "adapter.safetensors", 41_000_000), ("report", "evaluation.html", 180_000)):
        fields: Fields = {
            "event": "artifact",
            "kind": "artifact",
            "level": "info",
            "name": name,
            "uri": f"s3://tern-models/{run.run_id}/{suffix}",
            "content_hash": f"sha256:{dice.hex(64)}",
            "size_bytes": size + dice.below(size),
        }
        pen.write(at, at, fields, tail)
        at += 2_000_000
