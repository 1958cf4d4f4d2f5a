"""docs/monitor.md says what is so."""

from __future__ import annotations

import re
import tomllib
from typing import get_args

import pytest
from tests.monitor.commands import REPOSITORY
from tests.monitor.lakes import make, monitor

from deadreckon.core.settings import Settings
from deadreckon.monitor import STATES, load_rules
from deadreckon.monitor.kinds import KINDS
from deadreckon.monitor.kinds.budget import COLUMNS
from deadreckon.monitor.kinds.budget import FACTS as BUDGET_FACTS
from deadreckon.monitor.kinds.drift import FACTS as DRIFT_FACTS
from deadreckon.monitor.kinds.quality import BOUNDS, REFERENCE_LEAST, VOLUME_LEAST, Check
from deadreckon.monitor.kinds.quality import FACTS as QUALITY_FACTS
from deadreckon.monitor.kinds.slo import SloRule
from deadreckon.monitor.metrics import METRICS
from deadreckon.monitor.metrics import documented as metrics
from deadreckon.monitor.rules import documented as keys
from deadreckon.monitor.schedule import CATCH_UP
from deadreckon.monitor.summary import FACTS

PAGE = (REPOSITORY / "docs" / "monitor.md").read_text("utf-8")


def rows(heading: str, table: str = "", *, level: str = "##") -> list[list[str]]:
    """The cells of the table under a heading; of the one whose first head is `table`, where there are more."""
    section = PAGE.partition(f"{level} {heading}\n")[2].partition(f"\n{level} ")[0].partition("\n## ")[0]
    section = section.partition(f"| {table} |")[2] if table else section
    lines = section.partition("\n\n")[0].splitlines()[1:] if table else section.splitlines()
    found = [[c.strip().strip("`") for c in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
    return found[1:] if table else found[2:]


def test_every_metric_is_documented_as_the_registry_has_it():
    """Name, unit and meaning of each metric, in order."""
    assert rows("Metrics") == [list(m) for m in metrics()]
    assert set(METRICS) == {name for name, *_ in rows("Metrics")}


def test_every_key_of_a_rule_is_documented():
    """The keys of the model and of the page are the same, in the same order."""
    assert [name for name, _ in rows("Rules")] == [name for name, _ in keys()]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("threshold", "sql")])
def test_every_key_of_a_kind_is_documented(kind):
    """Those that a kind adds to the ones of all, or that mean something of its own in it, in the same order."""
    assert [name for name, _ in rows(kind, f"key of {kind}", level="###")] == [name for name, _ in keys(kind)]


def test_every_fact_is_documented():
    """Of each kind that has any, under its name."""
    told: dict[str, set[str]] = {}
    for kind, names, _ in rows("Facts", level="###"):
        told.setdefault(kind, set()).update(name.strip("` ") for name in names.split(","))
    assert told == {
        "quality": {name for names in QUALITY_FACTS.values() for name in names},
        "budget": set(BUDGET_FACTS),
        "slo": set(SloRule.model_construct().facts),
        "drift": set(DRIFT_FACTS),
    }


def test_every_check_of_quality_is_documented():
    """With the bounds that it has where none are given."""
    told = rows("quality", "check", level="###")
    assert [name for name, *_ in told] == list(get_args(Check))
    for name, _, _, unless_said in told:
        above, below = BOUNDS.get(name, (None, None))
        words = [f"below {below:g}"] if below is not None else []
        assert unless_said == ", ".join([*words, *([f"above {above:g}"] if above is not None else [])])


def test_what_the_page_says_of_budgets_and_references_is_so():
    """The columns of a budget, the least of a reference and of a volume."""
    text = " ".join(PAGE.split())
    assert f"{', '.join(COLUMNS[:-1])} and {COLUMNS[-1]}." in text
    assert f"fewer than {REFERENCE_LEAST} values is none" in text
    assert f"fewer than {VOLUME_LEAST} (`min_count`)" in text


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
    assert {rule.kind for rule in load_rules(tables)} == set(KINDS)
    # Nothing spent is an answer, and no run is late where none began: but a lake without any event is never fine.
    assert {a.stream.state for a in report.alerts} == {"no_data"}
