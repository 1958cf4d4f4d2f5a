"""`reckon deadletter`: steps that failed for good, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deadreckon.cli.options import FormatOption
from deadreckon.cli.output import chosen, say, show_record, show_rows

command = typer.Typer(
    name="deadletter",
    help="Steps that failed for good: list, show, replay, drop.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID ...]", help="Ids, or the beginnings of them.")]
FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="What the guards keep; else DEADRECKON_STATE, ./spool-state."),
]


def _open(folder: Path | None) -> Any:
    from deadreckon import emit
    from deadreckon.core.errors import UsageError
    from deadreckon.emit import _letters

    if folder is not None and not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="--folder names what the guards keep: ./spool-state")
    emit.configure(state=folder, service="reckon")
    return _letters


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@command.command("list")
def list_(
    state: Annotated[str, typer.Option(help="open, replayed, dropped, corrupt or all.")] = "open",
    folder: FolderOption = None,
    format_: FormatOption = None,
) -> None:
    """List dead letters, the oldest first.

    Example: reckon deadletter list --state all
    """
    from deadreckon.core.errors import UsageError

    kept = _open(folder)
    if state not in (*kept.STATES, "all"):
        raise UsageError(f"--state is {state!r}", hint=f"use {', '.join(kept.STATES)} or all")
    columns = ["id", "at", "name", "state", "attempts", "error_type", "error_message", "entry", "missing"]
    rows = [
        [one["id"], _when(one["at"]), *(one[key] for key in columns[2:-1]), ", ".join(one["missing"])]
        for one in kept.letters(None if state == "all" else state)
    ]
    show_rows(columns, rows, chosen(format_))


@command.command()
def show(
    ids: Annotated[list[str], typer.Argument(metavar="ID ...", help="Ids, or the beginnings of them.")],
    folder: FolderOption = None,
    format_: FormatOption = None,
) -> None:
    """Show dead letters whole, with their inputs.

    Example: reckon deadletter show 0199a2b4
    """
    kept = _open(folder)
    for one in _named(kept, ids, every=False):
        show_record({**one, "at": _when(one["at"])}, chosen(format_))


@command.command()
def replay(
    ids: Ids = None,
    all_: Annotated[bool, typer.Option("--all", help="Replay every open one.")] = False,
    with_: Annotated[
        str | None, typer.Option("--with", metavar="MODULE:FUNCTION", help="Call this in place of the letter's own.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=JSON", help="An input, over the letter's.")
    ] = None,
    again: Annotated[bool, typer.Option(help="Also where an earlier replay may have done its work.")] = False,
    folder: FolderOption = None,
    format_: FormatOption = None,
) -> None:
    """Call the function again with the inputs that were kept; each letter is replayed at most once.

    Modules are looked for in the working directory too. The exit code is 1 when one of them failed.

    Example: reckon deadletter replay 0199a2b4 --with shop.jobs:charge
    """
    import os
    import sys

    kept = _open(folder)
    chosen_ones = _named(kept, ids, every=all_)
    given = dict(_input(text) for text in set_ or [])
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  # sys.path holds texts
    rows = [[one["id"], one["name"], *_replayed(kept, one["id"], with_, given, again=again)] for one in chosen_ones]
    show_rows(["id", "name", "outcome", "result", "error", "hint"], rows, chosen(format_))
    failed = sum(row[2] == "failed" for row in rows)
    if failed:
        say(f"{failed} of {len(rows)} failed; they stay open")
        raise typer.Exit(1)


@command.command()
def drop(
    ids: Ids = None,
    all_: Annotated[bool, typer.Option("--all", help="Drop every open one.")] = False,
    folder: FolderOption = None,
    format_: FormatOption = None,
) -> None:
    """Give dead letters up; they stay in their folder, marked as dropped.

    Example: reckon deadletter drop 0199a2b4
    """
    from deadreckon.core.errors import UsageError
    from deadreckon.emit import InFlightError

    kept = _open(folder)
    found = [one for one in _named(kept, ids, every=all_) if one["state"] in ("open", "corrupt")]
    try:
        dropped = [kept.drop(one["id"])["state"] for one in found]
    except InFlightError as error:
        raise UsageError("it is being replayed", hint="try again when that has ended") from error
    show_record({"dropped": dropped.count("dropped")}, chosen(format_))


def _named(kept: Any, ids: list[str] | None, *, every: bool) -> list[dict[str, Any]]:
    from deadreckon.core.errors import UsageError
    from deadreckon.emit import DeadLetterError

    if bool(ids) == every:
        raise UsageError("name ids or say --all, not both", hint="reckon deadletter list names the ids")
    try:
        return [kept.letter(one) for one in ids or []] if ids else list(kept.letters())
    except DeadLetterError as error:
        raise UsageError(str(error), hint=error.hint) from error


def _replayed(kept: Any, letter_id: str, entry: str | None, given: dict[str, Any], *, again: bool) -> list[Any]:
    from deadreckon.emit import GuardError, OutcomeUnknownError

    ask = "ask the other side whether it was made; --again makes it again"
    try:
        result = kept.replay(letter_id, entry=entry, given=given, again=again)
    except OutcomeUnknownError as error:
        return ["failed", None, str(error), ask]
    except GuardError as error:
        return ["failed", None, str(error), error.hint]
    except SystemExit as error:  # it ends the function, and not this command
        return ["failed", None, f"SystemExit: {error}", ask]
    except Exception as error:  # noqa: BLE001  # the user's code may raise anything, and the others wait
        return ["failed", None, f"{type(error).__name__}: {error}", "the function itself failed; the letter stays open"]
    return ["replayed", result, None, None]


def _input(text: str) -> tuple[str, Any]:
    import orjson

    from deadreckon.core.errors import UsageError

    name, equals, value = text.partition("=")
    try:
        return name, orjson.loads(value if equals and name else "")
    except orjson.JSONDecodeError as error:
        raise UsageError(
            f"--set {text!r} is not NAME=JSON: {error}", hint="""a text needs quotes: --set 'user="bob"'"""
        ) from error
