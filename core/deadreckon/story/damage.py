"""Lines that must not reach the tables: what a bad SDK, a torn write and an old terminal encoding leave in a log.

None of these lines is an event that is counted elsewhere; each is made for its reason.
"""

from __future__ import annotations

from deadreckon.story import plot
from deadreckon.story.dice import Dice, iso


def native(dice: Dice) -> list[tuple[str, bytes]]:
    """Broken lines among emit's: torn, of the wrong type; reason and line."""
    bad: list[tuple[str, bytes]] = []
    for n in range(6):
        # The machine lost power in the middle of a write, and the next process appended after it.
        torn = f'{{"ts":"{_ts(dice)}","event_id":"{dice.event_id(plot.END)}","event":"answer","kind":"span","dura'
        bad.append(("invalid_json", torn[: 60 + 14 * n].encode()))
    durations = ('"fast"', '"n/a"', '"1.2s"', "true", "[120]")
    mistyped = [*(("duration_ms", v) for v in durations), ("input_tokens", '"many"'), ("input_tokens", "17.5")]
    mistyped.append(("features", '["age", 41]'))
    return bad + [("wrong_type", _span(dice, key, value)) for key, value in mistyped]


def web(dice: Dice) -> list[tuple[str, bytes]]:
    """Broken lines of the web log: Latin-1 text, a print() that went astray, a time that is none."""
    bad: list[tuple[str, bytes]] = []
    for city in ("Köln", "Malmö", "Besançon"):
        text = f'{{"asctime": "{_naive(dice)}", "levelname": "INFO", "message": "address changed to {city}"}}'
        bad.append(("invalid_utf8", text.encode("latin-1")))
    stray = (b"DEBUG cart={'items': 3}", b"Traceback (most recent call last):", b"ValueError: no such locale")
    bad += [("invalid_json", text) for text in stray]
    for stamp in ("soon", "2026-13-45 10:00:00,000"):
        text = f'{{"asctime": "{stamp}", "levelname": "INFO", "message": "chat opened"}}'
        bad.append(("bad_timestamp", text.encode()))
    return bad


def gateway(dice: Dice) -> list[tuple[str, bytes]]:
    """Broken lines of the gateway's log: a clock without a date, and a time that is a word."""
    bad: list[tuple[str, bytes]] = []
    for _ in range(4):
        clock = _ts(dice)[11:19]
        text = f'{{"level":30,"time":"{clock}","hostname":"gw-1","msg":"configuration reloaded"}}'
        bad.append(("bad_timestamp", text.encode()))
    wordy = b'{"level":40,"time":"yesterday","hostname":"gw-1","msg":"clock not in step"}'
    return bad + [("bad_timestamp", wordy)] * 3


def spread(dice: Dice, lines: list[bytes], bad: list[bytes]) -> list[bytes]:
    """The lines with the bad ones put in at random places, but never last: a torn last line would be waited for."""
    places = sorted(dice.below(len(lines)) for _ in bad)
    out: list[bytes] = []
    begin = 0
    for place, line in zip(places, bad, strict=True):
        out += lines[begin:place]
        out.append(line + b"\n")
        begin = place
    return out + lines[begin:]


def _span(dice: Dice, key: str, value: str) -> bytes:
    us = _us(dice)
    return (
        f'{{"ts":"{iso(us)}","event_id":"{dice.event_id(us)}","event":"answer","kind":"span","operation":"chat",'
        f'"trace_id":"{dice.hex(32)}","span_id":"{dice.hex(16)}","status":"ok","{key}":{value}}}'
    ).encode()


def _us(dice: Dice) -> int:
    return plot.START + int(dice.random() * (plot.END - plot.START))


def _ts(dice: Dice) -> str:
    return iso(_us(dice))


def _naive(dice: Dice) -> str:
    return _ts(dice).replace("T", " ").replace(".", ",")[:-4]
