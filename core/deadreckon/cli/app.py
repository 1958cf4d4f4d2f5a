"""Commands, found by name and imported only when called, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import io
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import typer.core
import typer.main

from deadreckon.cli.output import fail
from deadreckon.cli.usage import usage_error
from deadreckon.core.errors import DeadreckonError, MissingExtraError

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("deadreckon.cli.demo", "The whole story on sample logs: ingest, questions answered, alerts."),
    "ingest": ("deadreckon.cli.ingest", "Read JSON logs into the lake, exactly once."),
    "import": ("deadreckon.cli.importing", "Bring in what MLflow, Langfuse, Phoenix or OTLP files hold."),
    "export": ("deadreckon.cli.exporting", "Write events to files: JSON lines, Parquet, OTLP."),
    "serve": ("deadreckon.cli.serve", "Receive OpenTelemetry traces, logs and metrics (OTLP)."),
    "sql": ("deadreckon.cli.sql", "Ask the lake a question in SQL (read-only)."),
    "views": ("deadreckon.cli.views", "Describe the views that SQL can ask."),
    "trace": ("deadreckon.cli.trace", "Draw one request or trace as a tree with times and cost."),
    "replay": ("deadreckon.cli.replay", "Run recorded traces again with other code, and say what differs."),
    "compare": ("deadreckon.cli.compare", "Two model versions side by side: errors, latency, cost, tools, scores."),
    "monitor": ("deadreckon.cli.monitor", "Evaluate the rules once; the exit code says whether something fires."),
    "monitor backtest": (
        "deadreckon.cli.monitor_backtest",
        "What the rules would have said in the past, and at what cost.",
    ),
    "monitor init": (
        "deadreckon.cli.monitor_init",
        "Print first rules that fit what the lake holds; --write FILE writes them.",
    ),
    "monitor schema": ("deadreckon.cli.monitor_schema", "Print the JSON Schema of the rules."),
    "alerts": ("deadreckon.cli.alerts", "List what fires now and what fired."),
    "drift": ("deadreckon.cli.drift", "How far one selection of events has drifted from another."),
    "profile": (
        "deadreckon.cli.profile",
        "Count what is new into the profiles; ingest and monitor do it by themselves.",
    ),
    "quarantine": ("deadreckon.cli.quarantine", "Lines that were refused: list, show, replay, drop."),
    "deadletter": ("deadreckon.cli.deadletter", "Steps that failed for good: list, show, replay, drop."),
    "prices": ("deadreckon.cli.prices", "What tokens cost, from which source: list, check, update."),
    "catalog": ("deadreckon.cli.catalog", "Write a .duckdb file of the views that any DuckDB client opens."),
    "maintain": ("deadreckon.cli.maintain", "Compact, expire, vacuum and checkpoint the lake."),
    "doctor": ("deadreckon.cli.doctor", "Find and repair damage in the lake."),
    "dashboard": ("deadreckon.cli.dashboard", "Open the dashboard in a browser."),
    "status": ("deadreckon.cli.status", "What the lake holds and how fresh it is."),
}
"""Name, of one word or two -> (module, one line). A module holds `command`: a function with typer options, or a
`typer.Typer` of verbs."""


class LazyGroup(typer.core.TyperGroup):
    """A group whose commands are imported when they are called, so that `reckon sql` does not pay for the dashboard."""

    def list_commands(self, _ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        """The command's line in the list of commands; nothing is imported for it."""
        return typer.core.TyperCommand(cmd_name, help=COMMANDS[cmd_name][1]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, imported now."""
        if " ".join(args[:2]) in COMMANDS:
            args = [" ".join(args[:2]), *args[2:]]
        if args[0] not in COMMANDS:
            return super().resolve_command(ctx, args)
        command = importlib.import_module(COMMANDS[args[0]][0]).command
        if isinstance(command, typer.Typer):
            return args[0], typer.main.get_group(command), args[1:]
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        single.command(args[0], context_settings={"help_option_names": ["-h", "--help"]})(command)
        return args[0], typer.main.get_command(single), args[1:]


INTERRUPTED: Final = 130
"""128 and the number of the signal, as shells count."""

# Newer versions of typer carry click inside, older ones import it: its base error is found either way.
ClickError: Final[Any] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="reckon",
    cls=LazyGroup,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        sys.stdout.write(f"reckon {version('deadreckon')}\n")
        raise typer.Exit


@app.callback()
def reckon(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[  # taken off the line before it is read, for it may stand anywhere
        bool, typer.Option("--debug", help="After any command's words: at an error, Python's whole trace.")
    ] = False,
) -> None:
    """Answers from the log alone: what ran, what it cost, what broke, what drifted."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code; an error is said on stderr, as JSON where JSON was asked for."""
    words = sys.argv[1:] if arguments is None else arguments
    _outlets()
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"] or ["--help"]
    try:
        code = typer.main.get_command(app).main(args=words, prog_name="reckon", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # how some versions of typer tell of it
            sys.stderr.write("interrupted\n")
    except typer.Exit as end:
        return int(end.exit_code)
    except ClickError as error:
        if not error.format_message():
            return 0  # a group called without a verb: its help was printed
        return fail(usage_error(error, _called(words)), words)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # `reckon ... | head` closes our output early: that is no error, and Python must not report it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            return 0  # the same, noticed by the library that prints the help
        raise
    except ModuleNotFoundError as error:
        if debug:
            raise
        ours = (error.name or "").startswith("deadreckon")
        return fail(_internal(error) if ours else _missing(error), words)
    except DeadreckonError as error:
        if debug:
            raise
        return fail(error, words)
    except Exception as error:
        if debug:
            raise
        return fail(_internal(error), words)
    return int(code or 0)


def _called(words: list[str]) -> Any:
    """The context of the command that these words call, as far as they name one."""
    command: Any = typer.main.get_command(app)
    context = typer.Context(command, info_name="reckon")
    while isinstance(command, typer.core.TyperGroup) and words and words[0] in command.list_commands(context):
        name, command, words = command.resolve_command(context, words)
        context = typer.Context(command, info_name=name, parent=context)
    return context


def _outlets() -> None:
    """Make stdout and stderr take any text: closed ones swallow it, narrow encodings get escapes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open as long as we run
        elif isinstance(stream, io.TextIOWrapper) and (stream.encoding or "").lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="backslashreplace")


def _internal(error: Exception) -> DeadreckonError:
    return DeadreckonError(
        f"internal error: {type(error).__name__}: {error}", hint="run it again with --debug and report the trace"
    )


_EXTRA_OF: Final = {"streamlit": "dashboard", "altair": "dashboard", "pandas": "dashboard", "apprise": "notify"}


def _missing(error: ModuleNotFoundError) -> MissingExtraError:
    name = (error.name or "").partition(".")[0]
    extra = _EXTRA_OF.get(name, "lake")
    return MissingExtraError(f"this needs {name}, which is not installed", hint=f"pip install 'deadreckon[{extra}]'")
