"""The SQL statement that turns lines into typed columns, and flags what it cannot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from deadreckon.core.schema import EVENT_COLUMNS, EVENTS, Column
from deadreckon.ingest import convert, shapes
from deadreckon.ingest.convert import literal, quoted
from deadreckon.ingest.shapes import Plan

FINE: Final = 0
CARE: Final = 1
BAD: Final = 2
SPAN_KEYS: Final = frozenset({"kind", "trace_id", "span_id"})


@dataclass(frozen=True, slots=True)
class UserIds:
    """What becomes of user_id: `salt` None keeps it, else it is stored as emit writes it, sha256: and a salted hash."""

    salt: str | None

    def sql(self, value: str) -> str:
        """The stored form of a SQL text; one that is hashed already stays."""
        if self.salt is None:
            return value
        return f"""(CASE WHEN {value} IS NULL OR (starts_with({value}, 'sha256:') AND length({value}) = 71) THEN {value}
            ELSE 'sha256:' || sha256({literal(self.salt)} || {value}) END)"""


def statement(plan: Plan, user_ids: UserIds, *, care: bool) -> tuple[str, tuple[str, ...]]:
    """The SELECT that decodes lines_in by this plan, and the event columns that it gives."""
    spec: dict[str, str] = {}
    for name, sources in plan.columns.items():
        spec |= dict.fromkeys(sources, convert.spec_type(EVENTS[name]))
    if not plan.wide:
        spec |= dict.fromkeys(plan.unknown, "JSON")
    spec = spec or {"ts": "VARCHAR"}
    raws, values, checks, cares, nests = ["sub", "nested", "now"], [], [], [], []
    for column in EVENT_COLUMNS:
        if column.name not in plan.columns or column.name == "attributes":
            continue
        keys = plan.columns[column.name]
        raw, value = quoted("raw_" + column.name), quoted(column.name)
        raws.append(f"{_raw(column, keys)} AS {raw}")
        if column.name not in ("event_id", "user_id"):
            values.append(f"{convert.converted(column, raw, 'line', keys)} AS {value}")
        wrong = [convert.bad(column, raw, value, "line", k, plan.has(k) if k in plan.asked else "true") for k in keys]
        if care:
            cares.append(convert.care(column, raw, value))
        if column.type == "string":
            nests += wrong
        elif care and column.type == "boolean":
            cares += wrong  # may be a dialect's: {"stream": "stdout"}
        else:
            checks += wrong
    given = "nullif(\"raw_event_id\", '')" if "event_id" in plan.columns else "NULL::VARCHAR"
    user = [f'{user_ids.sql(quoted("raw_user_id"))} AS "user_id"'] if "user_id" in plan.columns else []
    attributes, attribute_check, attribute_care = _attributes(plan, care=care)
    checks.append(attribute_check)
    cares.append(attribute_care)
    # Most lines have no bracket inside, and their many text columns need not be looked at one by one.
    (cares if care else checks).append(f"(nested AND ({_any(nests)}))")  # may be a dialect's: {"service": {...}}
    spec_text = literal(json.dumps(spec))
    have = set(plan.columns)
    present = "".join(f"has{i}, " for i in range(-(-len(plan.asked) // shapes.BITS)))
    sql = f"""
        WITH parsed AS (
            SELECT *, from_json(line, {spec_text}) AS j FROM lines_in
        ), raw AS (
            SELECT {present}n, source_id, off, line, {", ".join([*raws, f"{attributes} AS attributes"])} FROM parsed
        ), typed AS (
            SELECT *, {", ".join([*values, *user, f"{given} AS given_id"])} FROM raw
        ), named AS (
            SELECT *, {_kind(have)} AS inferred_kind, {_moment(have)} AS moment FROM typed
        )
        SELECT
            n,
            CAST(source_id AS VARCHAR) AS source_id,
            off AS source_offset,
            now AS ingested_at,
            coalesce(given_id, {_derived(have)}) AS event_id,
            inferred_kind AS kind,
            moment AS ts,
            make_timestamp(epoch_us(moment))::DATE AS date,
            {", ".join(quoted(name) for name in _carried(have))},
            CAST(CASE WHEN {_any(checks)} THEN 2 WHEN {_any(cares)} THEN 1 ELSE 0 END AS TINYINT) AS flag
        FROM named
    """
    return sql, ("event_id", "kind", "ts", *_carried(have))


def _raw(column: Column, keys: tuple[str, ...]) -> str:
    """What the parser gave for the one key that a line has for a column (of JSON, the text is meant)."""
    fields = [f"j.{quoted(k)}" for k in keys]
    one = fields[0] if len(keys) == 1 else f"coalesce({', '.join(fields)})"
    return f"{one}::VARCHAR" if column.type == "json" else one


def _any(conditions: list[str]) -> str:
    wanted = [c for c in conditions if c]
    return " OR ".join(wanted) if wanted else "false"


def _carried(have: set[str]) -> list[str]:
    names = [c.name for c in EVENT_COLUMNS if c.name in have and c.name not in ("event_id", "kind", "ts", "attributes")]
    return [*names, "attributes"]


def _attributes(plan: Plan, *, care: bool) -> tuple[str, str, str]:
    """The attributes' expression, its bad and its care condition."""
    odd, strange = "", convert.unjson("attributes") if care else ""
    base = "NULL::VARCHAR"
    if "attributes" in plan.columns:
        base = f"nullif({_raw(EVENTS['attributes'], plan.columns['attributes'])}, '{{}}')"
        odd = f"(attributes IS NOT NULL AND NOT {convert.opens('attributes', '{')})"
    if not plan.unknown:
        return base, odd, strange
    if plan.wide:
        built = f"json_merge_patch(line, {literal(json.dumps(dict.fromkeys(plan.having)))})::VARCHAR"
    else:
        pieces = []
        for key in plan.unknown:
            name = literal(json.dumps(key, ensure_ascii=False) + ":")
            null = f"WHEN {plan.has(key)} THEN {name} || 'null'"
            pieces.append(f"CASE WHEN j.{quoted(key)} IS NOT NULL THEN {name} || j.{quoted(key)}::VARCHAR {null} END")
        built = f"'{{' || concat_ws(',', {', '.join(pieces)}) || '}}'"
    return f"coalesce(nullif({built}, '{{}}'), {base})", odd, strange


def _moment(have: set[str]) -> str:
    """When it happened: the line's time, else that in its UUIDv7, the same whenever it is read, else now."""
    times = ["ts"] if "ts" in have else []
    if "event_id" in have:
        made = "TRY(uuid_extract_timestamp(TRY_CAST(given_id AS UUID)))"
        # An id of ones or zeros was made at no time: from 2000 to 9999 it can be meant.
        times.append(f"CASE WHEN epoch({made}) BETWEEN 946684800 AND 253402300799 THEN {made} END")
    return f"coalesce({', '.join([*times, 'now'])})"


def _kind(have: set[str]) -> str:
    def has(*names: str) -> str:
        return " AND ".join(f"{quoted(n)} IS NOT NULL" for n in names) if set(names) <= have else "false"

    inferred = f"""CASE
        WHEN {has("features")} OR {has("outputs")} THEN 'prediction'
        WHEN {has("span_id", "duration_ms")} THEN 'span'
        WHEN {has("run_id", "name", "value")} THEN 'metric'
        ELSE 'log' END"""
    return f'coalesce("kind", {inferred})' if "kind" in have else inferred


def gives_ids(have: set[str]) -> bool:
    """Whether a line may itself give its event_id, with keys for these columns."""
    return "event_id" in have or have >= SPAN_KEYS


def _is_span(have: set[str]) -> str:
    # Only a line that says it is a span is one event however often it comes: two log lines of one span are two events.
    # No characters, or zeros alone, are no ids: tracers that are switched off write them for every span.
    named = "coalesce(ltrim(trace_id, '0'), '') <> '' AND coalesce(ltrim(span_id, '0'), '') <> ''"
    return f"(\"kind\" = 'span' AND {named})" if have >= SPAN_KEYS else "false"


def _derived(have: set[str]) -> str:
    """An id like UUIDv8: the event's millisecond, then a hash of where the line stands (or of its trace and span)."""
    when = "ts" if "ts" in have else "NULL::TIMESTAMPTZ"
    # A line without a time gets one at ingest, but its id must be the same whenever it is read: time 0.
    time = f"lpad(lower(to_hex(greatest(coalesce(epoch_ms({when}), 0), 0))), 12, '0')"
    place = "source_id || ':' || off || ':' || sub"
    spans = f"CASE WHEN {_is_span(have)} THEN 'span:' || trace_id || ':' || span_id ELSE {place} END"
    digest = f"md5({spans if {'trace_id', 'span_id'} <= have else place})"
    return (
        f"{time}[1:8] || '-' || {time}[9:12] || '-8' || {digest}[1:3] || '-8' || {digest}[4:6] || '-' || {digest}[7:18]"
    )
