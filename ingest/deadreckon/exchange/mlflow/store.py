"""MLflow's SQLite store, of this version and of older ones: what a version did not have yet is empty."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from deadreckon.core.errors import SourceError
from deadreckon.exchange.mlflow.kept import Assessment, Metric, Model, Run, Trace, Version, unlimited
from deadreckon.exchange.sqlite import Database

_MODEL_STATES: Final = {0: "UNSPECIFIED", 1: "PENDING", 2: "READY", 3: "FAILED"}
_ARTIFACTS: Final = "mlflow.artifactLocation"


class SqliteStore:
    """A SQLite file of MLflow's."""

    def __init__(self, db: Database) -> None:
        """Raise SourceError if it is not MLflow's."""
        others = "a database of Phoenix is imported with reckon import phoenix" if "projects" in db.tables else ""
        db.need("runs", "experiments", "metrics", hint=others or "name the file of mlflow's --backend-store-uri")
        self.origin = str(db.path)
        self._db = db
        self._experiments = {
            row["id"]: row["name"]
            for page in db.pages("experiments", {"experiment_id": "id", "name": "name"})
            for row in page
        }

    def versions(self) -> Sequence[Version]:
        """All versions of registered models, with their aliases and tags."""
        columns = ("name", "version", "creation_time", "last_updated_time", "current_stage", "source", "run_id")
        rest = ("description", "status", "status_message", "run_link", "workspace")
        found: dict[tuple[str | None, str, str], Version] = {}
        for page in self._db.pages("model_versions", {name: name for name in (*columns, *rest)}):
            for row in page:
                name, version, created, updated, stage, source, run_id = (row[key] for key in columns)
                kept = {key: row[key] for key in rest[:-1] if row[key]}
                one = Version(name, str(version), created, updated, stage, source, run_id or None, kept)
                found[row["workspace"], name, str(version)] = one
        place = {"name": "name", "version": "version", "workspace": "workspace"}
        for page in self._db.pages("registered_model_aliases", {**place, "alias": "alias"}):
            for row in page:
                if of := found.get((row["workspace"], row["name"], str(row["version"]))):
                    of.aliases.append(row["alias"])
        for page in self._db.pages("model_version_tags", {**place, "key": "key", "value": "value"}):
            for row in page:
                if of := found.get((row["workspace"], row["name"], str(row["version"]))):
                    of.tags[row["key"]] = row["value"]
        return [one for one in found.values() if not one.is_deleted]

    def runs(self) -> Iterator[Run]:
        """All runs that were not deleted."""
        plain = ("run_uuid", "experiment_id", "name", "status", "start_time", "end_time", "user_id", "artifact_uri")
        columns = {name: name for name in (*plain, "source_version")}
        for page in self._db.pages("runs", columns, self._active("runs")):
            ids = [row["run_uuid"] for row in page]
            params = self._db.of_each("params", "run_uuid", ("key", "value"), ids)
            tags = self._db.of_each("tags", "run_uuid", ("key", "value"), ids)
            datasets = self._datasets(ids)
            for row in page:
                run_id, experiment, name, status, start, end, user, uri = (row[key] for key in plain)
                told = {t["key"]: t["value"] for t in tags[run_id]}
                yield Run(
                    run_id,
                    self._experiments.get(experiment),
                    name or told.get("mlflow.runName"),
                    status,
                    start,
                    end,
                    user,
                    uri,
                    row["source_version"],
                    {p["key"]: p["value"] for p in params[run_id]},
                    told,
                    datasets[run_id],
                )

    def metrics(self) -> Iterator[Metric]:
        """All points of metrics of runs that were not deleted."""
        columns = {
            "run_uuid": "run",
            "key": "key",
            "value": "value",
            "timestamp": "at",
            "step": "step",
            "is_nan": "nan",
        }
        of_runs = f"EXISTS (SELECT 1 FROM runs AS r WHERE r.run_uuid = t.run_uuid AND {self._active('runs', 'r')})"  # noqa: S608 - words of ours
        for page in self._db.pages("metrics", columns, of_runs):
            for row in page:
                value = unlimited(row["value"])
                yield Metric(row["run"], row["key"], value, row["at"] or 0, row["step"] or 0, bool(row["nan"]))

    def models(self) -> Iterator[Model]:
        """All logged models that were not deleted."""
        plain = ("model_id", "name", "creation_timestamp_ms", "last_updated_timestamp_ms")
        more = ("artifact_location", "source_run_id", "experiment_id", "model_type", "status", "status_message")
        active = self._active("logged_models")
        for page in self._db.pages("logged_models", {name: name for name in (*plain, *more)}, active):
            ids = [row["model_id"] for row in page]
            params = self._db.of_each("logged_model_params", "model_id", ("param_key", "param_value"), ids)
            tags = self._db.of_each("logged_model_tags", "model_id", ("tag_key", "tag_value"), ids)
            for row in page:
                model_id, name, created, updated = (row[key] for key in plain)
                rest = {
                    "experiment": self._experiments.get(row["experiment_id"]),
                    "model_type": row["model_type"],
                    "status": _MODEL_STATES.get(row["status"], row["status"]),
                    "status_message": row["status_message"],
                    "params": {p["param_key"]: p["param_value"] for p in params[model_id]},
                    "tags": {t["tag_key"]: t["tag_value"] for t in tags[model_id]},
                }
                yield Model(model_id, name, created, updated, row["artifact_location"], row["source_run_id"], rest)

    def traces(self) -> Iterator[Trace]:
        """All traces of experiments that are there, with spans: those of the store, else those of the artifact."""
        plain = ("request_id", "experiment_id", "timestamp_ms", "execution_time_ms", "status")
        rest = ("client_request_id", "request_preview", "response_preview")
        moved = ("trace_name", "session_id")  # columns of newer versions, which were a tag and metadata
        columns = {name: name for name in (*plain, *rest, *moved)}
        for page in self._db.pages("trace_info", columns, self._active("trace_info")):
            ids = [row["request_id"] for row in page]
            tags = self._db.of_each("trace_tags", "request_id", ("key", "value"), ids)
            metadata = self._db.of_each("trace_request_metadata", "request_id", ("key", "value"), ids)
            assessments = self._assessments(ids)
            for row in page:
                request_id, experiment, at, took, status = (row[key] for key in plain)
                told = {t["key"]: t["value"] for t in tags[request_id]}
                said = {m["key"]: m["value"] for m in metadata[request_id]}
                if row["trace_name"]:
                    told.setdefault("mlflow.traceName", row["trace_name"])
                if row["session_id"]:
                    said.setdefault("mlflow.trace.session", row["session_id"])
                yield Trace(
                    request_id,
                    self._experiments.get(experiment),
                    at,
                    took,
                    status,
                    told,
                    said,
                    {key: row[key] for key in rest if row[key]},
                    self._spans(request_id) or _artifact(told.get(_ARTIFACTS)),
                    assessments=assessments[request_id],
                )

    def _spans(self, request_id: str) -> list[dict[str, Any]]:
        found = self._db.of_each("spans", "trace_id", ("span_id", "content"), [request_id])[request_id]
        spans = []
        for row in found:
            try:
                spans.append(json.loads(row["content"]))
            except (ValueError, TypeError) as error:
                raise SourceError(
                    f"{self._db.path}: span {row['span_id']} of {request_id} is no JSON: {error}; nothing was imported",
                    hint="the database is damaged: import a backup of it",
                ) from error
        return spans

    def _assessments(self, ids: Sequence[str]) -> dict[str, list[Assessment]]:
        columns = (
            *("assessment_id", "assessment_type", "name", "value", "created_timestamp", "last_updated_timestamp"),
            *("source_type", "source_id", "rationale", "span_id", "run_id", "valid", "error", "overrides"),
            "assessment_metadata",
        )
        found = self._db.of_each("assessments", "trace_id", columns, ids)
        return {one: [_assessment(row) for row in rows] for one, rows in found.items()}

    def _datasets(self, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        inputs = self._db.of_each("inputs", "destination_id", ("source_type", "source_id", "input_uuid"), ids)
        wanted = {one["source_id"] for rows in inputs.values() for one in rows if one["source_type"] == "DATASET"}
        columns = ("name", "digest", "dataset_source_type", "dataset_source")
        datasets = self._db.of_each("datasets", "dataset_uuid", columns, sorted(wanted))
        marks = self._db.of_each(
            "input_tags",
            "input_uuid",
            ("name", "value"),
            [one["input_uuid"] for rows in inputs.values() for one in rows],
        )
        return {
            run_id: [
                {**{k: v for k, v in dataset.items() if v}, **{m["name"]: m["value"] for m in marks[one["input_uuid"]]}}
                for one in rows
                for dataset in datasets.get(one["source_id"], ())
            ]
            for run_id, rows in inputs.items()
        }

    def _active(self, table: str, row: str = "t") -> str:
        """Whether neither a row nor its experiment was deleted."""
        have = self._db.tables.get(table, ())
        own = f"{row}.lifecycle_stage IS NOT 'deleted'" if "lifecycle_stage" in have else "TRUE"
        if not {"experiment_id", "lifecycle_stage"} <= self._db.tables["experiments"] or "experiment_id" not in have:
            return own
        gone = "SELECT experiment_id FROM experiments WHERE lifecycle_stage = 'deleted'"
        return f"{own} AND ({row}.experiment_id IN ({gone})) IS NOT TRUE"


def _assessment(row: dict[str, Any]) -> Assessment:
    keys = ("assessment_id", "assessment_type", "name", "value", "created_timestamp", "last_updated_timestamp")
    one, sort, name, value, created, updated = (row[key] for key in keys)
    return Assessment(
        one,
        sort or "feedback",
        name,
        _json(value),
        created,
        updated,
        row["source_type"],
        row["source_id"],
        row["rationale"],
        row["span_id"],
        row["run_id"],
        row["valid"] is None or bool(row["valid"]),
        {key: _json(row[key]) for key in ("error", "overrides", "assessment_metadata") if row[key]},
    )


def _json(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _artifact(uri: str | None) -> list[dict[str, Any]]:
    """The spans that an older version wrote to a file of the trace; none where it is not on this machine."""
    parts = urlsplit(uri or "")
    if not uri or parts.scheme not in ("", "file"):
        return []
    try:
        content = json.loads((Path(unquote(parts.path)) / "traces.json").read_text("utf-8"))
    except (OSError, ValueError):
        return []
    spans = content.get("spans") if isinstance(content, dict) else None
    return [span for span in spans if isinstance(span, dict)] if isinstance(spans, list) else []
