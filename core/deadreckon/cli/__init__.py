"""The front door: the `reckon` command."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run `reckon` and return its exit code; the base install, which only emits, is told what to install."""
    try:
        from deadreckon.cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("deadreckon"):
            raise
        sys.stderr.write(
            f"error: reckon needs {error.name}, which is not installed\nhint: pip install 'deadreckon[lake]'\n"
        )
        return 2
    return run(arguments)
