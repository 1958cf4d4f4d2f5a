"""MLflow's tracking server: the same shapes as its store, asked for page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from deadreckon.core.errors import SourceError
from deadreckon.exchange.http import PASSING, NotThereError, RefusedError, Server
from deadreckon.exchange.mlflow.answers import (
    assessment_of,
    dataset_of,
    integer,
    milliseconds,
    pairs,
    run_id_of,
    span_of,
    version_of,
)
from deadreckon.exchange.mlflow.kept import PROMPT, Metric, Model, Run, Trace, Version, unlimited

_API: Final = "/api/2.0/mlflow"
_API_3: Final = "/api/3.0/mlflow/traces"
_RUNS: Final = 500
_POINTS: Final = 10_000
_TRACES: Final = 100
_AT_ONCE: Final = 10
"""Traces whose spans are asked for together."""


class ServerStore:
    """What a tracking server tells."""

    def __init__(self, server: Server) -> None:
        """Raise SourceError if nobody answers, or somebody else."""
        self.origin = server.url
        self._server = server
        self._batches = True
        try:
            self._experiments = {
                one["experiment_id"]: one.get("name")
                for page in self._pages("POST", f"{_API}/experiments/search", "experiments", max_results=1000)
                for one in page
            }
        except NotThereError as error:
            raise SourceError(
                f"{server.url} is no tracking server of MLflow: it does not know {_API}/experiments/search",
                hint="name the root of the server: http://HOST:PORT",
            ) from error

    def versions(self) -> Sequence[Version]:
        """All versions of registered models, with their aliases and tags."""
        try:
            models = self._versions("")
        except NotThereError:
            return []  # a server without a registry
        try:
            return [*models, *self._versions(f"tags.`{PROMPT}` = 'true'")]
        except RefusedError as error:
            if error.code not in (400, 404):
                raise
            return models  # one that has no prompts

    def _versions(self, of: str) -> list[Version]:
        """The versions of models, or of those that a filter is for."""
        found: dict[tuple[str, str], Version] = {}
        asked = {"filter": of, "max_results": 1000}
        for page in self._pages("GET", f"{_API}/model-versions/search", "model_versions", **asked):
            for one in page:
                version = version_of(one)
                found[version.name, version.version] = version
        asked["max_results"] = 100
        for page in self._pages("GET", f"{_API}/registered-models/search", "registered_models", **asked):
            for model in page:
                for alias in model.get("aliases") or ():
                    if named := found.get((str(model.get("name")), str(alias.get("version")))):
                        named.aliases.append(alias["alias"])
        return [one for one in found.values() if not one.is_deleted]

    def runs(self) -> Iterator[Run]:
        """All runs that were not deleted."""
        for one in self._runs():
            info, data = one.get("info") or {}, one.get("data") or {}
            tags = pairs(data.get("tags"))
            yield Run(
                run_id_of(info),
                self._experiments.get(str(info.get("experiment_id"))),
                info.get("run_name") or tags.get("mlflow.runName"),
                info.get("status"),
                integer(info.get("start_time")),
                integer(info.get("end_time")),
                info.get("user_id"),
                info.get("artifact_uri"),
                None,
                pairs(data.get("params")),
                tags,
                [dataset_of(given) for given in (one.get("inputs") or {}).get("dataset_inputs") or ()],
            )

    def metrics(self) -> Iterator[Metric]:
        """All points of metrics of runs that were not deleted."""
        for one in self._runs():
            info, data = one.get("info") or {}, one.get("data") or {}
            run_id = run_id_of(info)
            for key in dict.fromkeys(metric["key"] for metric in data.get("metrics") or ()):
                query = {"run_id": run_id, "run_uuid": run_id, "metric_key": key, "max_results": _POINTS}
                for page in self._pages("GET", f"{_API}/metrics/get-history", "metrics", **query):
                    for point in page:
                        value = float(point.get("value", 0))
                        at, step = integer(point.get("timestamp")) or 0, integer(point.get("step")) or 0
                        yield Metric(run_id, key, unlimited(value), at, step)

    def models(self) -> Iterator[Model]:
        """All logged models."""
        try:
            for experiment in self._experiments:
                body = {"experiment_ids": [experiment], "max_results": 50}
                for page in self._pages("POST", f"{_API}/logged-models/search", "models", **body):
                    yield from map(self._model, page)
        except NotThereError:
            return  # MLflow 2 has none

    def traces(self) -> Iterator[Trace]:
        """All traces with their spans."""
        for experiment in self._experiments:
            place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
            try:
                pages = self._pages("POST", f"{_API_3}/search", "traces", locations=[place], max_results=_TRACES)
                for page in pages:
                    found = [self._trace(one, experiment) for one in page]
                    for start in range(0, len(found), _AT_ONCE):
                        yield from self._with_spans(found[start : start + _AT_ONCE])
            except NotThereError:
                yield from self._older_traces(experiment)

    def _older_traces(self, experiment: str) -> Iterator[Trace]:
        """The traces of a server that does not know version 3 of the interface."""
        try:
            for page in self._pages(
                "GET", f"{_API}/traces", "traces", experiment_ids=[experiment], max_results=_TRACES
            ):
                for one in page:
                    trace = Trace(
                        one["request_id"],
                        self._experiments.get(experiment),
                        integer(one.get("timestamp_ms")),
                        integer(one.get("execution_time_ms")),
                        one.get("status"),
                        pairs(one.get("tags")),
                        pairs(one.get("request_metadata")),
                    )
                    trace.spans = self._artifact(trace.request_id)
                    yield trace
        except NotThereError:
            return  # a server from before there were traces

    def _with_spans(self, traces: list[Trace]) -> Iterator[Trace]:
        by_id = {trace.request_id: trace for trace in traces}
        if self._batches:
            try:
                answer = self._server.get(f"{_API_3}/batchGet", trace_ids=list(by_id))
                for one in answer.get("traces") or ():
                    trace = by_id.get(str((one.get("trace_info") or {}).get("trace_id")))
                    if trace is not None:
                        trace.spans = [span_of(span) for span in one.get("spans") or ()]
            except NotThereError:
                self._batches = False
        for trace in traces:
            if not trace.spans and trace.tags.get("mlflow.trace.spansLocation") != "TRACKING_STORE":
                trace.spans = self._artifact(trace.request_id)
            yield trace

    def _artifact(self, request_id: str) -> list[dict[str, Any]]:
        """The spans that are kept in a file of the trace; none if there is no such file."""
        try:
            path = "/ajax-api/2.0/mlflow/get-trace-artifact"
            content = self._server.get(path, PASSING - {500}, request_id=request_id)
        except NotThereError:
            return []
        except RefusedError as error:
            if error.code != 500:  # so some versions answer for a file that is not there
                raise
            return []
        return [span for span in content.get("spans") or () if isinstance(span, dict)]

    def _runs(self) -> Iterator[dict[str, Any]]:
        for experiment in self._experiments:
            body = {"experiment_ids": [experiment], "run_view_type": "ACTIVE_ONLY", "max_results": _RUNS}
            for page in self._pages("POST", f"{_API}/runs/search", "runs", **body):
                yield from page

    def _pages(self, method: str, path: str, key: str, **asked: Any) -> Iterator[list[dict[str, Any]]]:
        token, seen = "", {""}
        while True:
            given = {**asked, "page_token": token}
            answer = self._server.post(path, given) if method == "POST" else self._server.get(path, **given)
            if not isinstance(answer, dict):
                raise SourceError(
                    f"{self.origin} is no tracking server of MLflow: {path} answers no object; nothing was imported",
                    hint="name the root of the server: http://HOST:PORT",
                )
            yield answer.get(key) or []
            token = answer.get("next_page_token") or ""
            if not token:
                return
            if token in seen:
                raise SourceError(
                    f"{self.origin} gives the same page of {path} again and again; nothing was imported",
                    hint="see the log of MLflow's tracking server; another version of it may do better",
                )
            seen.add(token)

    def _model(self, one: dict[str, Any]) -> Model:
        info, data = one.get("info") or {}, one.get("data") or {}
        rest = {
            "experiment": self._experiments.get(str(info.get("experiment_id"))),
            "model_type": info.get("model_type"),
            "status": str(info.get("status") or "").removeprefix("LOGGED_MODEL_"),
            "status_message": info.get("status_message"),
            "params": pairs(data.get("params")),
            "tags": pairs(info.get("tags")),
        }
        created, updated = integer(info.get("creation_timestamp_ms")), integer(info.get("last_updated_timestamp_ms"))
        uri, run_id = info.get("artifact_uri"), info.get("source_run_id")
        return Model(str(info.get("model_id")), info.get("name"), created, updated, uri, run_id or None, rest)

    def _trace(self, one: dict[str, Any], experiment: str) -> Trace:
        took = str(one.get("execution_duration") or "0s").removesuffix("s")
        return Trace(
            one["trace_id"],
            self._experiments.get(experiment),
            milliseconds(one.get("request_time")),
            round(float(took) * 1000),
            one.get("state"),
            one.get("tags") or {},
            one.get("trace_metadata") or {},
            {k: one[k] for k in ("client_request_id", "request_preview", "response_preview") if one.get(k)},
            assessments=[assessment_of(said) for said in one.get("assessments") or ()],
        )
