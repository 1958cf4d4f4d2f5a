"""What a channel says when it could not deliver, and what it is given to deliver."""

from __future__ import annotations

from typing import Protocol

from deadreckon.delivery.message import Message


class FailureError(Exception):
    """A message was not delivered. `refused`: this message will not be taken as it is, so trying at once is no use.

    `after`: seconds for which the receiver wants to be left alone.
    """

    def __init__(self, reason: str, *, refused: bool = False, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused
        self.after = after


class Channel(Protocol):
    """A way out."""

    def send(self, message: Message) -> str:
        """Deliver one message; what went wrong although it was delivered, or nothing.

        Raises:
            FailureError: it was not delivered, as far as one can know.
        """
        ...
