"""Who inhibits whom, as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deadreckon.cli.output import one_line, say
from deadreckon.core.errors import ConfigError

if TYPE_CHECKING:
    from deadreckon.core.settings import Settings
    from deadreckon.monitor.inhibit import Policy


def policy_of(settings: Settings) -> Policy:
    """The policy of the rules and of `[[inhibit]]`.

    Raises:
        ConfigError: a rule or a table is wrong.
    """
    from deadreckon.monitor import load_rules
    from deadreckon.monitor.inhibit import Policy

    return Policy.of(load_rules(settings.rules), settings.inhibit)


def policy_if_any(settings: Settings) -> Policy:
    """The policy where the settings have a sound one: how alerts stand can be read without it, and that is said."""
    from deadreckon.monitor.inhibit import Policy

    try:
        return policy_of(settings)
    except ConfigError as error:
        say(f"hint: which alerts are inhibited is not known: {one_line(error.message)}")
        return Policy()
