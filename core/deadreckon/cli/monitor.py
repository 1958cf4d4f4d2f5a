"""`reckon monitor`: evaluate the rules once, tell what changed, and say by the exit code how things stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deadreckon.cli.alert_events import tell
from deadreckon.cli.alert_lines import DetailsOption, show
from deadreckon.cli.alert_policy import policy_of
from deadreckon.cli.looking_back import looking_back
from deadreckon.cli.moments import moment
from deadreckon.cli.monitor_install import Install, show_installation
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, one_line, say
from deadreckon.cli.profile import refresh
from deadreckon.core.errors import ConfigError, DeadreckonError, DeliveryError, UsageError
from deadreckon.core.settings import Settings, nearest
from deadreckon.core.words import counted

if TYPE_CHECKING:
    from datetime import datetime

    from deadreckon.delivery import Post
    from deadreckon.monitor import Report, Rule
    from deadreckon.monitor.inhibit import Policy
    from deadreckon.monitor.standing import Key, Standing
    from deadreckon.monitor.verdict import Fault

AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME", help="Evaluate windows complete at this time (ISO-8601, UTC unless said); now."
    ),
]

_NAMED: Final = 5
"""Rules that are gone, by name; how many more there are is said."""
FAIL_ON: Final = "firing,error,no_data"


def command(
    *,
    as_of: AsOfOption = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="Where a rule that was never evaluated begins; its newest window."
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="NAME", help="Only this rule, with all its levels; may be given again."),
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on", metavar="STATES", help="firing,pending,error,no_data: which give an exit code; or none."
        ),
    ] = FAIL_ON,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Evaluate and print; write nothing.")] = False,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="TIME", help="Stay, and evaluate at each multiple of it, 5m say, until ended."),
    ] = None,
    install: Annotated[
        Install | None,
        typer.Option("--install", help="Print what runs this monitor: a crontab line, a systemd service or its timer."),
    ] = None,
    with_ingest: Annotated[
        list[str] | None,
        typer.Option("--with-ingest", metavar="PATH", help="With --install: ingest this before; may be given again."),
    ] = None,
    details: DetailsOption = False,
    keys: Annotated[
        bool, typer.Option("--keys", help="Print how a rule is written: an example, every key, every metric.")
    ] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> int:
    """Evaluate the rules of deadreckon.toml once, for every window since the last run; or stay, with --every.

    Exit code: 1 an alert fires, 2 a rule cannot be evaluated or the settings are wrong, 3 data are missing or stale,
    4 what changed could not be written as events or delivered, 0 all is well. The first that applies wins.

    Also: reckon monitor init (rules that fit the lake), reckon monitor schema (how rules are written, for editors),
    reckon monitor backtest (what the rules would have said in the past).

    Example: reckon monitor --as-of 2026-11-20T12:00:00Z --fail-on firing --format json
    """
    from deadreckon.cli.monitor_loop import period_of, stay
    from deadreckon.cli.monitor_switch import tell_switch
    from deadreckon.monitor import load_rules

    if keys:
        from deadreckon.cli.rule_keys import show_keys

        show_keys()
        return 0
    if as_of and every:
        raise UsageError("--as-of is one time, and --every goes on", hint="leave out one of the two")
    if with_ingest and not install:
        raise UsageError("--with-ingest belongs to --install", hint="to read logs now: reckon ingest PATH")
    period = period_of(every) if every else 0
    settings = settings_for(lake, config)
    faults = _faults(fail_on)
    configured = load_rules(settings.rules)
    rules = _selected(configured, rule or [])
    start = moment(since, "--since") if since else None
    if install:
        for option, given in (("--as-of", as_of), ("--since", since), ("--dry-run", dry_run)):
            if given:
                raise UsageError(f"{option} is for one run, not for every one", hint="leave it out with --install")
        words = [word for name in rule or [] for word in ("--rule", name)]
        words += ["--fail-on", fail_on] if fail_on != FAIL_ON else []
        show_installation(
            install,
            settings,
            config,
            period=period,
            steps=[r.step for r in rules],
            sources=with_ingest or [],
            words=[*words, "--format", (format_ or Format.jsonl).value],
        )
        return 0

    def once(stopped: Callable[[], bool] = lambda: False) -> int:
        try:
            code, whole = _evaluate(
                settings, configured, rules, faults, as_of, start, format_, stopped, dry_run=dry_run, details=details
            )
        except Exception:
            ping(failed=True)
            raise
        ping(failed=not whole)
        return code

    def ping(*, failed: bool) -> None:
        if not (as_of or dry_run):  # a look at the past, or at what would be, is no sign of life
            tell_switch(settings.monitor, failed=failed)

    return stay(once, period, format_) if period else once()


def _evaluate(
    settings: Settings,
    configured: tuple[Rule, ...],
    rules: tuple[Rule, ...],
    faults: set[Fault],
    as_of: str | None,
    since: datetime | None,
    format_: Format | None,
    stopped: Callable[[], bool],
    *,
    dry_run: bool,
    details: bool,
) -> tuple[int, bool]:
    """Evaluate once, tell and show it: the exit code, and whether all that changed could be told."""
    from datetime import UTC, datetime

    from deadreckon.core.lake import Lake
    from deadreckon.delivery import sayings
    from deadreckon.monitor import deed_store, exit_code, run
    from deadreckon.monitor.asking import asker
    from deadreckon.monitor.doubts import doubts
    from deadreckon.monitor.standing import standings

    now = datetime.now(UTC)
    at = moment(as_of, "--as-of") if as_of else now
    if at > now:
        raise UsageError(
            f"--as-of {as_of} is in the future", hint="a window is evaluated once, when all its time has passed"
        )
    policy = policy_of(settings)
    post = _post(settings, policy, dry_run=dry_run)
    opened = Lake.open(settings.lake)
    if post is not None:
        post.begin(opened)
        refresh(opened)
    report = run(
        opened,
        rules,
        lambda: asker(opened, settings),
        as_of=at.timestamp(),
        now=now.timestamp(),
        since=since.timestamp() if since else None,
        dry_run=dry_run,
    )
    told, failure = 0, None
    try:
        told = 0 if dry_run else tell(opened, settings, now)
    except DeadreckonError as error:
        failure = error  # how things stand is said first: it is committed, and what was not told will be
    standing = standings([*report.alerts, *report.others], deed_store.read(opened), policy, now.timestamp())
    why, hint = looking_back(opened, settings, rules, report.alerts, now=now.timestamp())
    found: list[str] = []
    if dry_run or report.windows:
        with asker(opened, settings) as asking:
            found = doubts(asking, rules, report.alerts, now=now.timestamp(), every=dry_run)
    _show(report, at, told, format_, details=details, standing=standing, why=why, warnings=found)
    newest = max((a.stream.window_end for a in report.alerts), default=0)
    if newest > at.timestamp():
        reached = datetime.fromtimestamp(newest, UTC).strftime("%Y-%m-%d %H:%M")
        say(f"hint: these are the states of {reached} UTC, up to which the rules were evaluated before")
    elif since and not report.windows:
        say("hint: --since is where a rule begins that was never evaluated: these were")
    _say_gone(report, configured)
    if why:
        say(f"no data: {why}\nhint: {hint}")
    silenced = {key for key, one in standing.items() if one.silence}
    code = exit_code(report.alerts, faults, unknown=report.unknown, silenced=silenced)
    outcomes = [] if post is None else post.deliver(opened, stopped)
    for line in sayings(outcomes, opened):
        say(one_line(line))
    if failure is not None:
        say(f"error: {one_line(failure.message)}\nhint: the next run tells them; {one_line(failure.hint)}")
    whole = failure is None and not any(outcome.failed for outcome in outcomes)
    return code or (0 if whole else DeliveryError.exit_code), whole


def _post(settings: Settings, policy: Policy, *, dry_run: bool) -> Post | None:
    """The way to the sinks; none where nothing is told, which needs no secrets: what is wrong with them is said only.

    Raises:
        ConfigError: a sink cannot be opened.
    """
    import os

    from deadreckon.delivery import Post

    try:
        post = Post(settings.sinks, os.environ, policy=policy)
    except ConfigError as error:
        if not dry_run:
            raise
        say(f"hint: nothing is delivered now; a run that delivers would stop: {one_line(error.message)}")
        return None
    return None if dry_run else post


def _selected(rules: tuple[Rule, ...], names: list[str]) -> tuple[Rule, ...]:
    if not rules:
        raise ConfigError(
            "there are no rules",
            hint="reckon monitor init prints some that fit the lake; reckon monitor --keys shows how one is written",
        )
    known = list(dict.fromkeys(name for r in rules for name in (r.part_of, r.name)))
    for name in names:
        if name not in known:
            raise UsageError(f"there is no rule {name!r}", hint=nearest(name, known))
    return tuple(r for r in rules if not names or r.name in names or r.part_of in names)


def _faults(text: str) -> set[Fault]:
    from deadreckon.monitor.verdict import FAULTS

    words = {word.strip() for word in text.split(",") if word.strip()} - {"none"}
    for word in sorted(words - set(FAULTS)):
        raise UsageError(f"--fail-on knows no {word!r}", hint=nearest(word, [*FAULTS, "none"]))
    return {fault for fault in FAULTS if fault in words}


def _show(
    report: Report,
    at: datetime,
    told: int,
    format_: Format | None,
    *,
    details: bool,
    standing: dict[Key, Standing],
    why: str,
    warnings: list[str],
) -> None:
    meta = {
        "as_of": at,
        "windows": report.windows,
        "transitions": len(report.transitions),
        "alerts_written": told,
        "skipped": report.skipped or None,
        "unknown": report.unknown or None,
        **({} if chosen(format_) is Format.table else {"no_data_because": why or None, "warnings": warnings or None}),
    }
    show(report.alerts, chosen(format_), meta, details=details, standing=standing)
    for warning in warnings:
        say(one_line(f"warning: {warning}"))
    for name, reason in report.unknown.items():
        say(one_line(f"rule {name}: {reason}"))
    for name, count in report.skipped.items():
        say(
            f"rule {name}: {counted(count, 'window')} skipped; too many to catch up, or the rule failed again and again"
        )


def _say_gone(report: Report, configured: tuple[Rule, ...]) -> None:
    gone = sorted({a.stream.rule for a in report.others} - {r.name for r in configured})
    if gone:
        more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
        which = one_line(", ".join(gone[:_NAMED])) + more
        say(f"states of rules that are gone are kept: {which}; reckon alerts --forget NAME drops them")
