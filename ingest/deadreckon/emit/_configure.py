"""The switches and gauges of emit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deadreckon.emit._content import Capture
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import COERCED
from deadreckon.emit._ids import Ids
from deadreckon.emit._settings import Processor, read_settings


def configure(
    *,
    directory: Any = None,
    fallback: Any = None,
    service: str | None = None,
    environment: str | None = None,
    host: str | None = None,
    static: Mapping[str, Any] | None = None,
    level: str | int | None = None,
    enabled: bool | None = None,
    capture: Capture | bool | None = None,
    capture_limit: int | None = None,
    redact: Iterable[str] | None = None,
    salt: str | None = None,
    hash_user_id: bool | None = None,
    sample: float | None = None,
    sample_rules: Iterable[Mapping[str, Any]] | None = None,
    keep_errors: bool | None = None,
    state: Any = None,
    processors: Iterable[Processor] | None = None,
    structlog_context: bool | None = None,
    max_bytes: int | None = None,
    max_seconds: float | None = None,
    fsync_seconds: float | None = None,
    buffer_ms: float | None = None,
    buffer_bytes: int | None = None,
    clock: Callable[[], int] | None = None,
    ids: Ids | None = None,
) -> None:
    """Configure emit for this process; what is not given comes from the environment, then from the default.

    Each call starts from the beginning: it does not keep what an earlier call set. Not calling it is fine.

    Args:
        directory: the spool; DEADRECKON_SPOOL; ./spool.
        fallback: where lines go while the spool cannot be written; DEADRECKON_SPOOL_FALLBACK; a directory of this
            user's own in the temporary directory.
        service: the program's name; DEADRECKON_SERVICE, OTEL_SERVICE_NAME; the script's name.
        environment: dev, staging, prod; DEADRECKON_ENVIRONMENT; none.
        host: the machine's name; as the system says.
        static: more fields for every event.
        level: the lowest level of log events to write; DEADRECKON_LEVEL; debug. Other kinds are always written.
        enabled: False writes nothing at all; DEADRECKON_EMIT=off; True.
        capture: what to keep of `input` and `output`: off (their length), hash (and a hash), text (and the text);
            DEADRECKON_CAPTURE; off.
        capture_limit: characters of text to keep; 8192.
        redact: what is masked in `input`, `output` and dead letters before anything else sees them: email, phone, card,
            api_key, and `key:NAME` for the values of a key; DEADRECKON_REDACT, with commas; nothing.
        salt: put before user ids before hashing; DEADRECKON_SALT; empty.
        hash_user_id: False writes user ids as they are; True.
        sample: the share of traces whose spans are written, 0 to 1; DEADRECKON_SAMPLE; 1.
        sample_rules: other shares for traces whose first span matches, such as
            `[{"name": "health*", "rate": 0}, {"operation": "invoke_agent", "rate": 1}]`; the first match decides.
        keep_errors: spans that fail are written with the spans around them, sampled or not; True.
        state: where guards keep results and dead letters; DEADRECKON_STATE; the spool's folder and `-state`.
        processors: functions in structlog's form, (logger, method_name, event_dict) -> event_dict, run on every event.
        structlog_context: also take what was bound by `structlog.contextvars.bind_contextvars`; False.
        max_bytes: seal a file before it grows beyond this; 64 MiB.
        max_seconds: seal a file when it is this old; 60.
        fsync_seconds: how often to force data to the disk in the background; 0 leaves it to sealing; 1.
        buffer_ms: how long an event may wait in memory; 0 writes each before the call returns; 0.
        buffer_bytes: how much may wait in memory; 256 KiB.
        clock: returns the time as ns since 1970 in UTC, for tests; spans are measured with it too.
        ids: makes all identifiers, for tests; see `SeededIds`.

    Raises:
        ValueError: an argument cannot work; the message says which and what is expected.
    """
    EMITTER.configure(read_settings(locals()))


def new_id() -> str:
    """Return a new UUIDv7, for a request, session or run: they sort by time."""
    return EMITTER.new_id()


uuid7 = new_id


def flush() -> bool:
    """Force everything emitted so far to the disk; False if that failed or something was dropped and not reported."""
    return EMITTER.flush()


def close() -> None:
    """Seal the spool file, as happens by itself when the process ends; a later event opens another."""
    EMITTER.close()


def dropped() -> int:
    """Return how many events this process could not write anywhere."""
    return stats().dropped


@dataclass(frozen=True, slots=True)
class Stats:
    """How emit is doing in this process.

    Attributes:
        dropped: events that could not be written anywhere.
        coerced: values that JSON cannot hold and were written in another form.
        path: the file being written.
        reason: the last trouble with a disk, empty when there was none.
        unsampled: spans that were not written because their trace was not sampled.
    """

    dropped: int
    coerced: int
    path: Path | None
    reason: str
    unsampled: int = 0


def stats() -> Stats:
    """Return the gauges."""
    spool = EMITTER.spool
    path, reason = (spool.path, spool.reason) if spool else (None, "")
    return Stats(EMITTER.dropped, COERCED.count, path, reason, EMITTER.unsampled.count)
