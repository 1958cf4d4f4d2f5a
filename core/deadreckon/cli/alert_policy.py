"""Who inhibits whom, as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deadreckon.cli.output import one_line, say
from deadreckon.core.errors import ConfigError

if TYPE_CHECKING:
    from deadreckon.core.settings import Settings
    from deadreckon.monitor.inhibit import Policy


def policy_of(settings: Settings, *, other_rules: bool = False) -> Policy:
    """The policy of the rules and of `[[inhibit]]`; with `other_rules` it may be about rules that are not there.

    Raises:
        ConfigError: a rule or a table is wrong, or a table can never hold.
    """
    from deadreckon.monitor import load_rules
    from deadreckon.monitor.inhibit import Policy, check

    rules = load_rules(settings.rules)
    policy = Policy.of(rules, settings.inhibit)
    if not other_rules:
        check(rules, policy)
    return policy


def policy_if_any(settings: Settings) -> Policy:
    """The policy where the settings have a sound one: how alerts stand can be read without it, and that is said."""
    from deadreckon.monitor.inhibit import Policy

    try:
        return policy_of(settings, other_rules=True)  # the monitor says what can never hold
    except ConfigError as error:
        say(f"hint: which alerts are inhibited is not known: {one_line(error.message)}")
        return Policy()
