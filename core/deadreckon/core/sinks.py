"""Sinks: what `[[sinks]]` in deadreckon.toml may say. A secret is never in the file, only the name of its variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

State = Literal["ok", "pending", "firing", "resolved", "no_data", "error"]
Severity = Literal["info", "warning", "critical"]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Address = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,]+@[^\s@<>,]+$")]
Label = Annotated[str, StringConstraints(min_length=1)]
Period = Annotated[str, StringConstraints(pattern=r"^([0-9]{1,8}[wdhms])+$")]
"""A duration as people write it: 90s, 5m, 1h30m, 7d."""
Timeout = Annotated[float, Field(gt=0, le=300)]


class SinkBase(BaseModel):
    """What every sink has."""

    # Deferred: the settings build these once for themselves, and every command waits for it.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="unique; what was told is kept by it")
    states: list[State] = Field(
        default=["firing", "resolved", "no_data", "error"],
        min_length=1,
        description="changes to these states are told, and the return from one of them to ok",
    )
    severities: list[Severity] = Field(
        default=["info", "warning", "critical"], min_length=1, description="rules of these severities are told"
    )
    labels: dict[str, str | list[str]] = Field(
        default={}, description="label = value, or a list of values; all must hold"
    )
    repeat_every: Period = Field(
        default="4h", description="an alert that stays open is told again after this long; 0s for never"
    )
    group_by: list[Label] | None = Field(
        default=None,
        description="alerts that agree in these labels, or in rule, come in one message; [] for all in one",
    )
    group_interval: Period = Field(
        default="0s",
        description="a group is told of again after this long at the earliest, with all that came meanwhile",
    )
    tries: int = Field(default=4, ge=1, le=10, description="tries of one message in one run, with growing pauses")
    max_attempts: int = Field(default=100, ge=1, description="tries over all runs, then it becomes a dead letter")
    max_age_hours: float = Field(default=24, gt=0, description="what fails when older than this becomes a dead letter")

    def secrets(self) -> dict[str, str]:
        """The keys that name environment variables, with those names."""
        return {key: value for key in type(self).model_fields if key.endswith("_env") and (value := getattr(self, key))}


class StdoutSink(SinkBase):
    """Lines on standard output."""

    kind: Literal["stdout"]
    format: Literal["json", "text"] = Field(default="json", description="JSON lines, or text for people")


class FileSink(SinkBase):
    """JSON lines at the end of a file."""

    kind: Literal["file"]
    path: str = Field(min_length=1, description="the file; its folder must be there")


class WebhookSink(SinkBase):
    """JSON posted to a URL."""

    kind: Literal["webhook"]
    url: str | None = Field(default=None, description="where to; or give url_env")
    url_env: Variable | None = Field(default=None, description="environment variable that holds a secret URL")
    secret_env: Variable | None = Field(
        default=None, description="environment variable that holds the secret which signs the body"
    )
    timeout_s: Timeout = Field(default=10.0, description="seconds that one try may take")
    ca_file: str | None = Field(default=None, description="certificates to trust; the system's unless said")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("give exactly one of url and url_env")
        if self.url is not None and (fault := fault_of_url(self.url)):
            raise ValueError(f"url {fault}")
        return self


class EmailSink(SinkBase):
    """A message through an SMTP server."""

    kind: Literal["email"]
    host: str = Field(min_length=1, description="the SMTP server")
    port: int | None = Field(default=None, ge=1, le=65535, description="587 for starttls, 465 for ssl, 25 for none")
    security: Literal["starttls", "ssl", "none"] = Field(
        default="starttls", description="starttls, ssl or none; a server without it is not used"
    )
    from_: Address = Field(alias="from", description="the sender's address")
    to: list[Address] = Field(min_length=1, description="addresses that get it")
    user_env: Variable | None = Field(default=None, description="environment variable that holds the user's name")
    password_env: Variable | None = Field(default=None, description="environment variable that holds the password")
    timeout_s: Timeout = Field(default=30.0, description="seconds that one try may take")
    ca_file: str | None = Field(default=None, description="certificates to trust; the system's unless said")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.user_env is None) != (self.password_env is None):
            raise ValueError("give both of user_env and password_env, or neither")
        if self.user_env is not None and self.security == "none":
            raise ValueError("security = 'none' would send the password in the clear; use starttls or ssl")
        return self


class CommandSink(SinkBase):
    """JSON on the standard input of a command."""

    kind: Literal["command"]
    command: list[str] = Field(min_length=1, description="the program and its arguments; no shell reads them")
    timeout_s: Timeout = Field(default=30.0, description="seconds that one try may take, then it is killed")


class AppriseSink(SinkBase):
    """A service that the library apprise knows a URL for: Slack, Teams, PagerDuty and many more."""

    kind: Literal["apprise"]
    url_env: Variable = Field(description="environment variable that holds apprise's URL of one service")
    timeout_s: Timeout = Field(default=30.0, description="seconds that one try may take")


Sink = Annotated[
    StdoutSink | FileSink | WebhookSink | EmailSink | CommandSink | AppriseSink, Field(discriminator="kind")
]
KINDS: Final[dict[str, type[SinkBase]]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model
    for model in (StdoutSink, FileSink, WebhookSink, EmailSink, CommandSink, AppriseSink)
}


def keys_of(kind: str) -> dict[str, str]:
    """Each key of a kind of sink, as it is written, and what it means."""
    return {field.alias or name: field.description or "" for name, field in KINDS[kind].model_fields.items()}


def fault_of_url(url: str) -> str:
    """Why nothing can be posted to a URL; empty where it can. The URL itself, which may be secret, is not repeated."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(c <= " " or c > "~" for c in url):
        return "is no http:// or https:// URL"
    return "holds a user or password; receivers check the signature (secret_env) instead" if parts.username else ""


def explain(
    location: Sequence[int | str], kind_of_error: str, text: str, tables: Sequence[Any]
) -> tuple[str, str, list[str]]:
    """A fault in `[[sinks]]` as pydantic states it: what is wrong, what to do, and (unknown key) the key and the known.

    Values are not repeated: one may be a secret that was written into the wrong place.
    """
    place = int(location[1]) if len(location) > 1 else 0
    table = tables[place] if place < len(tables) else None
    name = table.get("name") if isinstance(table, Mapping) else None
    named = f"sink {name!r}" if isinstance(name, str) else f"sink {place + 1} of [[sinks]]"
    kinds = ", ".join(KINDS)
    if kind_of_error.startswith("union_tag"):
        kind = table.get("kind") if isinstance(table, Mapping) else None
        if isinstance(kind, str):
            return f"{named} has an unknown kind {kind!r}", "", [kind, *KINDS]
        return f"{named} has no kind", f"add kind = ...; one of {kinds}", []
    key = str(location[3]) if len(location) > 3 else ""
    if kind_of_error == "extra_forbidden":
        return f"{named} has an unknown key {key!r}", "", [key, *keys_of(str(location[2]))]
    if kind_of_error == "missing":
        return f"{named} has no {key}", f"add {key} = ...: {keys_of(str(location[2]))[key]}", []
    message, _, hint = text.removeprefix("Value error, ").partition("; ")
    at = f" {'.'.join(str(part) for part in location[3:])}:" if key else ""
    wanted = f"{key}: {keys_of(str(location[2]))[key]}" if key else "docs/delivery.md lists every key"
    return f"{named}:{at} {message[:1].lower()}{message[1:]}", hint or wanted, []
