"""Who inhibits whom, as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

    return Policy.of(load_rules(settings.rules), getattr(settings, "inhibit", ()))
