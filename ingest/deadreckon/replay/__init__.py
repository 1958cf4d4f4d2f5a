"""A recorded trace run again: calls of traced tools and models are answered with what they returned then.

from deadreckon.queries import connect
from deadreckon.replay import Recording, replaying

recording = Recording.read(connect("lake"), "8f3a...")
with replaying(recording) as replay:
    answer(**recording.arguments())
print(replay.calls, replay.unused())
"""

from __future__ import annotations

from deadreckon.replay.recording import Call, Recording, ReplayError
from deadreckon.replay.replay import Made, NotAnsweredError, Replay
from deadreckon.replay.under_way import replaying

__all__ = ["Call", "Made", "NotAnsweredError", "Recording", "Replay", "ReplayError", "replaying"]
