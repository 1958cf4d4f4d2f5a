"""The `reckon` command as a process: exit codes, what goes where, what is imported, and what a base install says."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.core.lakes import append, log_file

from deadreckon.cli import main
from deadreckon.cli.app import COMMANDS
from deadreckon.core.lake import Lake

RUN = "import sys; from deadreckon.cli import main; sys.exit(main())"
HEAVY = {"duckdb", "deltalake", "pyarrow", "polars", "numpy", "pandas", "streamlit", "sqlglot", "msgspec"}
ROOMS = ("core", "ingest", "queries", "monitor", "dashboard")
HOUSE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake.create(tmp_path_factory.mktemp("front") / "lake")
    append(made, range(10))
    return made


def reckon(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=False, timeout=120, **options
    )


def on_a_terminal(*words: str, **environ: str) -> str:
    """What a person sees on a terminal of 100 columns."""
    master, slave = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    env |= {"TERM": "xterm-256color", "COLUMNS": "100", **environ}
    process = subprocess.Popen([sys.executable, "-c", RUN, *words], stdout=slave, stderr=slave, stdin=slave, env=env)
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # the terminal is gone with its last process
            break
        if not part:
            break
        seen += part
    os.close(master)
    process.wait(60)
    return seen.decode()


def said(stderr: str) -> dict[str, str]:
    return json.loads(stderr)["error"]


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["nosuch"], 2, "usage"),
        (["status", "--nosuch"], 2, "usage"),
        (["status", "--lake", "s3://bucket/lake"], 2, "usage"),
        (["status", "--config", "none.toml"], 2, "config"),
        (["status", "--lake", "none"], 3, "lake_not_found"),
        (["doctor", "--lake", "none"], 3, "lake_not_found"),
        (["maintain", "--lake", "none"], 3, "lake_not_found"),
        (["maintain", "--retention-days", "-1"], 2, "usage"),
        (["maintain", "--retention-days", "many"], 2, "usage"),
    ],
)
def test_errors_are_json_with_a_kind_a_hint_and_an_exit_code(
    words: list[str], code: int, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no person looks, an error is one JSON object on stderr, and stdout stays empty."""
    assert main(words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said(err)["kind"] == kind
    assert said(err)["message"]
    assert said(err)["hint"]


@pytest.mark.parametrize(("typed", "meant"), [("statu", "status"), ("ingets", "ingest"), ("docter", "doctor")])
def test_a_mistyped_command_names_the_nearest(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The hint is the command that was probably meant; for a word like none of them, all commands."""
    assert main([typed]) == 2
    assert said(capsys.readouterr().err)["hint"] == f"did you mean {meant!r}?"
    for word in ("xyzzy", "frobnicate"):
        main([word])
        assert said(capsys.readouterr().err)["hint"].startswith("known: alerts, ")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["sql", "select 1", "--frmat", "json"], "reckon sql has no option --frmat", "did you mean '--format'?"),
        (["quarantine", "list", "--lmit", "3"], "reckon quarantine list has no option --lmit", "'--limit'"),
        (["status", "--xyzzy"], "reckon status has no option --xyzzy", "it has --config, --format, --help, --lake"),
        (["quarantine", "lst"], "there is no command reckon quarantine 'lst'", "did you mean 'list'?"),
        (["trace"], "missing argument 'ID'", "reckon trace --help"),
        (["sql", "select", "1"], "reckon sql has no place for '1'", "quote what has blanks"),
        (["status", "--format", "xml"], "invalid value for '--format'", "reckon status --help"),
        (
            ["compare", "a", "b", "--rule"],
            "reckon compare has no option --rule",
            "it has --config, --environment, --format, --help, --lake, --model",
        ),
        (["monitor", "--install"], "option '--install' requires an argument", "one of cron, service, timer; reckon"),
        (["status", "--lake"], "option '--lake' requires an argument", "reckon status --help"),
        (["--frobnicate"], "reckon has no option --frobnicate", "reckon --help"),
    ],
)
def test_a_command_line_that_does_not_fit_names_what_does(
    words: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The nearest option or verb, and the help of the command that was called."""
    assert main(words) == 2
    error = said(capsys.readouterr().err)
    assert message in error["message"]
    assert hint in error["hint"]
    if "no option" in message:
        assert f"{message.partition(' has no')[0]} --help" in error["hint"]


@pytest.mark.parametrize("words", [["--format", "json"], ["--format=json"], ["--format", "jsonl"]])
def test_an_error_is_json_where_json_was_asked_for(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The format of the answer is the format of the error."""
    assert main(["status", "--lake", "none", *words]) == 3
    assert said(capsys.readouterr().err)["kind"] == "lake_not_found"


@pytest.mark.parametrize("words", [["--format", "table"], ["--format=csv"], ["--format", "markdown"]])
def test_an_error_is_text_where_text_was_asked_for(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong, then the hint on a line of its own."""
    assert main(["status", "--lake", "none", *words]) == 3
    err = capsys.readouterr().err
    assert err.startswith("error: there is no lake at ")
    assert "\nhint: " in err


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`reckon` alone lists every command with its line, and is no error."""
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)
    assert "--debug" in out


def test_a_group_without_a_verb_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """As `reckon` alone does, with nothing on stderr."""
    assert main(["quarantine"]) == 0
    out, err = capsys.readouterr()
    assert "replay" in out
    assert err == ""


@pytest.mark.parametrize("name", [n for n, (module, _) in COMMANDS.items() if find_spec(module)])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`reckon COMMAND --help` works for each, with -h too."""
    assert main([name, "--help"]) == 0
    long = capsys.readouterr().out
    assert f"reckon {name}" in long
    assert main([name, "-h"]) == 0
    assert capsys.readouterr().out == long


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    """`reckon --version` prints one line."""
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"reckon {version('deadreckon')}\n"


def test_data_is_on_stdout_and_json_without_a_terminal(lake: Lake) -> None:
    """A pipe gets one JSON document and nothing else."""
    done = reckon("maintain", "--dry-run", "--lake", str(lake.root))
    assert done.returncode == 0
    assert json.loads(done.stdout)["dry_run"] is True
    assert done.stderr == ""


def test_a_terminal_gets_a_table_in_colour(lake: Lake) -> None:
    """A person sees columns; NO_COLOR takes the colours away, and nothing else."""
    seen = on_a_terminal("maintain", "--dry-run", "--lake", str(lake.root))
    assert "checkpoint" in seen
    assert "\x1b[1m" in seen
    plain = on_a_terminal("maintain", "--dry-run", "--lake", str(lake.root), NO_COLOR="1")
    assert "checkpoint" in plain
    assert "\x1b[3" not in plain


def test_a_closed_pipe_is_no_error(lake: Lake) -> None:
    """`reckon ... | head` ends quietly with code 0, whoever prints: us, the table, or the help."""
    for words in (["--help"], ["maintain", "--dry-run", "--format", "table", "--lake", str(lake.root)], ["--version"]):
        read, write = os.pipe()
        os.close(read)
        process = subprocess.Popen([sys.executable, "-c", RUN, *words], stdout=write, stderr=subprocess.PIPE, text=True)
        os.close(write)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, (words, err)
        assert "BrokenPipe" not in err
        assert "Traceback" not in err


def test_closed_outlets_are_no_error(lake: Lake) -> None:
    """Without stdout (`>&-`) the exit code still says how it went."""
    command = f"'{sys.executable}' -c '{RUN}' doctor --lake '{lake.root}' >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False, timeout=60).returncode == 0


def test_a_narrow_encoding_gets_escapes(tmp_path: Path) -> None:
    """A name that the outlet cannot spell is escaped; nothing fails for it."""
    place = tmp_path / "höhe"
    append(Lake.create(place), [1])
    done = reckon(
        "doctor", "--format", "markdown", "--lake", str(place), env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0
    done = reckon("status", "--format", "table", "--lake", f"{place}x", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 3
    assert "h\\xf6hex" in done.stderr


def test_a_bug_is_said_as_one_and_shown_with_debug(tmp_path: Path) -> None:
    """What nobody foresaw is exit code 5 with a hint, and a trace only where it was asked for."""
    (tmp_path / "deadreckon.toml").write_text("")
    lake = tmp_path / "lake"
    (lake / "events" / "_delta_log").mkdir(parents=True)
    (lake / "events" / "_delta_log" / f"{0:020}.json").mkdir()
    done = reckon("status", "--lake", str(lake))
    assert done.returncode in (3, 5)
    assert "Traceback" not in done.stderr
    assert said(done.stderr)["hint"]
    assert "Traceback" in reckon("status", "--debug", "--lake", str(lake)).stderr


def test_an_interrupt_ends_with_130(tmp_path: Path) -> None:
    """Ctrl-C is said in one word."""
    lake = tmp_path / "lake"
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "ingest", "-", "--lake", str(lake)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not log_file(Lake(lake), 0).exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(3)  # until it waits for input: an interrupt that comes while a library starts may be swallowed there
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["nosuch"]])
def test_the_front_door_imports_nothing_heavy(words: list[str]) -> None:
    """Help, version and a typing error need no engine."""
    code = f"import sys; from deadreckon.cli import main; main({words!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert not HEAVY & set(done.stderr.split())


def test_a_command_does_not_import_another_ones_engine(lake: Lake) -> None:
    """Status needs no dashboard."""
    code = (
        f"import sys; from deadreckon.cli import main; main(['doctor', '--lake', {str(lake.root)!r}]);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert not {"streamlit", "pandas", "sqlglot"} & set(done.stderr.split())


@pytest.fixture
def base_install(tmp_path: Path) -> dict[str, str]:
    """An environment with the base dependencies alone, as a production image has it."""
    site = tmp_path / "site"
    site.mkdir()
    for name in ("structlog", "orjson"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        (site / name).symlink_to(Path(spec.origin).parent)
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(site), *(str(HOUSE / r) for r in ROOMS)])}


def test_the_base_install_says_what_to_install(base_install: dict[str, str]) -> None:
    """Without the lake's packages `reckon` names the exact command; that is a matter of usage, not a trace."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", RUN, "status"], capture_output=True, text=True, env=base_install, check=False
    )
    assert done.returncode == 2
    assert said(done.stderr) == {
        "kind": "missing_extra",
        "message": "reckon needs typer, which is not installed",
        "hint": "pip install 'deadreckon[lake]'",
    }


def test_the_base_install_emits(base_install: dict[str, str]) -> None:
    """What goes into production images works with the base dependencies."""
    code = "import deadreckon.emit, sys; print(sorted(set(sys.modules) & {'typer', 'pydantic', 'duckdb', 'pyarrow'}))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, env=base_install, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_missing_extra_of_a_command_is_named(base_install: dict[str, str], tmp_path: Path) -> None:
    """With the front door's packages but without the engine, the command says which extra brings it."""
    site = tmp_path / "site"
    for package in Path(typer_home()).iterdir():
        known = {
            "duckdb",
            "_duckdb",
            "deltalake",
            "pyarrow",
            "arro3",
            "numpy",
            "polars",
            "pandas",
            "msgspec",
            "sqlglot",
        }
        if package.name.split(".")[0].split("-")[0] not in known and not (site / package.name).exists():
            (site / package.name).symlink_to(package)
    done = subprocess.run(
        [sys.executable, "-S", "-c", RUN, "status"], capture_output=True, text=True, env=base_install, check=False
    )
    assert done.returncode == 2
    assert said(done.stderr)["kind"] == "missing_extra"
    assert said(done.stderr)["hint"] == "pip install 'deadreckon[lake]'"


def typer_home() -> Path:
    """Where packages are installed."""
    spec = find_spec("typer")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parents[1]


def test_nothing_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an input and without a spool, the next step is to name one."""
    monkeypatch.chdir(tmp_path)
    assert main(["ingest"]) == 3
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["message"].startswith("cannot read spool")
    assert "reckon ingest app.log" in error["hint"]
    assert not list(tmp_path.iterdir())
