"""`reckon prices`: what the tokens of models cost, from which source, and whether that is so."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, say, show_rows, visible

if TYPE_CHECKING:
    from deadreckon.queries.prices_genai import Ask

command = typer.Typer(
    name="prices",
    help="What tokens cost, from which source: list, check, update.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@command.command("list")
def list_(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Only models and versions whose name has this in it.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Also what held before and will hold later.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """List the prices in force for the models of the lake, in US dollars per million tokens, with their sources.

    A model that is in no event yet is looked up by its name, as PROVIDER/MODEL where its provider is known.

    Example: reckon prices list gpt-4o --history
    """
    from deadreckon.queries.prices import RATES
    from deadreckon.queries.prices_table import price_table, sources

    settings = settings_for(lake, config)
    given = sources(settings)
    names = _named(settings.lake, model)
    now = datetime.now(UTC)
    columns = [
        "provider",
        "model",
        "model_version",
        "valid_from",
        "valid_to",
        "min_input_tokens",
        *RATES,
        "source",
        "note",
    ]
    rows = [
        [
            *(part or None for part in name),
            _date(p.valid_from),
            _date(p.valid_to),
            p.min_input_tokens,
            *p.rates,
            p.source,
            p.note,
        ]
        for name, prices in price_table(names, given).items()
        for p in prices
        if history or p.valid_from <= now < p.valid_to
    ]
    asked = ", ".join(
        ["deadreckon.toml", Path(settings.pricing.file).name, *(f"{x.name} {x.version}" for x in given.libraries)]
    )
    shown = chosen(format_)
    if not rows and shown is Format.table:
        say(_none(names, model, asked))
    else:
        show_rows(columns, rows, shown, meta={"sources": asked})
    if not given.libraries:
        say("no library of prices is installed: pip install 'deadreckon[prices]'")


def _none(names: list[tuple[str, str, str]], model: str | None, asked: str) -> str:
    """Why no price is listed, and what to do."""
    if not names:
        return "no price: the lake has no calls of models; reckon prices list PROVIDER/MODEL looks one up"
    known = sorted({"/".join(filter(None, name)) for name in names})
    more = f" and {len(known) - 3} more" if len(known) > 3 else ""
    what = model or ", ".join(known[:3]) + more
    return f"no price for {visible(what)} is in force in {asked}; write one in [prices] of deadreckon.toml"


def _named(lake: str, model: str | None) -> list[tuple[str, str, str]]:
    from deadreckon.core.errors import LakeNotFoundError
    from deadreckon.core.lake import Lake
    from deadreckon.queries.prices_cache import names_in

    try:
        names = names_in(Lake.open(lake).snapshot())
    except LakeNotFoundError:
        if model is None:
            raise
        names = []
    if model is None:
        return names
    found = [name for name in names if model.lower() in "/".join(name).lower()]
    provider, slash, rest = model.partition("/")
    return found or [(provider, rest, "")] * bool(slash) + [("", model, "")]


def _date(moment: datetime) -> str | None:
    from deadreckon.queries.prices import EVER, NEVER

    if moment in (EVER, NEVER):
        return None
    return moment.isoformat() if moment.time() > time.min else moment.date().isoformat()


@command.command()
def check(
    tolerance: Annotated[
        float, typer.Option(min=0, help="Share of a call's cost by which reported and computed cost may differ.")
    ] = 0.01,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Find calls without a price, costs that differ from what was reported, and prices that stand on an assumption.

    The exit code is 1 where a cost is unknown or doubtful.

    Example: reckon prices check --tolerance 0.05
    """
    from deadreckon.core.lake import Lake
    from deadreckon.queries import prices_check

    settings = settings_for(lake, config)
    found = prices_check.check(Lake.open(settings.lake), settings, tolerance=tolerance, today=datetime.now(UTC).date())
    columns = [
        "finding",
        "provider",
        "model",
        "model_version",
        "calls",
        "reported_usd",
        "computed_usd",
        "difference_usd",
        "detail",
    ]
    rows = [[getattr(one, column) if getattr(one, column) != "" else None for column in columns] for one in found]
    show_rows(columns, rows, chosen(format_))
    if any(one.finding in prices_check.WRONG for one in found):
        raise typer.Exit(1)


@command.command()
def update(
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="URL|FILE", help="JSON of genai-prices or litellm, in place of what is installed."
        ),
    ] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Write the prices of the lake's models into the price file, with their dates, so that the past stays as it is.

    Prices come from the installed libraries; only --from URL goes online. What an earlier update wrote for the time
    before it stays; entries that you wrote are left alone.

    Example: reckon prices update
    """
    from deadreckon.core.errors import MissingExtraError
    from deadreckon.core.lake import Lake
    from deadreckon.queries.prices_cache import names_in
    from deadreckon.queries.prices_record import record
    from deadreckon.queries.prices_table import sources

    settings = settings_for(lake, config)
    today = datetime.now(UTC).date()
    asks = [_given(from_)] if from_ else [library.ask for library in sources(settings).libraries]
    if not asks:
        raise MissingExtraError("no library of prices is installed", hint="pip install 'deadreckon[prices]'")
    names = names_in(Lake.open(settings.lake).snapshot())
    changes = record(Path(settings.pricing.file), names, asks, today)
    columns = ["key", "change", "valid_from", "source"]
    rows = [[getattr(change, column) for column in columns] for change in changes]
    show_rows(columns, rows, chosen(format_), meta={"file": settings.pricing.file})


def _given(place: str) -> Ask:
    import json

    from deadreckon.core.errors import SourceError
    from deadreckon.queries.prices_record import fetched

    try:
        raw: Any = json.loads(fetched(place))
    except ValueError as error:
        raise SourceError(
            f"{place} is not JSON: {error}", hint="give genai-prices' data.json or litellm's file"
        ) from error
    from deadreckon.queries import prices_genai, prices_litellm

    source = f"{place.rstrip('/').rpartition('/')[2]} of {datetime.now(UTC).date()}"
    if isinstance(raw, dict):
        return prices_litellm.ask_data(raw, source)
    return prices_genai.ask_data(raw, source)
