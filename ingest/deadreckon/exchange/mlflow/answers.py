"""What a tracking server answers, in the shapes of `kept`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deadreckon.exchange.mlflow.kept import Assessment, Version


def run_id_of(info: Mapping[str, Any]) -> str:
    """A run's id, under its newer or its older name."""
    return str(info.get("run_id") or info.get("run_uuid"))


def version_of(one: Mapping[str, Any]) -> Version:
    """A version of a registered model; its aliases are the model's to tell."""
    rest = {key: one[key] for key in ("description", "status", "status_message", "run_link") if one.get(key)}
    created, updated = integer(one.get("creation_timestamp")), integer(one.get("last_updated_timestamp"))
    where = (one.get("current_stage"), one.get("source"), one.get("run_id") or None)
    return Version(one["name"], str(one["version"]), created, updated, *where, rest, [], pairs(one.get("tags")))


def dataset_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset that a run read, with what its use was called."""
    dataset = given.get("dataset") or {}
    kept = {key: dataset.get(key) for key in ("name", "digest")}
    kept |= {"dataset_source_type": dataset.get("source_type"), "dataset_source": dataset.get("source")}
    return {k: v for k, v in kept.items() if v} | pairs(given.get("tags"))


def assessment_of(one: Mapping[str, Any]) -> Assessment:
    """A feedback or an expectation; its value is decoded."""
    sort = next((sort for sort in ("feedback", "expectation", "issue") if sort in one), "feedback")
    held = one.get(sort) or {}
    value = held.get("value")
    if "serialized_value" in held:
        value = held["serialized_value"].get("value")
        try:
            value = json.loads(value)
        except (TypeError, ValueError):
            pass  # kept as it is written
    source = one.get("source") or {}
    rest = {"error": held.get("error"), "overrides": one.get("overrides"), "assessment_metadata": one.get("metadata")}
    return Assessment(
        one["assessment_id"],
        sort,
        one.get("assessment_name") or "",
        value,
        milliseconds(one.get("create_time")),
        milliseconds(one.get("last_update_time")),
        source.get("source_type"),
        source.get("source_id"),
        one.get("rationale"),
        one.get("span_id"),
        None,
        one.get("valid") is not False,
        {key: value for key, value in rest.items() if value},
    )


def span_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """A span of the server's, which has OTLP's attributes, as MLflow keeps it."""
    return {
        **record,
        "attributes": {
            key: json.dumps(value, ensure_ascii=False) for key, value in _plain_pairs(record.get("attributes")).items()
        },
        "events": [
            {**event, "attributes": _plain_pairs(event.get("attributes"))} for event in record.get("events") or ()
        ],
    }


def _plain_pairs(pairs: Any) -> dict[str, Any]:
    return {pair["key"]: _plain(pair.get("value")) for pair in pairs or ()}


def _plain(value: Any) -> Any:
    """OTLP's AnyValue, with the names that protobuf gives its fields."""
    if not isinstance(value, dict) or len(value) != 1:
        return None if value == {} else value
    ((kind, content),) = value.items()
    if kind == "int_value":
        return int(content)
    if kind == "array_value":
        return [_plain(one) for one in content.get("values") or ()]
    if kind == "kvlist_value":
        return _plain_pairs(content.get("values"))
    return content


def pairs(given: Any) -> dict[str, str]:
    """Keys and values of a list of them."""
    return {one["key"]: one.get("value", "") for one in given or ()}


def integer(value: Any) -> int | None:
    """A number that protobuf's JSON may write as text."""
    return None if value is None else int(value)


def milliseconds(text: Any) -> int | None:
    """A time in ISO 8601 as milliseconds since 1970."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000) if text else None
    except (TypeError, ValueError):
        return None
