"""Argument, environment, default: in this order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import events, run

from deadreckon import emit


def test_without_anything_the_spool_is_in_the_working_directory(tmp_path: Path) -> None:
    """The first event of an unconfigured program makes ./spool."""
    code = f"import os; os.chdir({str(tmp_path)!r})\nfrom deadreckon import emit\nemit.event('x')"
    run(code, tmp_path / "unused", DEADRECKON_SPOOL="")
    (event,) = events(tmp_path / "spool")
    assert event["service"] == "python"


def test_the_directory_stays_when_the_program_changes_its_own(tmp_path: Path) -> None:
    """A daemon that moves to / does not take its logs there."""
    code = f"""
import os
os.chdir({str(tmp_path)!r})
from deadreckon import emit
emit.configure(directory="logs", max_bytes=300)
for n in range(3):
    emit.event("x", padding="x" * 200)
    os.chdir("/")
"""
    run(code, tmp_path / "unused")
    assert len(events(tmp_path / "logs")) == 3


def test_environment_variables_are_read(tmp_path: Path) -> None:
    """Operators configure what programmers did not."""
    code = """
from deadreckon import emit
emit.get_logger().info("no")
emit.get_logger().error("yes", output="secret")
"""
    env = {"SERVICE": "shop", "ENVIRONMENT": "prod", "LEVEL": "error", "CAPTURE": "text"}
    run(code, tmp_path / "spool", **{f"DEADRECKON_{name}": value for name, value in env.items()})
    (event,) = events(tmp_path / "spool")
    assert (event["service"], event["environment"], event["output"]) == ("shop", "prod", "secret")


def test_opentelemetrys_service_name_is_understood(tmp_path: Path) -> None:
    """OTEL_* variables mean what users know; our own wins."""
    code = "from deadreckon import emit; emit.event('x')"
    run(code, tmp_path / "a", OTEL_SERVICE_NAME="otel")
    run(code, tmp_path / "b", OTEL_SERVICE_NAME="otel", DEADRECKON_SERVICE="own")
    assert [events(tmp_path / name)[0]["service"] for name in "ab"] == ["otel", "own"]


def test_emit_can_be_switched_off_from_outside(tmp_path: Path) -> None:
    """For a test run of somebody else's program."""
    run("from deadreckon import emit; emit.event('x')", tmp_path / "spool", DEADRECKON_EMIT="off")
    assert not (tmp_path / "spool").exists()


def test_an_argument_wins_over_the_environment(spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program says is what it means."""
    monkeypatch.setenv("DEADRECKON_ENVIRONMENT", "prod")
    spool.configure(environment="test", static={"region": "eu"})
    emit.event("x")
    assert (spool.event()["environment"], spool.event()["region"]) == ("test", "eu")


def test_a_wrong_variable_is_named_on_stderr_and_ignored(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is read when the first event is written, which is no time to raise."""
    from tests.emit.spools import start

    process = start("from deadreckon import emit; emit.event('x')", tmp_path / "spool", DEADRECKON_LEVEL="loud")
    _, err = process.communicate()
    assert "DEADRECKON_LEVEL='loud' ignored: expected one of debug, info" in err
    assert process.returncode == 0
    assert len(events(tmp_path / "spool")) == 1


def test_a_program_whose_directory_is_gone_writes_to_the_fallback(tmp_path: Path) -> None:
    """There is no ./spool then."""
    code = f"""
import os
os.mkdir({str(tmp_path / "gone")!r})
os.chdir({str(tmp_path / "gone")!r})
os.rmdir({str(tmp_path / "gone")!r})
from deadreckon import emit
@emit.trace
def work(): emit.event("x")
work()
assert emit.dropped() == 0
"""
    run(code, tmp_path / "spool", DEADRECKON_SPOOL="")
    assert [event["event"] for event in events(tmp_path / "spool-fallback")] == ["x", "work"]


@pytest.mark.parametrize(("word", "kept"), [("1", True), ("text", True), ("off", False), ("0", False)])
def test_capture_may_be_a_word_of_the_environment(
    spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch, word: str, kept: bool
) -> None:
    """As people write switches."""
    monkeypatch.setenv("DEADRECKON_CAPTURE", word)
    spool.configure()
    emit.event("x", input="hi")
    assert ("input" in spool.event()) == kept


@pytest.mark.parametrize(
    ("argument", "value", "expected"),
    [
        ("level", "loud", "one of debug"),
        ("capture", "everything", "off, hash or text"),
        ("max_bytes", 0, "above 0"),
        ("max_seconds", -1, "above 0"),
        ("buffer_ms", "soon", "0 or more"),
        ("fsync_seconds", True, "0 or more"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_what_is_expected(
    spool: SpoolFolder, argument: str, value: Any, expected: str
) -> None:
    """It runs when the program starts: the one place where emit raises."""
    with pytest.raises(ValueError, match=rf"emit\.configure\({argument}=.*{expected}"):
        spool.configure(**{argument: value})
    emit.event("still works")
    assert spool.event()["event"] == "still works"


def test_configuring_again_starts_from_the_defaults(spool: SpoolFolder) -> None:
    """No trace of an earlier call is left, also in loggers that exist."""
    spool.configure(environment="staging")
    log = emit.get_logger(a=1)
    log.info("x")
    spool.configure(service="other")
    log.info("x")
    first, second = spool.events()
    assert first["environment"] == "staging"
    assert "environment" not in second
    assert second["service"] == "other"


def test_configuring_another_directory_seals_the_file_in_the_old(spool: SpoolFolder) -> None:
    """Nothing is left open behind."""
    emit.event("x")
    emit.configure(directory=spool.path.with_name("elsewhere"))
    emit.event("y")
    assert [path.name.endswith(".sealed.jsonl") for path in spool.path.iterdir()] == [True]
    assert [event["event"] for event in events(spool.path.with_name("elsewhere"))] == ["y"]
