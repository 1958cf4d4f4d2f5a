"""How far a sink got beyond what the lake says: what it was told of what waits, and how often the rest was tried.

One small file per sink in the lake's folder, replaced after every message, so that a crash repeats one message at most.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from deadreckon.core.durable import fsync_directory, write_atomically
from deadreckon.core.errors import DeliveryError
from deadreckon.core.lake import Lake
from deadreckon.delivery.lines import append_line
from deadreckon.delivery.message import Message

FOLDER: Final = "_delivery"
DEAD: Final = "dead_letters.jsonl"


@dataclass(slots=True)
class Ledger:
    """What one sink has settled, message by message. Whoever holds it holds the sink's lock."""

    path: Path
    done: dict[str, int] = field(default_factory=dict)
    """Keys of messages that were told or given up, with the run of their transition."""
    tries: dict[str, int] = field(default_factory=dict)
    """Keys of messages that failed so far, with the number of tries."""

    @classmethod
    def open(cls, lake: Lake, sink: str) -> Ledger:
        """The ledger of a sink.

        Raises:
            DeliveryError: its file is there but cannot be read.
        """
        path = lake.root / FOLDER / f"{sink}.json"
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(exist_ok=True)
                fsync_directory(lake.root)
            found = json.loads(path.read_bytes())
            return cls(path, dict(found["done"]), dict(found["tries"]))
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeliveryError(
                f"{path} cannot be read: {error}",
                hint="check the disk; without the file, messages of the last unfinished batch may be told once more",
            ) from error

    def settle(self, key: str, run: int) -> None:
        """Note that a message was told, or given up."""
        self.done[key] = run
        self.tries.pop(key, None)
        self._save()

    def tried(self, key: str, times: int) -> int:
        """Note tries that failed; how many there were by now."""
        self.tries[key] = self.tries.get(key, 0) + times
        self._save()
        return self.tries[key]

    def forget(self, up_to: int, left: Collection[str]) -> None:
        """Drop what the lake itself knows by now, messages of runs up to this one, and tries of what is not left."""
        kept = {key: run for key, run in self.done.items() if run > up_to}
        tries = {key: count for key, count in self.tries.items() if key in left}
        if (kept, tries) != (self.done, self.tries):
            self.done, self.tries = kept, tries
            self._save()

    def bury(self, sink: str, message: Message, *, run: int, at: str, reason: str) -> None:
        """Keep a message that is given up as a dead letter, then count it as settled.

        A crash in between buries it twice, under the same key.
        """
        letter: Mapping[str, Any] = {
            "sink": sink,
            "event_id": message.key,
            "at": at,
            "tries": self.tries.get(message.key, 0),
            "reason": reason,
            "message": message.payload,
        }
        append_line(self.path.with_name(DEAD), orjson.dumps(letter))
        self.settle(message.key, run)

    def _save(self) -> None:
        write_atomically(self.path, orjson.dumps({"done": self.done, "tries": self.tries}))
