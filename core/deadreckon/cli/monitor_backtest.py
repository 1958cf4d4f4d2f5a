"""`reckon monitor backtest`: what the rules would have said in the past, and what that would have cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deadreckon.cli.moments import moment
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, one_line, say
from deadreckon.core.errors import ConfigError, UsageError
from deadreckon.core.settings import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from deadreckon.core.settings import Settings
    from deadreckon.monitor import Rule
    from deadreckon.monitor.measure import Asker

MOST: Final = 1_000_000
"""Runs of a backtest: three years of every minute and a half."""


def command(
    *,
    from_: Annotated[str, typer.Option("--from", metavar="TIME", help="The first run (ISO-8601, UTC unless said).")],
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The last run; now.")] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="NAME", help="Only this rule; may be given again.")
    ] = None,
    every: Annotated[str, typer.Option("--every", metavar="TIME", help="How often cron would have run it.")] = "5m",
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Rules of this file, in place of the settings'.")
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option("--sweep", metavar="KEY=A,B,...", help="above, below, for or keep_firing_for: a row for each."),
    ] = None,
    known: Annotated[
        Path | None,
        typer.Option("--known", metavar="FILE", help="Incidents (CSV or JSON) that the alerts are held against."),
    ] = None,
    as_ingested: Annotated[
        bool, typer.Option("--as-ingested", help="Each run knows only what had been ingested by then; slow.")
    ] = False,
    details: Annotated[bool, typer.Option("--details", help="Every change of state and every message, too.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> int:
    """Replay the rules over the past as if cron had run the monitor then: alerts, delays, messages and cost by rule.

    The lake is only read. Windows hold all events that are in it now, also those that came late (see --as-ingested).

    Example: reckon monitor backtest --from 2026-10-01 --to 2026-11-01 --rule "slow answers" --sweep above=1000,2000
    """
    import time
    from datetime import UTC, datetime

    from deadreckon.backtest import backtest, moments, told, within
    from deadreckon.backtest.known import load
    from deadreckon.backtest.seen import seen
    from deadreckon.cli.alert_policy import policy_of
    from deadreckon.cli.backtest_lines import show
    from deadreckon.cli.backtest_shown import Shown
    from deadreckon.cli.monitor_loop import period_of
    from deadreckon.core.lake import Lake
    from deadreckon.core.sinks import StdoutSink
    from deadreckon.core.words import counted
    from deadreckon.monitor import deed_store
    from deadreckon.monitor.asking import asker
    from deadreckon.monitor.remember import Remembering

    settings = settings_for(lake, config)
    if rules is not None:
        settings = settings.model_copy(update={"rules": _tables(rules)})
    now = datetime.now(UTC)
    start, end = moment(from_, "--from"), moment(to, "--to") if to else now
    if end > now:
        raise UsageError(f"--to {to} is in the future", hint="a backtest is of the past")
    runs = moments(start.timestamp(), end.timestamp(), period_of(every))
    if not len(runs):
        raise UsageError(f"no multiple of {every} lies between --from and --to", hint="give a later --to")
    if len(runs) > MOST:
        raise UsageError(f"{len(runs):,} runs are more than {MOST:,}", hint="give a longer --every, or less time")
    chosen_rules, refused = _chosen(settings, rule or [], sweep)
    for why in refused:
        say(one_line(f"left out: {why}"))
    policy = policy_of(settings, other_rules=rules is not None)
    incidents = None
    if known:
        every_one = load(known)
        incidents = within(every_one, runs)
        if others := len(every_one) - len(incidents):
            say(f"hint: {counted(others, 'incident')} of {known} outside --from and --to: left out")
    opened = Lake.open(settings.lake)
    began = time.perf_counter()

    def ask(pinned: Lake) -> AbstractContextManager[Asker]:
        return seen(pinned, settings, runs[0], runs[-1]) if as_ingested else asker(pinned, settings)

    found = backtest(opened, chosen_rules, ask, runs)
    if as_ingested and any(isinstance(trail.rule, Remembering) for trail in found.trails):
        say("hint: drift is judged by the profiles as they are: they do not know when an event was ingested")
    sinks = settings.sinks or [StdoutSink(name="usual", kind="stdout")]
    messages = [] if sweep else told(found, sinks, deed_store.read(opened), policy)
    if not settings.sinks and not sweep:
        say("hint: the settings have no sinks: the messages are those that one sink without options would have got")
    show(
        Shown(found, messages, incidents, sweep or "", time.perf_counter() - began, opened.root),
        chosen(format_),
        details=details,
    )
    states = [trail.states for trail in found.trails]
    return 2 if any(state.total() and state["error"] == state.total() for state in states) else 0


def _chosen(settings: Settings, names: Sequence[str], sweep: str | None) -> tuple[list[list[Rule]], list[str]]:
    """Each rule that is asked for with its variants, and why variants are left out.

    Raises:
        UsageError: there is none of that name, or it cannot be swept.
        ConfigError: there are no rules, or one is wrong.
    """
    from deadreckon.backtest.sweep import parse, variants
    from deadreckon.monitor import load_rules

    rules = load_rules(settings.rules)
    if not rules:
        raise ConfigError(
            "there are no rules",
            hint="reckon monitor init prints some that fit the lake; reckon monitor --keys shows how one is written",
        )
    known = sorted({name for one in rules for name in (one.name, one.part_of)})
    for name in names:
        if name not in known:
            raise UsageError(f"there is no rule {name!r}", hint=nearest(name, known))
    if sweep is None:
        return [[one] for one in rules if not names or one.name in names or one.part_of in names], []
    key, values = parse(sweep)
    tables = [table for table in settings.rules if not names or table["name"] in names]
    having = [table for table in tables if key in table]
    tables = having if len(having) == 1 else tables
    if len(tables) != 1:
        which = [str(table["name"]) for table in having] or known
        raise UsageError("--sweep is of one rule", hint=f"choose it with --rule: {', '.join(which[:10])}")
    found, refused = variants(tables[0], key, values)
    return [found], refused


def _tables(file: Path) -> list[dict[str, Any]]:
    """The rules of another file.

    Raises:
        ConfigError: it cannot be read, or holds none.
    """
    import tomllib

    try:
        found = tomllib.loads(file.read_text("utf-8")).get("rules")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", hint="name a TOML file with [[rules]]") from None
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise ConfigError(f"{file} holds no [[rules]]", hint="reckon monitor --keys prints an example")
    return found
