"""Alerts of drift with what moved, and what people did about alerts, as the pages show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from tests.dashboard.conftest import Open
from tests.dashboard.drifted import drifted
from tests.dashboard.lakes import add, alert, call
from tests.dashboard.reading import charts, links, metric, words

from deadreckon.core.settings import load
from deadreckon.dashboard.services import alerts
from deadreckon.dashboard.services.source import Source
from deadreckon.queries import connect


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake, made once."""
    return drifted(tmp_path_factory.mktemp("drifted"))


def event_of(lake: Path, subject: str) -> str:
    """The last change to firing of a stream."""
    with connect(lake) as con:
        found = con.execute(
            "SELECT event_id FROM alert_history WHERE state = 'firing' AND labels->>'subject' = $s", {"s": subject}
        ).fetchall()
    return str(found[0][0])


def histogram(app: AppTest) -> dict[str, Any]:
    """The bars of before and now."""
    found = [layer for chart in charts(app) for layer in chart["layer"] if "yOffset" in layer["encoding"]]
    return dict(found[0])


def test_silenced_alerts_are_told_apart(made: Path, monkeypatch: pytest.MonkeyPatch, page: Open) -> None:
    """They are shown with who silenced them and do not count as firing; others say who has taken them."""
    monkeypatch.setenv("DEADRECKON_CONFIG", str(made.parent / "deadreckon.toml"))
    source = Source(load(made.parent / "deadreckon.toml", environ={}))
    source.refresh()
    found = {s.labels.get("subject", s.rule): s for s in alerts.standings(source) if s.firing}
    source.close()
    assert {name for name, s in found.items() if s.silenced} == {"feature:country"}
    assert found["feature:country"].muting.silenced_by == "ann"
    assert found["feature:age"].muting.taken_by == "bob"
    assert found["spend of the day"].muting.explained_by == "spend"
    said = words(page("alerts", made))
    assert said.index("### Silenced" if "### Silenced" in said else "Silenced") < said.index("a new market")
    assert "Taken by bob" in said
    assert "spend is firing, which explains it" in said
    overview = page("overview", made, range="all")
    assert metric(overview, "Alerts firing") == str(len(found) - 1)
    assert "and 1 silenced" in words(overview)


def test_facts_are_on_the_card(made: Path, page: Open) -> None:
    """What was spent, of what, and since when."""
    said = words(page("alerts", made)).replace("\\", "")
    assert "spent 5.25, limit 5, unpriced 0" in said


def test_an_alert_of_drift_shows_what_moved(made: Path, page: Open) -> None:
    """The values before and now, the segment that explains them, and requests that lead to their traces."""
    app = page("alerts", made, alert=event_of(made, "feature:age"))
    assert not app.exception
    picture = histogram(app)
    values = picture["data"]["values"]
    for side in ("before", "now"):
        assert sum(v["share"] for v in values if v["side"] == side) == pytest.approx(1)
    parts, segments = (frame.value for frame in app.dataframe[:2])
    assert list(parts.columns) == ["values", "before", "now", "change"]
    assert (segments["attribute"][0], segments["value"][0]) == ("variant", "b")
    requests = [link.query_string for link in links(app) if "request=" in link.query_string]
    assert requests
    assert all(r.startswith("request=req-") for r in requests)


def test_categories_that_moved(made: Path, page: Open) -> None:
    """Of a feature of texts the texts."""
    app = page("alerts", made, alert=event_of(made, "feature:country"))
    picture = histogram(app)
    assert {v["values"] for v in picture["data"]["values"]} == {"de", "fr", "it", "es"}


def test_events_that_are_gone_are_said(tmp_path: Path, page: Open) -> None:
    """Where the events of a side have expired, the page says so, and shows the rest."""
    facts = {"reference": "2026-09-01..2026-09-02", "current": "2026-10-01..2026-10-02", "moved": "40 to 41"}
    raised = alert("inputs", "firing", 0, labels={"subject": "latency_ms"}, metric="drift", facts=facts)
    root = add(tmp_path / "lake", [call("t", "s", 0), raised])
    app = page("alerts", root, alert="alert-inputs-firing-0")
    assert not app.exception
    assert "Moved: 40 to 41" in words(app)
    assert "2026\\-09\\-01 to 2026\\-09\\-02" in " ".join(i.value for i in app.info)
