"""Settings: argument > environment (`DEADRECKON_*`) > deadreckon.toml > default; an unknown key is an error."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deadreckon.core import sinks as of_sinks
from deadreckon.core.errors import ConfigError
from deadreckon.core.machine import memory_bytes
from deadreckon.core.sinks import Sink

FILE_NAME: Final = "deadreckon.toml"
PREFIX: Final = "DEADRECKON_"
_ALIKE: Final = 0.65
"""From this likeness on (difflib's ratio) a word is taken for another one misspelt; below it lie words by chance."""


def _share_of_memory() -> str:
    have = memory_bytes() or 0
    return f"{min(max(have // 4_000_000_000, 1), 8)}GB"


class Section(BaseModel):
    """A table of deadreckon.toml: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IngestSettings(Section):
    """How lines become events."""

    sources: list[str] = Field(
        default=["./spool"], description="files, folders and globs that `reckon ingest` reads by itself"
    )
    max_line_bytes: int = Field(
        default=8 << 20, ge=1024, description="a longer line is quarantined, truncated, with its hash"
    )
    batch_bytes: int = Field(default=96 << 20, ge=1 << 20, description="bytes of input committed together, at most")
    follow_interval_s: float = Field(
        default=2.0, gt=0, description="seconds between looks at the sources, and that a live pipe's lines wait"
    )
    naive_timezone: str = Field(default="UTC", description="time zone of timestamps that carry no offset")
    dedupe_horizon_days: int = Field(
        default=7, ge=0, description="days around a batch in which a repeated event_id is found"
    )


class RedactionSettings(Section):
    """What must not reach the disk."""

    keys: list[str] = Field(default=[], description="keys at any depth, any case, whose values are removed")
    patterns: list[Literal["email", "phone", "card", "api_key"]] = Field(
        default=[], description="built-in patterns in text"
    )
    custom: dict[str, str] = Field(default={}, description="patterns of your own: name = regular expression")
    user_id: Literal["hash", "keep"] = Field(
        default="hash", description="hash: user_id is stored as sha256: and a salted hash"
    )
    mode: Literal["mask", "hash"] = Field(
        default="mask", description="mask: [name]; hash: [name:salted hash], joinable"
    )
    salt_env: str = Field(
        default="DEADRECKON_SALT", description="environment variable that holds the salt of mode hash"
    )


class QuerySettings(Section):
    """Limits on SQL that others write."""

    max_rows: int = Field(default=10_000, ge=1, description="rows returned at most; more is said as truncated")
    max_bytes: int = Field(default=16 << 20, ge=1024, description="bytes of the answer at most")
    timeout_s: float = Field(default=30.0, gt=0, description="seconds a query may take")
    memory_limit: str = Field(
        default_factory=_share_of_memory,
        description="memory a query may take, as DuckDB writes it; else a quarter of the machine's, 1GB to 8GB",
    )
    threads: int = Field(default=0, ge=0, description="threads of a query; 0 is all cores")


class MaintainSettings(Section):
    """Housekeeping by `reckon maintain`."""

    retention_days: int = Field(default=0, ge=0, description="days of events kept; 0 keeps all")
    vacuum_hours: int = Field(
        default=168, ge=0, description="hours a replaced file stays for readers of older snapshots"
    )
    target_file_bytes: int = Field(default=256 << 20, ge=1 << 20, description="size that compaction aims for")
    profile_hourly_days: int = Field(
        default=90, ge=0, description="days that profiles are kept by the hour, older months by the day; 0 keeps all"
    )


class MonitorSettings(Section):
    """How the monitor itself is watched."""

    ping_url_env: str = Field(
        default="", description="environment variable with the URL that is asked after each evaluation; empty for none"
    )
    ping_failures: bool = Field(default=False, description="ask URL/fail after an evaluation that failed")
    ping_timeout_s: float = Field(default=10.0, gt=0, le=60, description="seconds that a ping may take")


class PricingSettings(Section):
    """Where prices come from, beside [prices]."""

    file: str = Field(
        default="./deadreckon.prices.toml",
        description="more [prices], read if it is there; `reckon prices update` writes it",
    )
    libraries: list[Literal["genai-prices", "litellm"]] = Field(
        default=["genai-prices", "litellm"],
        description="whose price tables are asked, in this order, for models that have no price of yours, if installed",
    )


class Settings(Section):
    """All of deadreckon.toml."""

    lake: str = Field(default="./lake", description="the lake's folder")
    ingest: IngestSettings = IngestSettings()
    aliases: dict[str, str] = Field(default={}, description="key of your logs = column of the lake")
    redaction: RedactionSettings = RedactionSettings()
    query: QuerySettings = QuerySettings()
    maintain: MaintainSettings = MaintainSettings()
    monitor: MonitorSettings = MonitorSettings()
    prices: dict[str, dict[str, Any]] = Field(default={}, description="prices by model; read by the queries room")
    pricing: PricingSettings = PricingSettings()
    rules: list[dict[str, Any]] = Field(default=[], description="the monitor's rules; checked by the monitor room")
    inhibit: list[dict[str, Any]] = Field(default=[], description="which alerts keep others from being told")
    sinks: list[Sink] = Field(default=[], description="where alerts are delivered")


def load(
    path: str | Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings in force.

    `path`: the file, else DEADRECKON_CONFIG, else ./deadreckon.toml if it is there. `overrides`: top-level values that
    win over everything (None means not given).

    Raises:
        ConfigError: the file is missing, not TOML, or has an unknown key or a wrong value (with the nearest key).
    """
    named = path or environ.get(PREFIX + "CONFIG")
    file = Path(named) if named else Path(FILE_NAME)
    data: dict[str, Any] = {}
    if named or file.exists():
        data = _read(file)
    data = _merge(data, from_environment(environ))
    data |= {k: v for k, v in (overrides or {}).items() if v is not None}
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise _explain(error, file, data) from None
    _check_sinks(settings, file)
    _check_aliases(settings, file)
    return settings


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Scalars from the environment: DEADRECKON_LAKE, DEADRECKON_QUERY_MAX_ROWS, DEADRECKON_INGEST_BATCH_BYTES, ..."""
    found: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            for key, sub in section.model_fields.items():
                value = environ.get(f"{PREFIX}{name}_{key}".upper())
                if value is not None:
                    lists = sub.annotation is not str and str(sub.annotation).startswith("list")
                    found.setdefault(name, {})[key] = value.split(os.pathsep) if lists else value
        elif section is str and (value := environ.get(f"{PREFIX}{name}".upper())) is not None:
            found[name] = value
    return found


def nearest(word: str, known: list[str]) -> str:
    """`did you mean ...?`, or the list of what exists."""
    close = max(known, key=lambda name: _likeness(word, name), default="")
    return f"did you mean {close!r}?" if _likeness(word, close) >= _ALIKE else f"known: {', '.join(sorted(known))}"


def _likeness(word: str, name: str) -> float:
    """How alike two words are, 0 to 1; the dashes before options are in all of them, and say nothing."""
    return difflib.SequenceMatcher(None, name.lstrip("-"), word.lstrip("-")).ratio()


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read {file}: {error.strerror or error}", hint="check --config or DEADRECKON_CONFIG"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}", hint="correct the line that it names") from error


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        section = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(section, type) and issubclass(section, Section)):
            break
        model = section
    return list(model.model_fields)


def _explain(error: ValidationError, file: Path, data: Mapping[str, Any]) -> ConfigError:
    first = error.errors()[0]
    if first["loc"][0] == "sinks" and isinstance(data["sinks"], list):
        message, hint, words = of_sinks.explain(first["loc"], first["type"], first["msg"], data["sinks"])
        return ConfigError(f"{message} in {file}", hint=nearest(words[0], words[1:]) if words else hint)
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        hint = nearest(str(first["loc"][-1]), _fields_at(first["loc"][:-1]))
        return ConfigError(f"unknown setting {where!r} in {file}", hint=hint)
    return ConfigError(
        f"setting {where!r} is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}",
        hint=f"correct it in {file}, or in the environment variable {PREFIX}{where.replace('.', '_').upper()}",
    )


def _check_sinks(settings: Settings, file: Path) -> None:
    seen: set[str] = set()
    for sink in settings.sinks:
        # Files are named by them, and some file systems do not tell cases apart.
        if sink.name.lower() in seen:
            raise ConfigError(
                f"two sinks in {file} are named {sink.name!r}", hint="what was told is kept by name: give each its own"
            )
        seen.add(sink.name.lower())


def _check_aliases(settings: Settings, file: Path) -> None:
    # The schema draws in Arrow; only a file with aliases pays for it.
    if not settings.aliases:
        return
    from deadreckon.core.schema import EVENTS

    for key, column in settings.aliases.items():
        if column not in EVENTS:
            turned = f'write it the other way round: {column} = "{key}"'
            raise ConfigError(
                f"alias {key!r} in {file} names {column!r}, which is not a column",
                hint=turned if key in EVENTS else nearest(column, list(EVENTS)),
            )
