"""The tree of errors: what the command line and agents rely on."""

from __future__ import annotations

import pytest

from deadreckon.core import errors
from deadreckon.core.errors import DeadreckonError

ALL = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, DeadreckonError)]
CODES = {
    "error": 5,
    "usage": 2,
    "config": 2,
    "missing_extra": 2,
    "data": 3,
    "lake": 3,
    "lake_not_found": 3,
    "lake_damaged": 3,
    "commit_conflict": 3,
    "lock_held": 3,
    "source": 3,
    "query": 2,
    "delivery": 4,
}


def test_kinds_and_exit_codes_are_a_promise() -> None:
    """Scripts and agents branch on them: a new kind is added here, an old one does not change."""
    assert {e.kind: e.exit_code for e in ALL} == CODES


@pytest.mark.parametrize("error", ALL)
def test_an_error_says_what_and_what_next(error: type[DeadreckonError]) -> None:
    """The JSON contract has kind, message and hint; the exception's text is the message."""
    raised = error("what is wrong", hint="what to do")
    assert raised.as_dict() == {"kind": error.kind, "message": "what is wrong", "hint": "what to do"}
    assert str(raised) == "what is wrong"
    assert error("x").hint == ""
