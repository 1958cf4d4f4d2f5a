"""`reckon compare`: two model versions side by side."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from deadreckon.cli.lines import Column, laid, put, room
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, console, dumps, figure, one_line, say, show_rows
from deadreckon.cli.spoken import duration, money
from deadreckon.core.errors import DataError, DeadreckonError

if TYPE_CHECKING:
    from deadreckon.queries.comparison import Comparison, Limits, Measure
    from deadreckon.queries.intervals import Estimate
    from deadreckon.queries.sandbox import Sandbox

_STYLES: Final = {"higher": "yellow", "lower": "cyan", "unclear": "dim"}


def command(
    a: Annotated[str, typer.Argument(metavar="VERSION_A", help="A model version.")],
    b: Annotated[str, typer.Argument(metavar="VERSION_B", help="The version to compare with it.")],
    *,
    model: Annotated[str | None, typer.Option("--model", help="Of this model alone; tools are of all.")] = None,
    environment: Annotated[str | None, typer.Option("--environment", help="In this environment alone.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DAY", help="From this day on (2026-06-01).")] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Compare two model versions: errors, latency, cost, tokens, tools and scores, each with how sure it is.

    Two traces side by side: reckon trace A B

    Example: reckon compare 1.5.0 1.6.0 --model tern-assist --since 2026-10-16
    """
    from deadreckon.queries.comparison import Limits
    from deadreckon.queries.sandbox import Sandbox

    limits = Limits(model, environment, _day(since))
    with Sandbox(settings_for(lake, config)) as sandbox:
        found = _compared(sandbox, a, b, limits)
    shown = chosen(format_)
    if shown is Format.table:
        _draw(found)
        return
    rows = [_row(m) for m in found.measures]
    if shown is Format.json:
        sides = {
            side: {"version": version, "calls": found.calls[i], "unpriced_calls": found.unpriced[i]}
            for i, (side, version) in enumerate((("a", a), ("b", b)))
        }
        facts = {**sides, "as_of": found.as_of, "confidence": 0.95, "count": len(rows)}
        sys.stdout.write(dumps({**facts, "measures": rows}, indent=True))
    else:
        flat = [
            {k: v for k, v in r.items() if k not in ("a", "b")}
            | {f"{side}_{key}": value for side in "ab" for key, value in r[side].items()}
            for r in rows
        ]
        show_rows(list(flat[0]), [list(r.values()) for r in flat], shown)


def _compared(sandbox: Sandbox, a: str, b: str, limits: Limits) -> Comparison:
    from deadreckon.queries.comparison import compare

    try:
        return compare(sandbox, a, b, limits)
    except DataError as error:
        if _is_id(sandbox, a) and _is_id(sandbox, b):
            hint = f"these are ids: reckon trace {shlex.quote(a)} {shlex.quote(b)} shows their traces side by side"
            raise DataError(error.message, hint=hint) from None
        raise


def _is_id(sandbox: Sandbox, word: str) -> bool:
    from deadreckon.queries.trace import find

    try:
        return bool(find(sandbox, word, max_traces=1).traces)
    except DeadreckonError:
        return False


def _day(text: str | None) -> str | None:
    from datetime import date

    from deadreckon.core.errors import UsageError

    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"--since {text!r} is no day", hint="a day is written 2026-06-01") from None


def _row(measure: Measure) -> dict[str, Any]:
    row = asdict(measure)
    row["difference"] = {"low": row.pop("low"), "high": row.pop("high")}
    if None not in (measure.a.value, measure.b.value):
        row["difference"]["value"] = measure.b.value - measure.a.value  # type: ignore[operator]
    return row | {"verdict": measure.verdict}


def _draw(found: Comparison) -> None:
    out = console()
    for side, version, calls, unpriced in zip("ab", (found.a, found.b), found.calls, found.unpriced, strict=True):
        cost = f", {unpriced:,} unpriced" if unpriced else ""
        out.print(Text(one_line(f"{side}  {version}  {calls:,} model calls{cost}")), soft_wrap=True)
    out.print()
    columns = (
        *(Column("", least=8), Column("a", right=True), Column("b", right=True)),
        *(Column("b less a, 95 %", right=True), Column("n", right=True), Column("", least=6)),
    )
    rows = [[Text(c.name, style="bold") for c in columns]]
    rows += [
        [
            *(Text(f"  {m.name}"), _value(m.a, m.unit), _value(m.b, m.unit)),
            *(Text(_between(m)), Text(f"{m.a.n:,}/{m.b.n:,}", style="dim")),
            Text(m.verdict, style=_STYLES.get(m.verdict, "")),
        ]
        for m in found.measures
    ]
    head, *lines = laid(out, columns, rows, room(out))
    put(out, head)
    above = ""
    for m, drawn in zip(found.measures, lines, strict=True):
        put(out, drawn if m.about == above else [Text(one_line(m.about), style="bold"), *drawn])
        above = m.about
    say("unclear: the difference may be chance. Of some twenty measures one differs by chance alone")


def _value(estimate: Estimate, unit: str) -> Text:
    return Text(_words(estimate.value, unit) if estimate.value is not None else "")


def _words(value: float, unit: str) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    if unit == "ms":
        return sign + duration(size)
    if unit == "US dollars":
        return sign + money(size)
    return f"{value:.1%}" if unit == "0 to 1" else figure(value)


def _between(measure: Measure) -> str:
    if measure.low is None or measure.high is None:
        return ""
    if measure.unit == "0 to 1":
        return f"{100 * measure.low:+.1f} to {100 * measure.high:+.1f} points"
    return f"{_words(measure.low, measure.unit)} to {_words(measure.high, measure.unit)}"
