"""A process that writes events and keeps, beside them, an oracle of what it wrote: run by the kill tests.

The oracle has a line `+ KIND ID` before a line is begun and `= KIND ID` after it is written whole. KIND is event or
garbage. What is `=` must arrive exactly once; what is only `+` may have arrived, once.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from deadreckon import emit


class Oracle:
    """What was begun and what was finished, in one file per process."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def begun(self, kind: str, name: str) -> None:
        os.write(self._fd, f"+ {kind} {name}\n".encode())

    def done(self, kind: str, name: str) -> None:
        os.write(self._fd, f"= {kind} {name}\n".encode())


def through_emit(place: Path, oracle: Oracle, dice: random.Random, name: str, count: int) -> None:
    """Events through the SDK, which rotates its spool often."""
    emit.configure(directory=place / "spool", max_bytes=20_000, service="producer")
    log = emit.get_logger()
    for number in range(count):
        request = f"{name}-{number}"
        oracle.begun("event", request)
        log.info("step", request_id=request, number=number)
        oracle.done("event", request)
        time.sleep(dice.random() * 0.004)


def by_hand(place: Path, oracle: Oracle, dice: random.Random, name: str, count: int) -> None:
    """Lines written in pieces; 5 % are written again through another file, 1 % are garbage; the file rotates."""
    log = place / "logs" / f"{name}.log"
    retry = (place / "logs" / f"{name}.retry.log").open("ab", buffering=0)
    file = log.open("ab", buffering=0)
    for number in range(count):
        request = f"{name}-{number}"
        if dice.random() < 0.01:
            oracle.begun("garbage", request)
            in_pieces(file, f'{{"garbage": "{request}", broken\n'.encode(), dice)
            oracle.done("garbage", request)
        event = {
            "ts": datetime.now(UTC).isoformat(),
            "event_id": str(emit.uuid7()),
            "event": "step",
            "request_id": request,
            "payload": "x" * dice.randrange(200),
        }
        line = (json.dumps(event) + "\n").encode()
        oracle.begun("event", request)
        in_pieces(file, line, dice)
        oracle.done("event", request)
        if dice.random() < 0.05:
            retry.write(line)
        if dice.random() < 0.01:
            log.rename(place / "logs" / f"{name}.log.{number}")
            file = log.open("ab", buffering=0)
        time.sleep(dice.random() * 0.004)


def in_pieces(file: io.FileIO, line: bytes, dice: random.Random) -> None:
    """Write a line in two goes: whoever reads in between sees half of it."""
    cut = dice.randrange(len(line))
    file.write(line[:cut])
    if dice.random() < 0.1:
        time.sleep(0.002)
    file.write(line[cut:])


if __name__ == "__main__":
    how, folder, name, seed, count = sys.argv[1:]
    place = Path(folder)
    write = through_emit if how == "emit" else by_hand
    write(place, Oracle(place / "oracle" / name), random.Random(seed), name, int(count))
