"""docs/monitor.md says what is so."""

from __future__ import annotations

import re
import tomllib

from tests.monitor.commands import REPOSITORY
from tests.monitor.lakes import make, monitor

from deadreckon.core.settings import Settings
from deadreckon.monitor import STATES, load_rules
from deadreckon.monitor.metrics import METRICS
from deadreckon.monitor.metrics import documented as metrics
from deadreckon.monitor.rules import documented as keys
from deadreckon.monitor.schedule import CATCH_UP
from deadreckon.monitor.summary import FACTS

PAGE = (REPOSITORY / "docs" / "monitor.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = [
        [c.strip().strip("`") for c in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"
    ]
    return found[2:]


def test_every_metric_is_documented_as_the_registry_has_it():
    """Name, unit and meaning of each metric, in order."""
    assert rows("Metrics") == [list(m) for m in metrics()]
    assert set(METRICS) == {name for name, *_ in rows("Metrics")}


def test_every_key_of_a_rule_is_documented():
    """The keys of the model and of the page are the same, in the same order."""
    assert [name for name, _ in rows("Rules")] == [name for name, _ in keys()]


def test_every_state_and_fact_is_documented():
    """The states in their order, and every name that a summary may use; the bound on catching up too."""
    assert [name for name, _ in rows("States")] == list(STATES)
    assert all(f"{{{fact}}}" in PAGE for fact in FACTS)
    assert f"{CATCH_UP:,} windows" in PAGE


def test_the_rules_on_the_page_work(tmp_path):
    """Every TOML block loads as settings and can be evaluated without an error."""
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    tables = [table for block in blocks for table in Settings.model_validate(tomllib.loads(block)).rules]
    report = monitor(make(tmp_path), *load_rules(tables), at=0)
    assert len(tables) == 3
    assert {a.stream.state for a in report.alerts} == {"no_data"}
