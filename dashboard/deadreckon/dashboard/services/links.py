"""Links between pages: a page's query parameters, made and read in one place. What comes in is checked, never run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from deadreckon.dashboard.services.alerts import Change
from deadreckon.dashboard.services.period import CUSTOM

IDS: Final = ("trace", "span", "request", "session", "run", "id")
"""Parameters that name one thing to look for on the traces page; `id` is any of them."""
TRACE_FILTERS: Final = ("environment", "service", "agent", "variant", "model", "model_version", "tool")
"""Columns of spans that the traces page can filter by, and so an alert's labels that it can follow."""
SORTS: Final = ("newest", "slowest", "costliest", "failed")
LONGEST: Final = 200
"""Characters of a parameter; an ID or a name that is longer is none."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a link asks for: a kind of ID and the ID."""

    kind: str
    value: str


def clean(text: str | None) -> str:
    """A parameter's text without blanks around it; empty where it is too long or has control characters in it."""
    stripped = (text or "").strip()
    return "" if len(stripped) > LONGEST or _CONTROL.search(stripped) else stripped


def identifier(text: str | None) -> str:
    """An ID as it was pasted: clean, without quotes, and the trace's of a W3C traceparent."""
    bare = clean(clean(text).strip("\"'`"))
    match = _TRACEPARENT.fullmatch(bare)
    return match.group(1).lower() if match else bare


def wanted(params: Mapping[str, str]) -> Wanted | None:
    """The ID that query parameters ask for; the most specific where there are several."""
    for kind in IDS:
        if value := identifier(params.get(kind)):
            return Wanted(kind, value)
    return None


def moment(at: datetime) -> str:
    """A time as the pages' time inputs read it: to the minute, UTC."""
    return at.strftime("%Y-%m-%dT%H:%M")


def window(start: datetime, end: datetime) -> dict[str, str]:
    """Parameters for exactly this window, grown to whole minutes."""
    last = end if end.second == end.microsecond == 0 else end + timedelta(minutes=1)
    return {"range": CUSTOM, "from": moment(start), "until": moment(last)}


def traces_of(change: Change) -> dict[str, str]:
    """Parameters of the traces page that show what an alert speaks of: its window, its labels, the worst first."""
    filters = {name: clean(change.labels[name]) for name in TRACE_FILTERS if name in change.labels}
    params = window(change.start, change.end) | {k: v for k, v in filters.items() if v}
    return params | {"sort": sort_for(change.metric)}


def sort_for(metric: str) -> str:
    """The order in which the traces behind a metric are best looked at."""
    if re.search(r"duration|latency|ttft|_ms$", metric):
        return "slowest"
    if re.search(r"cost|tokens", metric):
        return "costliest"
    if re.search(r"error|timeout|cancel|fail", metric):
        return "failed"
    return "newest"


def unfiltered(change: Change) -> dict[str, str]:
    """The labels of an alert that the traces page cannot filter by."""
    return {k: v for k, v in change.labels.items() if k not in TRACE_FILTERS or not clean(v)}
