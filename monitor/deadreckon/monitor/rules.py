"""Rules as `[[rules]]` in deadreckon.toml states them, checked strictly before anything is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import nearest
from deadreckon.monitor.kinds import KINDS
from deadreckon.monitor.kinds.drift import DriftRule, share_budget
from deadreckon.monitor.profiled import unprofiled
from deadreckon.monitor.rule import Rule, Severity

__all__ = ["Rule", "Severity", "documented", "load_rules", "schema"]

_FIRST: Final = (
    *("name", "kind", "metric", "sql", "where", "group_by", "window", "every", "delay"),
    *("above", "below", "clear_above", "clear_below"),
)
_SQL: Final = {"required": ["sql"]}
_KEYS: Final = "reckon monitor --keys lists every key"


def load_rules(tables: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules of a settings file (`settings.rules`), in its order; one of several levels is a rule for each.

    Raises:
        ConfigError: a key is unknown (the nearest is named), a value is wrong, or two rules share a name.
    """
    rules = [(place, rule) for place, table in enumerate(tables, start=1) for rule in _load(table, place).parts()]
    seen: dict[str, int] = {}
    for place, rule in rules:
        if rule.name in seen:
            raise ConfigError(
                f"rules {seen[rule.name]} and {place} are both named {rule.name!r}",
                hint="a name is part of each alert's identity: give every rule its own",
            )
        seen[rule.name] = place
    share_budget([rule for _, rule in rules])
    return tuple(rule for _, rule in rules)


def documented(kind: str = "") -> list[tuple[str, str]]:
    """Each key and what it means, in order: of all kinds, or those that a kind adds or means otherwise."""
    models = (KINDS["threshold"], KINDS["sql"], Rule)
    every = {key: meaning for model in models for key, meaning in _keys(model).items()}
    shared = {key: every[key] for key in (*_FIRST, *_keys(Rule))}
    if not kind:
        return list(shared.items())
    own = _keys(KINDS[kind])
    return [(key, own[key]) for key in own if key != "kind" and own[key] != shared.get(key)]


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of deadreckon.toml's `rules`; other tables are left to themselves."""
    definitions: dict[str, Any] = {}
    for kind, model in KINDS.items():
        one = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
        definitions |= one.pop("$defs", {})
        definitions[kind] = one
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rules of deadreckon.toml",
        "type": "object",
        "properties": {"rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}}},
        "$defs": _plain(definitions) | {"rule": _of_its_kind()},
    }


def _of_its_kind() -> dict[str, Any]:
    """A rule, held against the schema of its kind alone: so that what is wrong in it can be named, key by key."""
    unsaid = {"not": {"required": ["kind"]}}
    without = {"sql": unsaid | {"required": ["sql"]}, "threshold": {"not": {"anyOf": [{"required": ["kind"]}, _SQL]}}}
    chosen = []
    for kind in KINDS:
        said = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
        when = {"anyOf": [said, without[kind]]} if kind in without else said
        chosen.append({"if": when, "then": {"$ref": f"#/$defs/{kind}"}})
    kinds = {"enum": list(KINDS), "description": "threshold unless said; a rule with sql need not say so"}
    return {"type": "object", "properties": {"kind": kinds}, "required": ["name"], "allOf": chosen}


def _plain(part: Any) -> Any:
    """A part of a schema as TOML has it: no null, and no title or default that says nothing in it."""
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _plain(value) for key, value in part.items() if not _says_nothing(key, value)}
    choices = [one for one in kept.pop("anyOf", []) if one != {"type": "null"}]
    return kept | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})


def _says_nothing(key: str, value: Any) -> bool:
    # Defaults of durations are seconds here, and text in TOML: the descriptions say them.
    return (key == "title" and isinstance(value, str)) or (key == "default" and not isinstance(value, dict))


def _keys(model: type[BaseModel]) -> dict[str, str]:
    return {field.alias or name: field.description or "" for name, field in model.model_fields.items()}


def _load(table: Mapping[str, Any], place: int) -> Rule:
    named = f"rule {table['name']!r}" if isinstance(table.get("name"), str) else f"rule {place} of [[rules]]"
    kind = table.get("kind")
    if kind is None:
        kind = "sql" if table.get("sql") is not None else "threshold"
        if table.get("metric") is not None and kind == "sql":
            raise ConfigError(f"{named}: give exactly one of metric and sql", hint=_KEYS)
        if table.get("metric") is None and kind == "threshold":
            raise ConfigError(
                f"{named}: give exactly one of metric and sql, or a kind",
                hint=f"kinds: {', '.join(KINDS)}; {_KEYS}",
            )
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError(f"{named}: there is no kind {kind!r}", hint=nearest(str(kind), list(KINDS)))
    try:
        rule = KINDS[kind].model_validate(dict(table))
    except ValidationError as error:
        # A misspelt key is said before the one that is missing for it, and both before any value.
        first = min(error.errors(), key=lambda e: ["extra_forbidden", "missing", e["type"]].index(e["type"]))
        raise _explained(named, kind, first) from None
    if isinstance(rule, DriftRule):
        for message, hint in unprofiled(rule.subjects):
            raise ConfigError(f"{named}: subjects: {message}", hint=hint)
    return rule


def _explained(named: str, kind: str, first: ErrorDetails) -> ConfigError:
    path = [str(part) for part in first["loc"]]
    where = path[0] if path else ""
    if first["type"] == "extra_forbidden":
        return _unknown(named, kind, ".".join(path), path[-1])
    if first["type"] == "missing":
        missing = ".".join(path)
        return ConfigError(f"{named} has no {missing}", hint=f"add {missing} = ...; {_KEYS}")
    text = first["msg"].removeprefix("Value error, ")
    message, _, hint = text.partition("; ")
    at = f" {where}:" if where else ""
    given = f" (it is {first['input']!r})" if where and first["type"] != "value_error" else ""
    return ConfigError(f"{named}:{at} {message[:1].lower()}{message[1:]}{given}", hint=hint or _KEYS)


def _unknown(named: str, kind: str, path: str, key: str) -> ConfigError:
    own = list(_keys(KINDS[kind]))
    others = [other for other, model in KINDS.items() if key in _keys(model)]
    message = f"{named} has an unknown key {path!r}"
    if others:
        return ConfigError(message, hint=f"it goes with kind {', '.join(others)}, and this one is {kind}; {_KEYS}")
    return ConfigError(message, hint=nearest(key, own))
