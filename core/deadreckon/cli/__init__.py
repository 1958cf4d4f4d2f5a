"""The front door: the `reckon` command."""

from __future__ import annotations

import json
import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run `reckon` and return its exit code; the base install, which only emits, is told what to install."""
    try:
        from deadreckon.cli.app import run
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("deadreckon"):
            raise
        message, hint = f"reckon needs {error.name}, which is not installed", "pip install 'deadreckon[lake]'"
        if sys.stderr.isatty():
            sys.stderr.write(f"error: {message}\nhint: {hint}\n")
        else:
            said = {"kind": "missing_extra", "message": message, "hint": hint}
            sys.stderr.write(json.dumps({"error": said}) + "\n")
        return 2
    return run(arguments)
