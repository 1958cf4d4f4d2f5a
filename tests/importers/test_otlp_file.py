"""Files of the collector's file exporter in the lake, once, whatever they are called and however they are packed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from tests.importers.stores import Imported

from deadreckon.core.errors import SourceError
from deadreckon.exchange import otlp_file
from deadreckon.exchange.bring import Brought

RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
AT = 1_790_000_000_000_000_000


def spans(*ids: int) -> dict[str, Any]:
    """A line of spans."""
    made = [
        {
            "traceId": f"{n:032x}",
            "spanId": f"{n:016x}",
            "name": "GET",
            "startTimeUnixNano": str(AT),
            "endTimeUnixNano": str(AT + 5_000_000),
        }
        for n in ids
    ]
    return {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": made}]}]}


def logs(*texts: str) -> dict[str, Any]:
    """A line of log records."""
    made = [{"timeUnixNano": str(AT), "body": {"stringValue": text}} for text in texts]
    return {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": made}]}]}


def metrics(*values: float) -> dict[str, Any]:
    """A line of data points."""
    points = [{"timeUnixNano": str(AT + n), "asDouble": value} for n, value in enumerate(values)]
    made = {"name": "queue", "gauge": {"dataPoints": points}}
    return {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"metrics": [made]}]}]}


def text(*lines: dict[str, Any]) -> bytes:
    """These lines."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    """A lake that is not there yet."""
    return Imported(tmp_path / "lake")


def bring(imported: Imported, *paths: Path) -> Brought:
    """Import these."""
    return imported.bring(otlp_file.items(list(paths)))


def test_all_signals_and_copies(tmp_path: Path, imported: Imported) -> None:
    """Spans, logs and metrics; a copy, packed or not, and a longer copy add what is new."""
    whole = text(spans(1, 2), logs("a", "a", "b"), metrics(1, 2.5))
    (tmp_path / "traces.json").write_bytes(whole)
    found = bring(imported, tmp_path / "traces.json")
    assert found.found == {"span": 2, "log record": 3, "data point": 2}
    assert imported.one("SELECT count(*) FROM events WHERE service = 'shop'") == 7
    (tmp_path / "copy.json.gz").write_bytes(gzip.compress(whole))
    (tmp_path / "copy.json.zst").write_bytes(zstandard.compress(whole + text(spans(2, 3))))
    again = bring(imported, tmp_path / "copy.json.gz", tmp_path / "copy.json.zst")
    assert again.summary.committed == 1
    assert imported.one("SELECT count(*) FROM spans") == 3


def test_a_collector_that_was_stopped(tmp_path: Path, imported: Imported) -> None:
    """Its last line was cut off: the others come in."""
    (tmp_path / "torn.json").write_bytes(text(spans(1), spans(2))[:-30])
    assert bring(imported, tmp_path / "torn.json").found == {"span": 1}


@pytest.mark.parametrize(
    "content",
    [
        text(spans(1)) + b'{"level": "info"}\n' + text(spans(2)),
        text(spans(1)) + b"not json\n",
        b'{"resourceSpans": 7}\n',
        gzip.compress(text(spans(1)) * 1000)[:200],
    ],
)
def test_what_is_no_otlp(content: bytes, tmp_path: Path, imported: Imported) -> None:
    """Said with its line; nothing is imported."""
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(SourceError, match=r"bad\.json"):
        bring(imported, tmp_path / "bad.json")
    with pytest.raises(SourceError, match=r"none\.json"):
        bring(imported, tmp_path / "none.json")
    assert not imported.lake.exists()


@pytest.mark.parametrize(
    "record",
    [
        {"timeUnixNano": "soon"},
        {"timeUnixNano": "9" * 30},
        {"attributes": [{"key": "deadreckon.json.a", "value": {"intValue": "3"}}]},
        {"attributes": [{"key": "params", "value": {"stringValue": "{torn"}}]},
        {"attributes": [{"value": {"stringValue": "x"}}]},
        {"attributes": {"a": 1}},
        "text",
    ],
)
def test_an_export_that_somebody_edited(record: Any, tmp_path: Path, imported: Imported) -> None:
    """What is marked as ours and is not as we write it: the file and the line are named."""
    scope = {"scope": {"name": "deadreckon.export"}, "logRecords": [record]}
    path = tmp_path / "a.json"
    path.write_text("\n" + json.dumps({"resourceLogs": [{"scopeLogs": [scope]}]}) + "\n")
    with pytest.raises(SourceError, match=r"a\.json, line 2, is no export of reckon"):
        imported.bring(otlp_file.items([path]))
    assert not imported.lake.exists()


@pytest.mark.parametrize("content", [b"[" * 5000, b"\x00" * 5000, b'{"level": "info"', b'{"resourceLogs": []}\nx'])
def test_a_last_line_that_never_was_otlp(content: bytes, tmp_path: Path, imported: Imported) -> None:
    """What was cut off began as a request; anything else is another file."""
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is no JSON"):
        imported.bring(otlp_file.items([path]))


def test_a_line_without_an_end(tmp_path: Path, imported: Imported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has an end, too."""
    monkeypatch.setattr(otlp_file, "LONGEST", 4 << 20)
    path = tmp_path / "a.json"
    path.write_bytes(b'{"resourceLogs": [' + b" " * (6 << 20))
    with pytest.raises(SourceError, match="line 1, is longer than 4 MiB"):
        imported.bring(otlp_file.items([path]))
    path.write_bytes(b'{"resourceLogs": [' + b" " * (3 << 20) + b"]}\n\n")
    assert imported.bring(otlp_file.items([path])).lines == 0
