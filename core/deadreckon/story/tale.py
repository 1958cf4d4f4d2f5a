"""The whole story as files: who wrote what, in which dialect, with what damage, and the answers that go with it."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass, field
from importlib import resources
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import orjson

from deadreckon.story import damage, dialects, plot, training
from deadreckon.story.cards import card
from deadreckon.story.dice import Dice, iso
from deadreckon.story.facts import Facts
from deadreckon.story.pen import Fields
from deadreckon.story.scale import moment
from deadreckon.story.traffic import Traffic, regulars

SESSIONS: Final = 900
ARCHIVED_UNTIL: Final = plot.at("2026-10-22T00:00")
"""The agent's log was rotated and compressed here; what came later is in the plain file."""
DUPLICATES: Final = 96
_TWICE_IN_PLACE: Final = 14

ARCHIVE: Final = "logs/tern-agent.1.jsonl.gz"
AGENT: Final = "logs/tern-agent.jsonl"
RESENT: Final = "logs/tern-agent-resent.jsonl"
JUDGE: Final = "logs/tern-judge.jsonl"
WEB: Final = "logs/tern-web.log"
GATEWAY: Final = "logs/tern-gateway.log"
TRAINER: Final = "logs/tern-trainer.jsonl"
SETTINGS: Final = "deadreckon.toml"


@dataclass(slots=True)
class Tale:
    """The files of the story by their path, and its answers."""

    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write every file below a folder."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def tell(seed: int | str = plot.SEED) -> Tale:
    """The story of this seed; the same seed gives the same bytes."""
    facts = Facts()
    written = _agent_lines(seed)
    for _, fields in written:
        facts.event(fields)
    trained = [orjson.loads(line) for _, line in training.lines(seed)]
    for fields in trained:
        facts.event(fields)

    dice = Dice(f"{seed}:files")
    by_service: dict[str, list[tuple[int, Fields]]] = {}
    for at, fields in written:
        by_service.setdefault(fields["service"], []).append((at, fields))
    agent = by_service["tern-agent"]
    old = [dialects.native(f) for at, f in agent if at < ARCHIVED_UNTIL]
    new = [dialects.native(f) for at, f in agent if at >= ARCHIVED_UNTIL]
    files = {
        ARCHIVE: _Draft(old),
        AGENT: _Draft(new, damage.native(dice)),
        RESENT: _Draft(_resent(dice, old, new), duplicates=DUPLICATES - _TWICE_IN_PLACE),
        JUDGE: _Draft([dialects.native(f) for _, f in by_service["tern-judge"]]),
        WEB: _Draft(_web_lines(facts, agent, by_service["tern-web"], dice), damage.web(dice)),
        GATEWAY: _Draft(_gateway_lines(facts, agent), damage.gateway(dice)),
        TRAINER: _Draft([dialects.native(fields) for fields in trained]),
    }
    tale = Tale()
    for name, draft in files.items():
        content = b"".join(draft.final(dice, _TWICE_IN_PLACE if name == AGENT else 0))
        facts.file(name, content.count(b"\n"), draft.duplicates, [reason for reason, _ in draft.bad])
        tale.files[name] = _gzip(content) if name.endswith(".gz") else content
    tale.answers = facts.answers(seed)
    for version in plot.CHARACTERS:
        tale.files[f"cards/{plot.MODEL}-{version}.md"] = card(version, tale.answers).encode()
    tale.files[SETTINGS] = (resources.files("deadreckon.story") / SETTINGS).read_bytes()
    tale.files["answers.json"] = orjson.dumps(tale.answers, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return tale


@dataclass(slots=True)
class _Draft:
    good: list[bytes]
    bad: list[tuple[str, bytes]] = field(default_factory=list)
    duplicates: int = 0

    def final(self, dice: Dice, twice: int) -> list[bytes]:
        lines = self.good
        if twice:
            # A writer that was told of a failed write, wrongly, and wrote the line again a little later.
            again = sorted({dice.below(len(lines) - 40) for _ in range(twice)})
            self.duplicates += len(again)
            for shift, place in enumerate(again):
                at = place + shift
                lines = [*lines[: at + 20], lines[at], *lines[at + 20 :]]
        return damage.spread(dice, lines, [line for _, line in self.bad]) if self.bad else lines


def _agent_lines(seed: int | str) -> list[tuple[int, Fields]]:
    customers = regulars(seed)
    lines: list[tuple[int, bytes]] = []
    for day in range(plot.DAYS):
        dice = Dice(f"{seed}:day {day}")
        traffic = Traffic(dice, customers, private=0.04)
        first, last = SESSIONS * day // plot.DAYS, SESSIONS * (day + 1) // plot.DAYS
        for _ in range(first, last):
            traffic.session(moment((first + dice.random() * (last - first)) / SESSIONS))
        lines += traffic.pen.lines
    # Who was still at it when the story ended is left out whole lines at a time: logs end in the middle of things.
    lines = [line for line in lines if line[0] < plot.END]
    lines.sort(key=itemgetter(0))
    return [(at, orjson.loads(line)) for at, line in lines]


def _resent(dice: Dice, old: list[bytes], new: list[bytes]) -> list[bytes]:
    wanted = DUPLICATES - _TWICE_IN_PLACE
    late = sorted({dice.below(len(old) // 4) for _ in range(wanted * 2)})[: wanted // 2]
    early = sorted({dice.below(len(new)) for _ in range(wanted * 2)})[: wanted - len(late)]
    return [old[len(old) - len(old) // 4 + i] for i in late] + [new[i] for i in early]


def _web_lines(facts: Facts, agent: list[tuple[int, Fields]], web: list[tuple[int, Fields]], dice: Dice) -> list[bytes]:
    lines = [(at, dialects.web(fields)) for at, fields in web]
    seen: set[str] = set()
    for at, fields in agent:
        if fields["kind"] == "prediction" and fields["session_id"] not in seen:
            seen.add(fields["session_id"])
            before = at - 900_000 - dice.below(4_000_000)
            channel = fields["features"]["channel"]
            lines.append((before, dialects.opened(iso(before), fields["session_id"], fields["user_id"], channel)))
            facts.log_line()
    return [line for _, line in sorted(lines, key=itemgetter(0))]


def _gateway_lines(facts: Facts, agent: list[tuple[int, Fields]]) -> list[bytes]:
    lines = []
    for at, fields in agent:
        if fields.get("operation") == "invoke_agent" and fields["variant"] != "shadow":
            lines.append(dialects.gateway(at + 600, fields))
            facts.log_line()
    return lines


def _gzip(content: bytes) -> bytes:
    buffer = io.BytesIO()
    # No time and no name in the header: the same content is the same file.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()
