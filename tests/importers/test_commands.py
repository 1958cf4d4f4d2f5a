"""`reckon import` and `reckon export` as they are called: what they print, and their exit codes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.importers.stores import FIXTURES, unpacked

from deadreckon.cli.app import run

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a store of each sort, and no settings from elsewhere."""
    monkeypatch.chdir(tmp_path)
    for name in ("DEADRECKON_LAKE", "DEADRECKON_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    unpacked("mlflow.db.gz", tmp_path)
    unpacked("phoenix.db.gz", tmp_path)
    shutil.copy(FIXTURES / "phoenix.parquet", tmp_path / "spans.parquet")
    return tmp_path


def test_import_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    """For people a sentence, for programs the figures."""
    assert run(["import", "mlflow", "mlflow.db", "--format", "table"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "mlflow.db: 3 runs, 59 metric points, 1 logged model, 2 model versions, 3 traces, 9 spans" in said
    assert "90 events committed to ./lake" in said
    assert run(["import", "mlflow", "sqlite:///mlflow.db", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["committed"], found["already_known"], found["found"]["run"]) == (0, 90, 3)
    assert run(["import", "phoenix", "phoenix.db", "spans.parquet", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["sql", "select source_path, committed from sources order by 1", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [Path(row["source_path"]).name for row in rows] == ["mlflow.db", "phoenix.db and 1 more"]


def test_user_ids_are_hashed_and_secrets_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What ingest keeps off the disk, import does too."""
    (folder / "deadreckon.toml").write_text('[redaction]\npatterns = ["email"]\n')
    run(["import", "mlflow", "mlflow.db"])
    run(["export", "jsonl", "all.jsonl"])
    capsys.readouterr()
    text = (folder / "all.jsonl").read_text()
    assert "ann@example.org" not in text
    assert '"u-1"' not in text
    assert "sha256:" in text


def test_export_and_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of each form; what is there is not replaced."""
    run(["import", "mlflow", "mlflow.db"])
    capsys.readouterr()
    for form, name in (("jsonl", "a.jsonl"), ("otlp", "a.json"), ("parquet", "a.parquet"), ("parquet", "days")):
        assert run(["export", form, name, "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["events"] == 90
        assert run(["export", form, name]) == 2
        assert "--force" in capsys.readouterr().err
        assert run(["export", form, name, "--force", "--where", "kind = 'metric'", "--format", "table"]) == 0
        assert capsys.readouterr().out.startswith(f"59 events in {name} (")
    assert run(["import", "otlp-file", "a.json", "--lake", "other", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["committed"] == 59
    assert not [path for path in folder.iterdir() if path.name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["import", "mlflow", "none.db"], 3),
        (["import", "mlflow", "phoenix.db"], 3),
        (["import", "phoenix", "mlflow.db"], 3),
        (["import", "langfuse", "spans.parquet"], 3),
        (["import", "otlp-file", "mlflow.db"], 3),
        (["import", "wandb", "x"], 2),
        (["export", "jsonl", "x.jsonl"], 3),
        (["export", "jsonl", "x.jsonl", "--from", "soon"], 2),
    ],
)
def test_what_goes_wrong(words: list[str], code: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One error with a hint, and no lake."""
    assert run([*words, "--format", "table"] if words[1] != "wandb" else words) == code
    said = capsys.readouterr().err
    assert said.startswith("error: ") or '"error"' in said
    assert "hint" in said
    assert "internal" not in said
    assert not (folder / "lake").exists()


def test_the_pages_name_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command of docs/import.md and docs/export.md has the verb, and each option."""
    text = (DOCS / "import.md").read_text() + (DOCS / "export.md").read_text()
    named = set(re.findall(r"reckon (import|export) ([a-z-]+)", text)) - {("import", "of")}
    assert len(named) == 7
    for group, verb in named:
        assert run([group, verb, "--help"]) == 0
        shown = capsys.readouterr().out
        assert group == "import" or all(option in shown for option in ("--from", "--to", "--where", "--force"))
