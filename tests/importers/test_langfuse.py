"""Langfuse's exports in the lake, in each form and each generation of columns.

Columns: https://langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields (snake case), those of the
tables' export button and the public API (camel case).
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.importers.stores import Imported

from deadreckon.core.errors import SourceError
from deadreckon.exchange import langfuse
from deadreckon.exchange.bring import Brought
from deadreckon.exchange.tables import files

TRACE_ID = "0123456789abcdef0123456789abcdef"
OLD = "3f2b8c5e-7a61-4d0a-9c1e-5b8f7d6a4e21"
ALL = "SELECT * FROM spans ORDER BY ts, name"


def traces() -> list[dict[str, Any]]:
    """A trace of now, one whose ids are UUIDs."""
    about = {"project_id": "p", "environment": "prod", "release": "r7", "version": None, "public": False}
    return [
        {
            **about,
            "id": one,
            "timestamp": f"2026-05-29 13:46:{number:02}.963000",
            "name": "support",
            "metadata": {"tier": "gold"},
            "user_id": "u-1",
            "session_id": f"ses-{number}",
            "tags": ["a", "b"],
            "input": '{"q": "where?"}',
            "output": "shipped",
        }
        for number, one in enumerate((TRACE_ID, OLD))
    ]


def observations() -> list[dict[str, Any]]:
    """For each trace an agent, a generation with cached tokens, a tool that failed, an event; one that goes on."""
    found = []
    for number, trace in enumerate((TRACE_ID, OLD)):
        short = number == 0
        names = [f"{n}{number}" * 8 if short else f"{n}{number}-obs" for n in "abcde"]
        common = {"trace_id": trace, "project_id": "p", "environment": "prod", "level": "DEFAULT"}
        at = f"2026-05-29 13:46:{number:02}"
        found += [
            {
                **common,
                "id": names[0],
                "type": "AGENT",
                "name": "support",
                "start_time": f"{at}.963000",
                "end_time": f"2026-05-29 13:46:{number + 5:02}.000000",
            },
            {
                **common,
                "id": names[1],
                "type": "GENERATION",
                "name": "answer",
                "parent_observation_id": names[0],
                "start_time": f"{at}.970000",
                "end_time": f"2026-05-29 13:46:{number + 2:02}.970000",
                "completion_start_time": f"{at}.990000",
                "provided_model_name": "gpt-4o",
                "model_parameters": {"temperature": 0.2},
                "usage_details": {
                    "input": 36,
                    "input_cached_tokens": 64,
                    "output": 15,
                    "output_reasoning_tokens": 5,
                    "total": 120,
                },
                "cost_details": {"input": 0.001, "output": 0.002, "total": 0.003},
                "total_cost": 0.003,
                "input": '[{"role": "user", "content": "where?"}]',
                "output": "shipped",
                "metadata": {"k": "v"},
                "prompt_name": "greet",
                "prompt_version": 3,
            },
            {
                **common,
                "id": names[2],
                "type": "TOOL",
                "name": "order_lookup",
                "level": "ERROR",
                "status_message": "no such order",
                "parent_observation_id": names[0],
                "start_time": f"{at}.980000",
                "end_time": f"{at}.990000",
            },
            {
                **common,
                "id": names[3],
                "type": "EVENT",
                "name": "clicked",
                "parent_observation_id": names[0],
                "start_time": f"{at}.999000",
            },
            {
                **common,
                "id": names[4],
                "type": "SPAN",
                "name": "going on",
                "parent_observation_id": names[0],
                "start_time": f"{at}.999000",
            },
        ]
    return found


def scores() -> list[dict[str, Any]]:
    """A number by a person, a category by a judge, a boolean by code, one of a session."""
    common = {"timestamp": "2026-05-29 13:47:00.000000", "project_id": "p", "environment": "prod", "trace_id": TRACE_ID}
    return [
        {
            **common,
            "id": "s1",
            "name": "helpful",
            "value": 0.75,
            "source": "ANNOTATION",
            "data_type": "NUMERIC",
            "comment": "read it",
        },
        {
            **common,
            "id": "s2",
            "name": "tone",
            "value": 1,
            "string_value": "polite",
            "source": "EVAL",
            "data_type": "CATEGORICAL",
            "observation_id": "b0" * 8,
        },
        {
            **common,
            "id": "s3",
            "name": "valid",
            "value": 1,
            "string_value": "True",
            "source": "API",
            "data_type": "BOOLEAN",
        },
        {
            **common,
            "id": "s4",
            "name": "mood",
            "value": 3,
            "source": "API",
            "data_type": "NUMERIC",
            "trace_id": None,
            "session_id": "ses-0",
        },
    ]


def camel(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the API and the tables' button name it."""
    return {k[0] + "".join(w.title() for w in k.split("_"))[1:]: v for k, v in row.items()}


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A file of these rows, as its ending says."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    if path.name.endswith(".csv"):
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, keys)
            writer.writeheader()
            for row in rows:
                writer.writerow({k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in row.items()})
    elif path.suffix == ".parquet":
        whole = [{key: row.get(key) for key in keys} for row in rows]
        maps = {"usage_details": pa.map_(pa.string(), pa.uint64()), "cost_details": pa.map_(pa.string(), pa.float64())}
        columns = {
            key: pa.array([list(r[key].items()) if r[key] else None for r in whole], maps[key])
            if key in maps
            else pa.array([r[key] for r in whole])
            for key in keys
        }
        pq.write_table(pa.table(columns), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1))
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def bring(imported: Imported, *named: Path) -> Brought:
    """Import these files."""
    return imported.bring(langfuse.items(files([str(path) for path in named], "Langfuse")))


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    """A lake that is not there yet."""
    return Imported(tmp_path / "lake")


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "jsonl.gz"])
def test_each_form_gives_the_same(ending: str, tmp_path: Path, imported: Imported) -> None:
    """Counts, tokens, cost and scores are those of the rows, whatever they were written as."""
    folder = tmp_path / "export"
    folder.mkdir()
    made = {"traces": traces(), "observations": observations(), "scores": scores()}
    for name, rows in made.items():
        write(folder / f"{name}.{ending}", rows)
    found = bring(imported, folder)
    assert found.found == {"trace": 2, "observation": 10, "score": 4}
    assert (found.summary.committed, found.summary.quarantined) == (16, 0)
    assert bring(imported, folder).summary.committed == 0
    calls = imported.rows("SELECT * FROM llm_calls ORDER BY ts")
    assert len(calls) == 2
    for number, call in enumerate(calls):
        assert (call["model"], call["input_tokens"], call["output_tokens"]) == ("gpt-4o", 100, 20)
        assert (call["cache_read_tokens"], call["reasoning_tokens"], call["reported_usd"]) == (64, 5, 0.003)
        assert (call["duration_ms"], call["ttft_ms"]) == (2000, 20)
        assert (call["session_id"], call["environment"]) == (f"ses-{number}", "prod")
    tools = imported.rows("SELECT tool, status, error_message FROM tool_calls")
    assert [(row["status"], row["error_message"]) for row in tools] == [("error", "no such order")] * 2
    assert imported.one("SELECT count(*) FROM spans") == 8  # one of each trace has not ended
    assert imported.one("SELECT count(*) FROM spans WHERE parent_span_id IS NULL AND user_id = 'u-1'") == 2
    rows = imported.rows("SELECT name, value, label, source, reason, target FROM scores ORDER BY name")
    assert [tuple(row.values()) for row in rows] == [
        ("helpful", 0.75, None, "human", "read it", "trace"),
        ("mood", 3, None, "code", None, "session"),
        ("tone", None, "polite", "judge", None, "span"),
        ("valid", 1, "True", "code", None, "trace"),
    ]
    judged = imported.one(
        "SELECT s.name FROM scores AS o JOIN spans AS s USING (trace_id, span_id) WHERE o.name = 'tone'"
    )
    assert judged == "answer"


def test_names_in_camel_case(tmp_path: Path, imported: Imported) -> None:
    """What the tables' button and the API write is the same."""
    made = [camel(row) for row in observations()]
    made[1]["modelParameters"] = json.dumps(made[1]["modelParameters"])
    bring(imported, write(tmp_path / "old.jsonl", observations()))
    again = bring(imported, write(tmp_path / "new.json", made))
    assert (again.found, again.summary.committed) == ({"observation": 10}, 0)


def test_tokens_of_older_versions(tmp_path: Path, imported: Imported) -> None:
    """They are promptTokens and completionTokens, or a usage of input and output, and calculatedTotalCost."""
    one = {
        "traceId": OLD,
        "type": "GENERATION",
        "startTime": "2024-05-29T13:46:19.963Z",
        "endTime": "2024-05-29T13:46:20.963Z",
        "name": "x",
        "model": "gpt-4",
    }
    made = [
        {**one, "id": "1", "promptTokens": 7, "completionTokens": 5, "totalTokens": 12, "calculatedTotalCost": "0.5"},
        {**one, "id": "2", "usage": {"input": 7, "output": 5, "total": 12, "unit": "TOKENS"}, "usageDetails": {}},
    ]
    bring(imported, write(tmp_path / "o.json", made))
    calls = imported.rows(
        "SELECT model, input_tokens, output_tokens, reported_usd FROM llm_calls ORDER BY reported_usd"
    )
    assert [tuple(row.values()) for row in calls] == [("gpt-4", 7, 5, 0.5), ("gpt-4", 7, 5, None)]


def test_one_trace_downloaded(tmp_path: Path, imported: Imported) -> None:
    """The page of a trace gives one object with all that belongs to it."""
    inside = [camel(row) for row in observations() if row["trace_id"] == TRACE_ID]
    said = [camel(row) for row in scores() if row["trace_id"]]
    whole = {**camel(traces()[0]), "observations": inside, "scores": said}
    (tmp_path / "a.json").write_text(json.dumps(whole, indent=2))
    assert bring(imported, tmp_path / "a.json").found == {"trace": 1, "observation": 5, "score": 3}
    (tmp_path / "b.json").write_text(json.dumps({"trace": camel(traces()[0]), "observations": inside, "scores": said}))
    assert bring(imported, tmp_path / "b.json").summary.committed == 0
    assert imported.one("SELECT count(*) FROM spans WHERE session_id = 'ses-0'") == 4


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("torn.json", b'[{"id": "1", "traceId": "2", "startTime": "2024-05-29T13:46:19Z"}, {"id": '),
        ("torn.csv", b'id,trace_id,start_time\n1,2,2024-05-29\n1,"2'),
        ("short.csv", b"id,trace_id,start_time\n1,2,2024-05-29\n1,2\n"),
        ("torn.parquet", b"PAR1 and no more"),
        ("other.csv", b"name,age\nann,7\n"),
        ("empty.json", b""),
        ("x.txt", b"hello"),
    ],
)
def test_what_is_no_export(name: str, content: bytes, tmp_path: Path, imported: Imported) -> None:
    """One sentence that names the file, and nothing imported."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError) as caught:
        bring(imported, tmp_path / name)
    assert name in caught.value.message
    assert "\n" not in caught.value.message + caught.value.hint
    assert not imported.lake.exists()
