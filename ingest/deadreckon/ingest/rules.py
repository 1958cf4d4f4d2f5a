"""The settings, bound once for a run: aliases, redaction, what becomes of user ids."""

from __future__ import annotations

import os
from collections.abc import Mapping

import duckdb

from deadreckon.core.errors import ConfigError
from deadreckon.core.schema import alias_table
from deadreckon.core.settings import Settings
from deadreckon.ingest.convert import literal
from deadreckon.ingest.decode import UserIds
from deadreckon.ingest.prepare import Rules
from deadreckon.ingest.redact import Redactor


def rules_for(settings: Settings, environ: Mapping[str, str] = os.environ) -> Rules:
    """How lines are read under these settings.

    Raises:
        ConfigError: redaction is configured in a way that cannot work.
    """
    redactor = Redactor(settings.redaction, environ)
    salt = environ.get(settings.redaction.salt_env, "") if settings.redaction.user_id == "hash" else None
    return Rules(alias_table(settings.aliases), UserIds(salt), redactor if redactor.active else None)


def set_zone(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Read times that carry no offset in the zone of the settings, in this session.

    Raises:
        ConfigError: there is no such zone.
    """
    zone = settings.ingest.naive_timezone
    try:
        con.execute(f"SET TimeZone = {literal(zone)}")
    except duckdb.Error as error:
        raise ConfigError(
            f"setting 'ingest.naive_timezone' is {zone!r}, which is no time zone",
            hint="name one of the IANA database, as Europe/Berlin or UTC",
        ) from error
