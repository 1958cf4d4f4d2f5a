"""A store of MLflow as lines: runs, metrics, artifacts, stages, spans and scores.

What can change later (a run that goes on, a version's aliases) has an id of its content: another state is another event
about the same run or version, and the views take the newest. What cannot has an id of what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from deadreckon.exchange.bring import Item
from deadreckon.exchange.identity import content_hash, instant, known_by
from deadreckon.exchange.mlflow.kept import Metric, Model, Run, Store, Version
from deadreckon.exchange.mlflow.traces import begun, scores, spans
from deadreckon.exchange.written import event, number, written

STATUSES: Final = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "ok",
    "FAILED": "error",
    "KILLED": "cancelled",
}
STAGES: Final = {"production": "production", "staging": "shadow", "archived": "retired"}
"""MLflow's stages in our words; None is no stage."""
ALIASES: Final = {
    "champion": "production",
    "production": "production",
    "prod": "production",
    "challenger": "shadow",
    "shadow": "shadow",
    "canary": "canary",
}
"""Aliases that say where a version is; all aliases stay in the attributes of its artifact."""
FOREMOST: Final = ("production", "canary", "shadow", "retired")
"""A version is at one place: that which concerns the most users."""


def items(store: Store) -> Iterator[Item]:
    """Everything that a store holds, as lines of events.

    Raises:
        SourceError: it cannot be read to its end.
    """
    versions = store.versions()
    upwards = sorted(versions, key=lambda one: (one.name, len(one.version), one.version))
    made = {version.run_id: version for version in upwards if version.run_id and not version.is_prompt}
    for run in store.runs():
        yield from _run(run, made.get(run.run_id))
    for metric in store.metrics():
        yield Item(_metric(metric), ("metric point",))
    for model in store.models():
        yield Item(_model(model), ("logged model",))
    for version in versions:
        yield from _prompt(version) if version.is_prompt else _version(version)
    for trace in store.traces():
        if trace.has_just_begun:
            yield Item(begun(trace), ("trace",))
        for place, line in enumerate(spans(trace)):
            yield Item(line, ("span",) if place else ("trace", "span"))
        yield from (Item(line, ("assessment",)) for line in scores(trace))


def _run(run: Run, version: Version | None) -> Iterator[Item]:
    ended = STATUSES.get(run.status or "") not in (None, "running")
    about = {
        "run_id": run.run_id,
        "parent_run_id": run.tags.get("mlflow.parentRunId"),
        "name": run.name,
        "git_commit": run.tags.get("mlflow.source.git.commit") or run.commit or None,
    }
    attributes = {
        "mlflow": {
            "experiment": run.experiment,
            "user": run.user if run.user != "unknown" else None,
            "artifact_uri": run.artifact_uri,
            "datasets": run.datasets,
            "tags": dict(sorted(run.tags.items())),
        }
    }
    attributes["mlflow"] = {key: value for key, value in attributes["mlflow"].items() if value}
    state = {
        **about,
        "model": version.name if version else None,
        "model_version": version.version if version else None,
        "params": {key: typed(value) for key, value in sorted(run.params.items())},
        "versions": {"dataset": "+".join(dict.fromkeys(map(_dataset, run.datasets)))} if run.datasets else None,
        "attributes": attributes,
    }
    begun = {"ts": instant(run.start), "event_id": known_by(run.start, "mlflow", run.run_id, "start")}
    yield Item(event("run", **begun, event="run.start", status="running", **about), ("run",))
    seen = content_hash(written(state))
    if not ended:
        begun["event_id"] = known_by(run.start, "mlflow", run.run_id, "state", seen)
        yield Item(event("run", **begun, event="run.state", status="running", **state))
    else:
        end = run.end if run.end is not None else run.start
        status = STATUSES[run.status or ""]
        took = end - run.start if end is not None and run.start is not None and end >= run.start else None
        known = known_by(end, "mlflow", run.run_id, "end", status, seen)
        about_end = {"ts": instant(end), "event_id": known, "status": status, "duration_ms": took}
        yield Item(event("run", event="run.end", **about_end, **state))


def _dataset(dataset: dict[str, Any]) -> str:
    return f"{dataset.get('name')}@{dataset.get('digest')}"


def typed(text: str) -> Any:
    """A parameter as the number that it says, where that number is written just so; else the text."""
    if text[:1] not in "-0123456789" or not text:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) and repr(value) == text else text


def _metric(metric: Metric) -> bytes:
    value = number(metric.value, is_nan=metric.is_nan)
    point = (metric.run_id, metric.key, metric.step, value)
    return event(
        "metric",
        event="metric",
        ts=instant(metric.timestamp),
        event_id=known_by(metric.timestamp, "mlflow", *point),
        run_id=metric.run_id,
        name=metric.key,
        value=value,
        step=metric.step,
    )


def _model(model: Model) -> bytes:
    about = {
        "name": model.name or model.model_id,
        "uri": model.uri,
        "run_id": model.run_id,
        "attributes": {"mlflow": {"model_id": model.model_id, **_sorted(model.rest)}},
    }
    known = known_by(model.created, "mlflow", "model", model.model_id, content_hash(written(about)))
    return event("artifact", event="model.logged", ts=instant(model.created), event_id=known, **about)


def _sorted(rest: dict[str, Any]) -> dict[str, Any]:
    """What is there, its keys in an order that does not depend on who told them: an id is made of it."""
    return {k: dict(sorted(v.items())) if isinstance(v, dict) else v for k, v in rest.items() if v}


def _prompt(version: Version) -> Iterator[Item]:
    rest = {"version": version.version, **_told(version)}
    about = {"name": version.name, "run_id": version.run_id, "attributes": {"mlflow": rest}}
    known = known_by(version.created, "mlflow", "prompt", version.name, content_hash(written(about)))
    line = event("artifact", event="prompt.registered", ts=instant(version.created), event_id=known, **about)
    yield Item(line, ("prompt version",))


def _told(version: Version) -> dict[str, Any]:
    """What a version says beside its place."""
    aliases = {"aliases": sorted(version.aliases)} if version.aliases else {}
    return version.rest | aliases | ({"tags": dict(sorted(version.tags.items()))} if version.tags else {})


def _version(version: Version) -> Iterator[Item]:
    about = {
        "name": version.name,
        "model": version.name,
        "model_version": version.version,
        "uri": version.source,
        "run_id": version.run_id,
        "attributes": {"mlflow": _told(version)},
    }
    if not about["attributes"]["mlflow"]:  # type: ignore[index]  # it is the object above
        del about["attributes"]
    known = known_by(version.created, "mlflow", version.name, version.version, content_hash(written(about)))
    line = event("artifact", event="model.registered", ts=instant(version.created), event_id=known, **about)
    yield Item(line, ("model version",))
    moved = {"model": version.name, "model_version": version.version, "run_id": version.run_id, "event": "stage"}
    at = version.updated or version.created
    stages = {STAGES[s]: f"MLflow stage {version.stage}" for s in [(version.stage or "").lower()] if s in STAGES}
    for alias in sorted(version.aliases):
        if alias.lower() in ALIASES:
            stages.setdefault(ALIASES[alias.lower()], f"MLflow alias {alias}")
    for stage in [one for one in FOREMOST if one in stages][:1]:
        known = known_by(at, "mlflow", version.name, version.version, "stage", stage)
        yield Item(event("stage", ts=instant(at), event_id=known, stage=stage, reason=stages[stage], **moved))
