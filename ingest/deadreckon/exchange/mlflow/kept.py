"""What MLflow keeps, in the shapes that both its store and its server are read into. Times are ms since 1970."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

PROMPT: Final = "mlflow.prompt.is_prompt"


@dataclass(slots=True)
class Run:
    """A run with its parameters and tags, and the version of a registered model that came of it."""

    run_id: str
    experiment: str | None
    name: str | None
    status: str | None
    start: int | None
    end: int | None
    user: str | None = None
    artifact_uri: str | None = None
    commit: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Metric:
    """One point of a run's metric."""

    run_id: str
    key: str
    value: float | None
    timestamp: int
    step: int
    is_nan: bool = False


@dataclass(slots=True)
class Version:
    """A version of a registered model."""

    name: str
    version: str
    created: int | None
    updated: int | None
    stage: str | None
    source: str | None
    run_id: str | None
    rest: dict[str, Any] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def is_prompt(self) -> bool:
        """Whether it is of a prompt, which MLflow keeps among the models."""
        return self.tags.get(PROMPT) == "true"

    @property
    def is_deleted(self) -> bool:
        """Whether MLflow says that it is not there."""
        return self.stage == "Deleted_Internal"


@dataclass(slots=True)
class Model:
    """A logged model: what a run made, registered or not."""

    model_id: str
    name: str | None
    created: int | None
    updated: int | None
    uri: str | None
    run_id: str | None
    rest: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Trace:
    """A trace, its spans as MLflow writes them in JSON, and what was said about it."""

    request_id: str
    experiment: str | None
    timestamp: int | None
    took: int | None
    status: str | None
    tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    spans: list[dict[str, Any]] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)

    @property
    def has_just_begun(self) -> bool:
        """Whether it goes on and no span of it was kept yet."""
        return not self.spans and self.status in ("IN_PROGRESS", "TRACE_STATUS_UNSPECIFIED")


@dataclass(slots=True)
class Assessment:
    """A feedback or an expectation about a trace or a span of it; `value` is decoded JSON."""

    assessment_id: str
    sort: str
    name: str
    value: Any
    created: int | None
    updated: int | None
    source_type: str | None
    source_id: str | None
    rationale: str | None
    span_id: str | None
    run_id: str | None
    valid: bool = True
    rest: dict[str, Any] = field(default_factory=dict)


class Store(Protocol):
    """Where MLflow keeps things; `origin` is its name for people."""

    origin: str

    def versions(self) -> Sequence[Version]:
        """All versions of registered models."""

    def runs(self) -> Iterator[Run]:
        """All runs that were not deleted."""

    def metrics(self) -> Iterator[Metric]:
        """All points of their metrics."""

    def models(self) -> Iterator[Model]:
        """All logged models that were not deleted."""

    def traces(self) -> Iterator[Trace]:
        """All traces."""


def unlimited(value: float | None) -> float | None:
    """The infinity that is meant where MLflow kept the largest number of a column."""
    if value is not None and abs(value) >= 1.7976931348623157e308:  # not so of NaN
        return float("inf") if value > 0 else float("-inf")
    return value
