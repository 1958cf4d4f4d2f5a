"""`reckon alerts ack` and `reckon alerts silence`: what people do about alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deadreckon.cli.alert_events import tell
from deadreckon.cli.moments import moment
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, one_line, say, show_rows
from deadreckon.core.errors import ConfigError, DeadreckonError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from deadreckon.core.lake import Lake
    from deadreckon.core.settings import Settings
    from deadreckon.monitor.deeds import Silence
    from deadreckon.monitor.matcher import Matcher

ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it.")]
CommentOption = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; it is kept.")]

silence = typer.Typer(
    no_args_is_help=True, help="Silences: alerts that are judged and kept, but not told, until a time."
)


def ack(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule whose open alerts are taken.")],
    *,
    by: ByOption,
    comment: CommentOption = "",
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="Only alerts with it; repeatable.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Let them go: they are told again as before.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Take open alerts: they are not repeated any more, and their end is told.

    It ends with the alert. The alert still fires, and the monitor's exit code says so.

    Example: reckon alerts ack "slow answers" --label model_version=v2 --by ann --comment "rolling back"
    """
    from deadreckon.monitor.lifecycle import acknowledge

    opened, settings, now = _at_work(lake, config)
    labels = dict(_pair(text) for text in label or [])
    changed = acknowledge(opened, rule, labels, by=_name(by), comment=comment, now=now.timestamp(), undo=undo)
    if not changed:
        say("nothing changed: " + ("nobody had taken them" if undo else "somebody has taken them already"))
    rows = [[a.stream.rule, dict(a.labels), a.stream.state, by, comment] for a in changed]
    show_rows(("rule", "labels", "state", "by", "comment"), rows, chosen(format_))
    _tell(opened, settings, now)


@silence.command("add")
def add(
    *,
    match: Annotated[
        list[str],
        typer.Option(
            "--match", metavar="MATCHER", help="rule=slow*, severity=info, tool!=x, model=~a.*; all must hold."
        ),
    ],
    by: ByOption,
    comment: CommentOption,
    for_: Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long: 2h, 1d.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Or until when (ISO-8601, UTC unless said).")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="When it begins; now unless said.")
    ] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Do not tell alerts that all matchers hold for, until a time; how they stand is kept as ever.

    What still fires when the silence ends is told then.

    Example: reckon alerts silence add --match rule=slow* --match model_version=v2 --for 2h --by ann --comment deploy
    """
    from datetime import timedelta

    from deadreckon.monitor.duration import parse_duration
    from deadreckon.monitor.lifecycle import silence as begin
    from deadreckon.monitor.matcher import parse

    opened, settings, now = _at_work(lake, config)
    begins = moment(start, "--from") if start else now
    if (for_ is None) == (until is None):
        raise UsageError("give one of --for and --until", hint="reckon alerts silence add ... --for 2h")
    try:
        ends = moment(until, "--until") if until else begins + timedelta(seconds=parse_duration(for_))
    except ValueError as error:
        raise UsageError(f"--for {error}", hint="--for 2h") from None
    matchers = [parse(text) for text in match]
    made = begin(
        opened,
        matchers,
        starts_at=int(begins.timestamp()),
        ends_at=int(ends.timestamp()),
        by=_name(by),
        comment=comment,
        now=now.timestamp(),
    )
    doubts = _doubts(matchers, opened, settings)
    _show([made], now, chosen(format_), {"warnings": doubts} if doubts and chosen(format_) is Format.json else {})
    for doubt in doubts:
        say(one_line(f"warning: {doubt}"))
    _tell(opened, settings, now)


@silence.command("list")
def list_(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """List the silences that hold or will, with who made them and why.

    Example: reckon alerts silence list --all --format csv
    """
    from deadreckon.monitor.deed_store import read

    opened, _, now = _at_work(lake, config)
    found = [s for s in read(opened).silences() if every or s.until > now.timestamp()]
    _show(found, now, chosen(format_))


@silence.command("expire")
def expire(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `reckon alerts silence list` shows it.")],
    *,
    by: ByOption,
    comment: CommentOption = "",
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """End a silence now; what still fires is told by the monitor's next run.

    Example: reckon alerts silence expire 3f2a --by ann
    """
    from deadreckon.monitor.lifecycle import expire as end

    opened, settings, now = _at_work(lake, config)
    _show([end(opened, id_, by=_name(by), comment=comment, now=now.timestamp())], now, chosen(format_))
    _tell(opened, settings, now)


def _at_work(lake: str | None, config: Path | None) -> tuple[Lake, Settings, datetime]:
    from datetime import UTC, datetime

    from deadreckon.core.lake import Lake

    settings = settings_for(lake, config)
    return Lake.open(settings.lake), settings, datetime.now(UTC)


def _tell(lake: Lake, settings: Settings, now: datetime) -> None:
    try:
        tell(lake, settings, now)
    except DeadreckonError as error:  # it is done and kept: only its event waits
        say(f"hint: it holds, and the monitor's next run writes its event: {error.message}")


def _doubts(matchers: Sequence[Matcher], lake: Lake, settings: Settings) -> list[str]:
    """What a silence asks for that neither rules nor alerts have: a warning, for what is to come may have it."""
    from deadreckon.monitor import load_rules, store
    from deadreckon.monitor.unmatched import unmatched

    try:
        rules = load_rules(settings.rules)
    except ConfigError:
        return []  # the monitor says what is wrong with them
    found = unmatched(matchers, rules, store.read(lake).alerts)
    return [f"the silence may hold for nothing: {message}{f'; {hint}' if hint else ''}" for message, hint in found]


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name.strip() and sign):
        raise UsageError(f"--label {text!r} is no NAME=VALUE", hint="--label model_version=v2")
    return name.strip(), value.strip()


def _name(by: str) -> str:
    if not by.strip():
        raise UsageError("--by is empty", hint="name who does it")
    return by.strip()


def _show(silences: list[Silence], now: datetime, format_: Format, meta: Mapping[str, Any] | None = None) -> None:
    from deadreckon.monitor.alert import when

    rows: list[list[Any]] = []
    for one in silences:
        made = one.made
        state = "over" if one.until <= now.timestamp() else "active" if made.starts_at <= now.timestamp() else "to come"
        matchers = [str(m) for m in made.matchers]
        rows.append([made.id, state, matchers, when(made.starts_at), when(one.until), made.by, made.comment])
    show_rows(("id", "state", "matchers", "starts_at", "ends_at", "by", "comment"), rows, format_, meta=meta)
