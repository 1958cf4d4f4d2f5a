"""The one tree of errors: each says what is wrong, with the value, and what to do next."""

from __future__ import annotations

from typing import ClassVar


class DeadreckonError(Exception):
    """Something a user can act on; `hint` is the next step, `exit_code` what the command line returns.

    Exit codes: 1 firing or a gate says no; 2 usage or configuration; 3 data missing or stale; 4 delivery failed;
    5 internal.
    """

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 5

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_dict(self) -> dict[str, str]:
        """The error as the JSON contract states it: kind, message, hint."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint}


class UsageError(DeadreckonError):
    """The command line or a call was used wrongly."""

    kind = "usage"
    exit_code = 2


class ConfigError(DeadreckonError):
    """deadreckon.toml, an environment variable or an argument does not make sense."""

    kind = "config"
    exit_code = 2


class MissingExtraError(DeadreckonError):
    """A part is not installed; the hint is the exact command that installs it."""

    kind = "missing_extra"
    exit_code = 2


class DataError(DeadreckonError):
    """The data asked for is not there, or too old to answer from."""

    kind = "data"
    exit_code = 3


class LakeError(DeadreckonError):
    """The lake cannot be opened, read or written."""

    kind = "lake"
    exit_code = 3


class LakeNotFoundError(LakeError):
    """There is no lake at the place named."""

    kind = "lake_not_found"


class DamagedLakeError(LakeError):
    """The lake's log is damaged; `reckon doctor` explains and repairs it."""

    kind = "lake_damaged"


class CommitConflictError(LakeError):
    """Another process committed first: nothing was written, start again from a fresh snapshot."""

    kind = "commit_conflict"


class LockHeldError(LakeError):
    """Another process holds the lock that this work needs."""

    kind = "lock_held"


class SourceError(DeadreckonError):
    """An input to ingest cannot be read."""

    kind = "source"
    exit_code = 3


class QueryError(DeadreckonError):
    """A query is wrong, refused by the sandbox, or over its limits."""

    kind = "query"
    exit_code = 2


class DeliveryError(DeadreckonError):
    """An alert could not be delivered."""

    kind = "delivery"
    exit_code = 4
