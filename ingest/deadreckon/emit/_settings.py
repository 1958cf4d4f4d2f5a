"""What can be configured, and where each value comes from: argument, then environment, then default."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deadreckon.emit._content import ContentPolicy
from deadreckon.emit._encode import text_of
from deadreckon.emit._ids import Ids
from deadreckon.emit._redact import FORMS, Redaction
from deadreckon.emit._sampling import Sampler, share

Processor = Callable[[Any, str, MutableMapping[str, Any]], Any]
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_ALIASES = {"warn": "warning", "fatal": "critical", "exception": "error", "notset": "debug", "trace": "debug"}


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """Where and how lines are kept.

    Attributes:
        directory: where files are written.
        fallback: where they are written while that cannot be.
        fallback_shared: the fallback lies where others may write, so it is used only when it is ours alone.
        max_bytes: a file is sealed before it grows beyond this.
        max_seconds: a file is sealed when it is this old.
        fsync_seconds: how often written data is forced to the disk in the background; 0 leaves it to sealing.
        buffer_ms: how long a line may wait in memory; 0 writes every event before the call returns.
        buffer_bytes: how much may wait in memory.
    """

    directory: Path = Path("spool")
    fallback: Path = Path("spool-fallback")
    fallback_shared: bool = False
    max_bytes: int = 64 * 1024 * 1024
    max_seconds: float = 60.0
    fsync_seconds: float = 1.0
    buffer_ms: float = 0.0
    buffer_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything `configure` decides."""

    spool: SpoolSettings = field(default_factory=SpoolSettings)
    content: ContentPolicy = field(default_factory=ContentPolicy)
    static: Mapping[str, Any] = field(default_factory=dict)
    threshold: int = 10
    processors: tuple[Processor, ...] = ()
    clock: Callable[[], int] | None = None
    ids: Ids | None = None
    structlog_context: bool = False
    sampler: Sampler = field(default_factory=lambda: Sampler(1.0, (), keep_errors=True))
    state: Path = Path("state")


def level_name(level: Any) -> str:
    """Return the canonical name of a level given as name or as logging's number."""
    if isinstance(level, int):
        return next((name for name, floor in reversed(LEVELS.items()) if level >= floor), "debug")
    name = text_of(level).lower()
    return _ALIASES.get(name, name if name in LEVELS else "info")


def read_settings(arguments: Mapping[str, Any], env: Mapping[str, str] | None = None) -> Settings:
    """Combine the arguments of `configure` with the environment.

    Raises:
        ValueError: an argument has a value that cannot work. The environment never raises: what it holds wrong is
            reported on stderr and left at its default, because it is read when the first event is written.
    """
    env = os.environ if env is None else env
    given = {name: value for name, value in arguments.items() if value is not None}

    def pick(name: str, variables: Iterable[str], default: Any = None) -> Any:
        if name in given:
            return given[name]
        return next((env[variable] for variable in variables if env.get(variable)), default)

    level = pick("level", ["DEADRECKON_LEVEL"], "debug")
    if isinstance(level, str) and level.lower() not in LEVELS and level.lower() not in _ALIASES:
        level = _bad("level", level, f"one of {', '.join(LEVELS)}", "level" in given, "debug")
    capture = pick("capture", ["DEADRECKON_CAPTURE"], "off")
    capture = {True: "text", "1": "text", "true": "text", "on": "text", False: "off", "0": "off", "false": "off"}.get(
        capture, capture
    )
    if capture not in ("off", "hash", "text"):
        capture = _bad("capture", capture, "off, hash or text", "capture" in given, "off")
    enabled = pick("enabled", ["DEADRECKON_EMIT"]) not in (False, "off", "0", "false", "no")
    numbers = {name: _number(name, given[name]) for name in _NUMBERS if name in given}
    limit = int(numbers.pop("capture_limit", 8192))
    static = {
        "service": pick("service", ["DEADRECKON_SERVICE", "OTEL_SERVICE_NAME"], _program()),
        "environment": pick("environment", ["DEADRECKON_ENVIRONMENT"]),
        "host": pick("host", [], os.uname().nodename),
        "pid": os.getpid(),
        **given.get("static", {}),
    }
    sample = pick("sample", ["DEADRECKON_SAMPLE"], 1.0)
    try:
        sample = share("sample", sample)
    except ValueError:
        if "sample" in given:
            raise
        complain(f"DEADRECKON_SAMPLE={sample!r} ignored: expected a number from 0 to 1")
        sample = 1.0
    spool = _absolute(pick("directory", ["DEADRECKON_SPOOL"], "spool"))
    fallback = pick("fallback", ["DEADRECKON_SPOOL_FALLBACK"])
    return Settings(
        spool=SpoolSettings(
            # Made absolute at once: a daemon that changes its directory later keeps writing where it began.
            directory=spool,
            fallback=_absolute(fallback or _default_fallback(env)),
            fallback_shared=fallback is None,
            **{name: kind(numbers[name]) for name, kind in _NUMBERS.items() if name in numbers},
        ),
        content=ContentPolicy(
            capture,
            limit,
            str(pick("salt", ["DEADRECKON_SALT"], "")),
            given.get("hash_user_id", True),
            _redaction(pick("redact", ["DEADRECKON_REDACT"], ()), "redact" in given),
        ),
        static={key: value for key, value in static.items() if value is not None},
        threshold=LEVELS[level_name(level)] if enabled else 1000,
        processors=tuple(given.get("processors", ())),
        clock=given.get("clock"),
        ids=given.get("ids"),
        structlog_context=bool(given.get("structlog_context", False)),
        sampler=Sampler(sample, given.get("sample_rules", ()), bool(given.get("keep_errors", True))),
        state=_absolute(pick("state", ["DEADRECKON_STATE"]) or spool.with_name(f"{spool.name}-state")),
    )


def _redaction(names: Any, given: bool) -> Redaction:
    listed = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
    try:
        return Redaction.of(name for name in listed if name)
    except ValueError:
        if given:
            raise
        # What was meant to be kept back must not get out because of a spelling mistake: everything known is.
        complain(f"DEADRECKON_REDACT={names!r}: expected {', '.join(FORMS)} or key:NAME; all forms are redacted")
        return Redaction.of([*FORMS, *(name for name in listed if name.startswith("key:"))])


_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "max_bytes": int,
    "max_seconds": float,
    "fsync_seconds": float,
    "buffer_ms": float,
    "buffer_bytes": int,
    "capture_limit": int,
}
_POSITIVE = ("max_bytes", "max_seconds", "buffer_bytes")


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or (value == 0 and name in _POSITIVE):
        wanted = "a number above 0" if name in _POSITIVE else "a number of 0 or more"
        raise ValueError(f"emit.configure({name}={value!r}): expected {wanted}")
    return value


def _bad(name: str, value: Any, wanted: str, given: bool, default: str) -> str:
    if given:
        raise ValueError(f"emit.configure({name}={value!r}): expected {wanted}")
    complain(f"DEADRECKON_{name.upper()}={value!r} ignored: expected {wanted}")
    return default


def complain(message: str) -> None:
    """Say one line on stderr, the only place left when events themselves cannot be written."""
    try:
        sys.stderr.write(f"deadreckon.emit: {message}\n")
    except (AttributeError, OSError, ValueError):
        return  # no stderr, as in a daemon


def _program() -> str:
    return Path(sys.argv[0]).stem if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python"


def _absolute(path: Any) -> Path:
    try:
        return Path(path).absolute()
    except OSError:  # the working directory is gone: writing will fail, and the fallback take over
        return Path(path)


def _default_fallback(env: Mapping[str, str]) -> Path:
    # `tempfile` would find the same and costs more to import than all of emit.
    temporary = env.get("TMPDIR") or "/tmp"  # noqa: S108  # the directory made there is checked to be ours alone
    return Path(temporary) / f"deadreckon-spool-{os.geteuid()}"
