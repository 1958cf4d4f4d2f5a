"""`reckon monitor schema`: the JSON Schema of the rules, for editors and for checks before a deployment."""

from __future__ import annotations

import json
import sys


def command() -> int:
    """Print the JSON Schema of the rules in deadreckon.toml; editors complete and check keys with it.

    Example: reckon monitor schema > rules.schema.json
    """
    from deadreckon.monitor.rules import schema

    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
    return 0
