"""Slack, Teams, PagerDuty and whatever else the library apprise knows a URL for."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final

import apprise

from deadreckon.core.errors import ConfigError
from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.message import Message

SAID: Final = 300
"""Characters of what the service said that go into the reason."""

# Without a handler of its own its warnings would stand on standard error; what they say is in the reason.
logging.getLogger(apprise.LOGGER_NAME).addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class ChatChannel:
    """One service, by apprise's URL for it."""

    service: apprise.Apprise = field(repr=False)
    timeout_s: float

    @classmethod
    def of(cls, name: str, variable: str, url: str, timeout_s: float) -> ChatChannel:
        """The channel of a sink of this name, whose URL stands in an environment variable.

        Raises:
            ConfigError: apprise does not know what the URL means.
        """
        service = apprise.Apprise()
        # More than one URL could be half delivered: then neither telling all again nor telling none would be right.
        if len(url.split()) != 1 or not service.add(url) or len(service) != 1:
            raise ConfigError(
                f"sink {name!r}: {variable} does not hold one URL that apprise knows",
                hint="https://appriseit.com lists them: slack://, msteams://, pagerduty://, ...; one sink for each",
            )
        return cls(service, timeout_s)

    def send(self, message: Message) -> str:
        """Hand the message to the service; delivered is what it said that it took."""
        result = self.service.notify(
            body=message.text.removeprefix(message.subject).lstrip("\n"),  # the title stands above it
            title=message.subject,
            notify_type=_tone(message),
            body_format=apprise.NotifyFormat.TEXT,
            timeout=self.timeout_s,
        )
        if result:
            return ""
        name = self.service[0].service_name
        if result.timeout_count:
            raise FailureError(f"{name} did not take it within {self.timeout_s:g} s")
        said = " ".join(entry.message for entry in result.logs())
        raise FailureError(f"{name} did not take it: {' '.join(said.split())[:SAID]}".rstrip(": "))


def _tone(message: Message) -> apprise.NotifyType:
    """The colour or sign that most services give a message."""
    payload = message.payload
    if payload["state"] in ("resolved", "ok"):
        return apprise.NotifyType.SUCCESS
    severities = {alert.get("severity") for alert in payload.get("alerts", [payload])}
    if "critical" in severities:
        return apprise.NotifyType.FAILURE
    return apprise.NotifyType.WARNING if "warning" in severities else apprise.NotifyType.INFO
