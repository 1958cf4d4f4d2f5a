"""The resource and scope that records stand in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from deadreckon.ingest.dialects import genai, mlflow
from deadreckon.ingest.dialects.draft import Draft, lift_named
from deadreckon.ingest.dialects.fits import FITS
from deadreckon.ingest.dialects.names import Names
from deadreckon.ingest.dialects.otlp.values import NotOtlpError, attributes, joined, objects, others, taken

_OF_RESOURCES: Final = frozenset(
    {
        *("service", "host", "pid", "environment", "run_id", "parent_run_id", "session_id", "user_id"),
        *("variant", "git_commit", "model_version", "agent"),
    }
)
"""Columns that a resource may say for all its records."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Records of one scope, and what holds for all of them."""

    records: list[dict[str, Any]]
    columns: dict[str, Any]
    context: dict[str, Any]
    """What is left of the resource and the scope."""
    names: Names
    scope: str
    """The name of the instrumentation."""

    def draft(self, record: dict[str, Any], own: dict[str, Any], columns: dict[str, Any]) -> Draft:
        """A draft of a record: its own columns, then its attributes by name, then the resource's columns.

        `own`: what the record says beside its attributes; it stands under `otel`, with the resource and scope.
        """
        rest = taken(record, "attributes", attributes, own) or {}
        draft = Draft({k: v for k, v in columns.items() if v is not None}, rest)
        mlflow.decode(rest, self.names, self.scope)
        lift_named(draft, self.names)
        genai.lift(draft)
        for column, value in self.columns.items():
            draft.columns.setdefault(column, value)
        draft.keep("otel", joined(self.context, own))
        return draft


def frames(value: Any, scopes_key: str, records_key: str, names: Names) -> Iterator[Frame]:
    """The frames of one signal.

    Raises:
        NotOtlpError: the structure is not OTLP's.
    """
    for resource_records in objects(value):
        resource = resource_records.get("resource")
        if resource is not None and type(resource) is not dict:
            raise NotOtlpError
        columns, left = _resource(resource or {}, names)
        beside = others(resource_records, ("resource", scopes_key))
        for scope_records in objects(resource_records.get(scopes_key)):
            scope = scope_records.get("scope")
            if scope is not None and type(scope) is not dict:
                raise NotOtlpError
            context: dict[str, Any] = {}
            if left or beside:
                context["resource"] = joined(left, beside)
            name = scope.get("name") if scope else None
            about = joined(_scope(scope or {}), others(scope_records, ("scope", records_key)))
            if about:
                context["scope"] = about
            yield Frame(
                objects(scope_records.get(records_key)), columns, context, names, name if type(name) is str else ""
            )


def _resource(resource: dict[str, Any], names: Names) -> tuple[dict[str, Any], dict[str, Any]]:
    beside: dict[str, Any] = {}
    given = taken(resource, "attributes", attributes, beside) or {}
    columns: dict[str, Any] = {}
    known = sorted([(names.flat[key][1], key) for key in given if key in names.flat])
    for _, key in known:
        column = names.flat[key][0]
        if column in _OF_RESOURCES and column not in columns and given[key] is not None and FITS[column](given[key]):
            columns[column] = given.pop(key)
    for key, column in (("host.hostname", "host"), ("service.environment", "environment")):
        if key in given and column not in columns and FITS[column](given[key]):
            columns[column] = given.pop(key)
    return columns, joined(given, others(resource, ("attributes",)), beside)


def _scope(scope: dict[str, Any]) -> dict[str, Any]:
    left: dict[str, Any] = {}
    given = taken(scope, "attributes", attributes, left)
    return others(scope, ("attributes",)) | ({"attributes": given} if given else left)
