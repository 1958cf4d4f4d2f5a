"""What a rule of kind drift can watch: the subjects that profiles are kept of, by their names alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

from deadreckon.core.settings import nearest

# As deadreckon.profiles.subjects has them: importing that takes longer than loading rules may.
COLUMNS: Final = (
    *("latency_ms", "ttft_ms", "cost_usd", "input_tokens", "output_tokens"),
    *("tool:name", "status", "error_type", "finish_reason"),
)
PREFIXES: Final = ("feature", "output", "score", "feedback")


def unprofiled(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is wrong and a hint, for each name or pattern that no profile can have."""
    forms = ", ".join(f"{prefix}:NAME" for prefix in PREFIXES)
    for name in names:
        prefix, colon, key = name.partition(":")
        if any(fnmatchcase(column, name) for column in COLUMNS) or (colon and key and prefix in PREFIXES):
            continue
        if any(fnmatchcase(f"{known}:", prefix) for known in PREFIXES):  # a pattern that any name may fit
            continue
        if colon and key:
            yield f"{name!r} is no subject", nearest(prefix, [*PREFIXES, "tool"])
        else:
            close = nearest(name, list(COLUMNS))
            near = close if close.startswith("did you mean") else f"write feature:{prefix} if it is an input"
            yield f"{name!r} is no subject", f"{near}; subjects are {forms} and {', '.join(COLUMNS)}"
