"""Lines for cron and units for systemd that run commands again and again, quoted for each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from deadreckon.core.errors import UsageError
from deadreckon.monitor.duration import format_duration

_MINUTES: Final = tuple(60 * m for m in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30))
_HOURS: Final = tuple(3600 * h for h in (1, 2, 3, 4, 6, 8, 12, 24))
PERIODS: Final = (*_MINUTES, *_HOURS)
"""Seconds after which cron can run something evenly: parts of an hour and of a day."""
USUAL: Final = 300

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Job:
    """Commands that run in a folder one after the other, each whatever became of the one before.

    The last one's exit code is the job's. The program of each is an absolute path; `period` is in seconds.
    """

    folder: str
    commands: tuple[tuple[str, ...], ...]
    period: int


def usual_period(steps: Sequence[int]) -> int:
    """The period (seconds) that suits rules with these steps: five minutes, or less where a rule asks for less."""
    most = min([USUAL, *steps])
    return max([period for period in PERIODS if period <= most], default=PERIODS[0])


def checked_period(period: int) -> int:
    """The period, if cron can say it.

    Raises:
        UsageError: it is no part of an hour or of a day.
    """
    if period not in PERIODS:
        lower = max([known for known in PERIODS if known < period], default=PERIODS[0])
        raise UsageError(
            f"cron and timers cannot run something every {format_duration(period)} evenly",
            hint=f"--every {format_duration(lower)}, or let reckon monitor --every {format_duration(period)} stay",
        )
    return period


def crontab(job: Job) -> str:
    """One line of a crontab, without the end of the line. What it prints is thrown away; errors go to cron's mail.

    Raises:
        UsageError: a word that no crontab can hold.
    """
    for word in (job.folder, *(word for command in job.commands for word in command)):
        if "\\" in word:  # crons do not agree on what one before a % means
            raise UsageError(f"a crontab cannot hold the backslash in {word!r}", hint="rename it, or use systemd")
    commands = [shlex.join(map(_printable, command)) for command in job.commands]
    body = commands[0] if len(commands) == 1 else f"{{ {'; '.join(commands)}; }}"
    line = f"cd {shlex.quote(_printable(job.folder))} && {body} > /dev/null"
    return f"{_when(job.period)} {line}".replace("%", r"\%")


def service(job: Job, environment: Sequence[str] = ()) -> str:
    """A systemd service that runs the job once. `environment`: variables that it needs, by name.

    Raises:
        UsageError: a word that no unit can hold.
    """
    *first, last = job.commands
    lines = ["[Unit]", "Description=reckon monitor", "", "[Service]", "Type=oneshot"]
    lines.append(f"WorkingDirectory={_printable(job.folder).replace('%', '%%')}")
    if environment:
        lines.append(f"# Needs {', '.join(environment)}, one NAME=value a line, in a file that others cannot read:")
        lines.append("# EnvironmentFile=/etc/deadreckon.env")
    lines += [f"ExecStartPre=-{_exec(command)}" for command in first]
    lines.append(f"ExecStart={_exec(last)}")
    lines.append("# 1: an alert fires, and is told as such; the service did its work.")
    lines.append("SuccessExitStatus=1")
    return "\n".join(lines) + "\n"


def timer(period: int) -> str:
    """The systemd timer for the service of the same name; `period` in seconds."""
    if period < 3600:
        when = f"*:0/{period // 60}"
    elif period < 86_400:
        when = f"*-*-* 0/{period // 3600}:00:00 UTC"
    else:
        when = "*-*-* 00:00:00 UTC"
    unit = ["[Unit]", f"Description=reckon monitor, every {format_duration(period)}", ""]
    unit += ["[Timer]", f"OnCalendar={when}", "AccuracySec=1s", "Persistent=true", ""]
    return "\n".join([*unit, "[Install]", "WantedBy=timers.target"]) + "\n"


def _when(period: int) -> str:
    minutes, hours = period // 60, period // 3600
    if hours >= 24:
        return "0 0 * * *"
    if hours:
        return "0 * * * *" if hours == 1 else f"0 */{hours} * * *"
    return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"


def _exec(command: Sequence[str]) -> str:
    program, *words = (_quoted(_printable(word)) for word in command)
    return " ".join([program, *(word.replace("$", "$$") for word in words)])


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return escaped if re.fullmatch(r"[\w@%+=:,./-]+", escaped) else f'"{escaped}"'


def _printable(word: str) -> str:
    if found := _UNPRINTABLE.search(word):
        raise UsageError(f"{word!r} has the character {found[0]!r}, which such a line cannot hold", hint="rename it")
    return word
