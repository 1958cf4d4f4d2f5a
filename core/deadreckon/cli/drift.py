"""`reckon drift`: how far one selection of events is from another."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, dumps, say, show_rows

if TYPE_CHECKING:
    from deadreckon.drift import Comparison
    from deadreckon.drift.observe import Observed


class Peer(StrEnum):
    """Tools whose definitions are known."""

    evidently = "evidently"
    nannyml = "nannyml"


SHOWN: Final = 24
"""Groups that people see: all of numbers, which have 22 at most."""

command = typer.Typer(no_args_is_help=True, help="How far data have drifted from other data.")


@command.callback()
def _group() -> None:
    """How far data have drifted from other data."""


@command.command("compare")
def compare(
    subject: Annotated[
        str,
        typer.Option(
            "--subject", help="feature:NAME, output:NAME, score:NAME, or a column such as latency_ms or tool."
        ),
    ],
    reference: Annotated[str, typer.Option("--reference", help="FROM..TO, COLUMN=VALUE, or several with commas.")],
    current: Annotated[str, typer.Option("--current", help="What is compared with it, said the same way.")],
    *,
    like: Annotated[
        Peer | None, typer.Option("--like", help="The numbers and the verdicts of another tool, by its definitions.")
    ] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Every distance between two selections of a subject's values, computed from the values themselves.

    Numbers: Kolmogorov-Smirnov, Wasserstein, and PSI, KL, Jensen-Shannon, Hellinger, total variation, L-infinity,
    chi-square, Cramer's V and G over groups of a twentieth of the reference each. Texts: the same over the texts.

    Example: reckon drift compare --subject feature:age --reference 2026-09-01..2026-09-08 --current 2026-09-08..

    Example: reckon drift compare --subject tool --reference model_version=1.3.0 --current model_version=1.4.0

    Example: reckon drift compare --subject cost_usd --reference ..2026-10-01 --current 2026-10-01.. --like evidently
    """
    from deadreckon.drift import compare as compared
    from deadreckon.drift.observe import check, observe, samples
    from deadreckon.drift.selection import selection
    from deadreckon.drift.subject import subject as named
    from deadreckon.queries import connect

    about, sides = named(subject), (selection(reference), selection(current))
    with connect(settings=settings_for(lake, config)) as con:
        check(con, about)
        before, after = (observe(con, about, side) for side in sides)
    both = samples(about, before, after)
    shown = chosen(format_)
    if like is not None:
        from deadreckon.drift.parity import PEERS

        verdicts = PEERS[like.value](*both)
        columns = ["method", "value", "threshold", "drifted"]
        judged = any(v.threshold is not None for v in verdicts)
        if shown is Format.table and not judged:
            columns = columns[:2]
        show_rows(columns, [[getattr(v, column) for column in columns] for v in verdicts], shown)
        if shown is Format.table and not judged:
            say(f"no verdicts: {like.value} takes its thresholds from chunks of the reference (docs/drift.md)")
        return
    found = compared(*both)
    if shown is Format.json:
        sys.stdout.write(dumps(_document(subject, reference, current, found, before, after), indent=True))
        return
    rows = [[d.name, d.value, d.p_value, d.unit] for d in found.distances]
    show_rows(["distance", "value", "p_value", "unit"], rows, shown)
    if shown is Format.table:
        show_rows(["group", "reference", "current"], _shares(found), shown)
        say(
            f"{found.kind}: {found.n_reference:,} values in the reference, {found.n_current:,} in the current selection"
            f"; nulls {_null_share(before)} and {_null_share(after)}"
        )


@command.command("explain")
def explain(
    subject: Annotated[
        str, typer.Option("--subject", help="feature:NAME, output:NAME, score:NAME, or a column such as latency_ms.")
    ],
    reference: Annotated[str, typer.Option("--reference", help="FROM..TO, COLUMN=VALUE, or several with commas.")],
    current: Annotated[str, typer.Option("--current", help="What is compared with it, said the same way.")],
    *,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="Tell events apart by this column or attribute; may be given several times."),
    ] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """What moved: the values with most of the change, the segment it comes from, and requests to look at.

    JSON holds a before-and-after histogram too. A segment explains so much of the total variation; `without` is what is
    left of that when its events are left out on both sides.

    Example: reckon drift explain --subject feature:age --reference 2026-09-01..2026-09-08 --current 2026-09-08..

    Example: reckon drift explain --subject cost_usd --reference ..2026-10-01 --current 2026-10-01.. --by agent
    """
    from deadreckon.drift.explain import USUAL
    from deadreckon.drift.explain import explain as explained
    from deadreckon.drift.selection import selection
    from deadreckon.drift.subject import subject as named
    from deadreckon.queries import connect

    about, sides = named(subject), (selection(reference), selection(current))
    with connect(settings=settings_for(lake, config)) as con:
        found = explained(con, about, *sides, by=tuple(by or USUAL))
    shown = chosen(format_)
    if shown is Format.json:
        about_sides = {"subject": subject, "reference": reference, "current": current}
        sys.stdout.write(dumps(about_sides | found.document(), indent=True))
        return
    moved = [[p.label, f"{p.reference:.1%}", f"{p.current:.1%}", f"{p.change:+.1%}"] for p in found.moved(SHOWN)]
    show_rows(["values", "reference", "current", "change"], moved[: 8 if shown is Format.table else SHOWN], shown)
    if shown is not Format.table:
        return
    if found.segments:
        rows = [
            [s.attribute, s.value, f"{s.reference:.1%}", f"{s.current:.1%}", f"{s.explains:.1%}", s.without]
            for s in found.segments[:8]
        ]
        show_rows(["by", "segment", "reference", "current", "explains", "without"], rows, shown)
    say(
        f"{found.kind}: total variation {found.total_variation:.4g} of {found.n_current:,} values from "
        f"{found.n_reference:,}"
    )
    for request in found.exemplars:
        say(f"reckon trace {request}")


def _shares(found: Comparison) -> list[list[Any]]:
    """The groups in their order; of more than SHOWN those that changed most, then all others as one."""
    shares = [(g.label, g.reference / found.n_reference, g.current / found.n_current) for g in found.groups]
    by_change = sorted(range(len(shares)), key=lambda i: -abs(shares[i][1] - shares[i][2]))
    rest = [shares[i] for i in by_change[SHOWN:]]
    shown = [shares[i] for i in sorted(by_change[:SHOWN])]
    if rest:
        shown.append((f"({len(rest)} others)", sum(p for _, p, _ in rest), sum(q for _, _, q in rest)))
    return [[label, f"{p:.1%}", f"{q:.1%}"] for label, p, q in shown]


def _null_share(side: Observed) -> str:
    everything = side.n_null + len(side.numbers) + sum(side.labels.values())
    return f"{side.n_null / everything:.1%}"


def _document(
    subject: str, reference: str, current: str, found: Comparison, before: Observed, after: Observed
) -> dict[str, Any]:
    return {
        "subject": subject,
        "kind": found.kind,
        "reference": {"selection": reference, "n": found.n_reference, "n_null": before.n_null},
        "current": {"selection": current, "n": found.n_current, "n_null": after.n_null},
        "distances": [
            {"name": d.name, "value": d.value, "p_value": d.p_value, "unit": d.unit or None} for d in found.distances
        ],
        "groups": [{"group": g.label, "reference": g.reference, "current": g.current} for g in found.groups],
    }
