"""Lines on standard output and in files, and commands."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from tests.delivery.parts import lines, message

from deadreckon.core.sinks import StdoutSink
from deadreckon.delivery.command import CommandChannel
from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.lines import FileChannel, StdoutChannel


def test_a_file_grows_by_a_line(tmp_path):
    """Each is the message as JSON; others cannot read it unless they share the group."""
    file = tmp_path / "alerts.jsonl"
    for _ in range(2):
        FileChannel(file).send(message())
    assert lines(file) == [message().payload] * 2
    assert file.stat().st_mode & 0o007 == 0


def test_half_a_line_of_a_crash_spoils_no_other(tmp_path):
    """It stays a line of its own, which a reader can pass over."""
    file = tmp_path / "alerts.jsonl"
    file.write_text('{"version": 1, "ev')
    FileChannel(file).send(message())
    half, whole = file.read_text().splitlines()
    assert half == '{"version": 1, "ev'
    assert json.loads(whole) == message().payload


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is not there")
def test_a_full_disk_is_a_failure(tmp_path):
    """Nothing is told that is not on the disk."""
    with pytest.raises(FailureError, match="No space left"):
        FileChannel(Path("/dev/full")).send(message())
    with pytest.raises(FailureError, match="No such file"):
        FileChannel(tmp_path / "gone" / "alerts.jsonl").send(message())


def test_standard_output_gets_json_or_text(capsys):
    """One line for programs, or paragraphs for people."""
    StdoutChannel(StdoutSink(name="s", kind="stdout")).send(message())
    assert json.loads(capsys.readouterr().out) == message().payload
    StdoutChannel(StdoutSink(name="s", kind="stdout", format="text")).send(message())
    assert capsys.readouterr().out == message().text + "\n\n"


def command(code, *arguments, timeout_s=20.0):
    return CommandChannel((sys.executable, "-c", code, *arguments), timeout_s)


def test_a_command_gets_the_message_on_its_standard_input(tmp_path):
    """And its arguments as they stand: no shell reads them."""
    out = tmp_path / "out"
    command("import sys; open(sys.argv[1], 'w').write(sys.argv[2] + sys.stdin.read())", str(out), "$HOME;`id`").send(
        message()
    )
    assert out.read_text() == "$HOME;`id`" + message().body.decode() + "\n"


def test_a_command_may_ignore_what_it_gets():
    """However long: nothing waits for it to read."""
    command("pass").send(message(reason="x" * 1_000_000))


def test_a_command_that_fails_says_why():
    """By its code and the end of what it said."""
    with pytest.raises(FailureError, match=r"ended with 3: .*no such channel$"):
        command("import sys; sys.stderr.write('x' * 9999 + ' no such channel\\n'); sys.exit(3)").send(message())
    with pytest.raises(FailureError, match="cannot be run"):
        CommandChannel(("/no/such/program",), 5.0).send(message())


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path):
    """The child holds a pipe open until it dies: its end shows that it did."""
    read, write = os.pipe()
    with pytest.raises(FailureError, match=r"was killed after 0\.5 s"):
        CommandChannel(("sh", "-c", f"exec 3>/proc/{os.getpid()}/fd/{write}; sleep 60 & sleep 60"), 0.5).send(message())
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)
