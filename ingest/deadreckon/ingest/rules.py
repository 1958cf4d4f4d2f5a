"""The settings, bound once for a run: aliases, redaction, what becomes of user ids."""

from __future__ import annotations

import os
from collections.abc import Mapping

from deadreckon.core.schema import alias_table
from deadreckon.core.settings import Settings
from deadreckon.ingest.prepare import Rules
from deadreckon.ingest.redact import Redactor
from deadreckon.ingest.statement import UserIds


def rules_for(settings: Settings, environ: Mapping[str, str] = os.environ) -> Rules:
    """How lines are read under these settings.

    Raises:
        ConfigError: redaction is configured in a way that cannot work.
    """
    aliases = alias_table(settings.aliases)
    redactor = Redactor(settings.redaction, environ, aliases)
    salt = environ.get(settings.redaction.salt_env, "") if settings.redaction.user_id == "hash" else None
    return Rules(aliases, UserIds(salt), redactor if redactor.active else None)
