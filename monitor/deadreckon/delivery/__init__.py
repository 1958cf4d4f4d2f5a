"""Delivery of alerts: every change of state that a sink wants, at least once, with a key by which it counts once."""

from __future__ import annotations

from deadreckon.delivery.courier import Clock, Outcome
from deadreckon.delivery.message import Message, message_of
from deadreckon.delivery.post import Post, sayings

__all__ = ["Clock", "Message", "Outcome", "Post", "message_of", "sayings"]
