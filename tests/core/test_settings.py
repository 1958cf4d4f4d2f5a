"""Settings: where they come from, which wins, and what is said of a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import MaintainSettings, Settings, load, nearest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deadreckon.toml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_file_the_defaults_hold(here: Path) -> None:
    """No file, no environment: what the documentation says."""
    assert load(environ={}) == Settings()
    assert load(environ={}).lake == "./lake"


def test_argument_over_environment_over_file_over_default(file: Path) -> None:
    """Each wins over what comes after it, key by key."""
    file.write_text('lake = "from-file"\n[query]\nmax_rows = 5\ntimeout_s = 7\n[maintain]\nvacuum_hours = 3\n')
    environ = {"DEADRECKON_LAKE": "from-environment", "DEADRECKON_QUERY_MAX_ROWS": "6"}
    found = load(file, overrides={"lake": "from-argument"}, environ=environ)
    assert (found.lake, found.query.max_rows, found.query.timeout_s) == ("from-argument", 6, 7.0)
    assert load(file, overrides={"lake": None}, environ=environ).lake == "from-environment"
    assert load(file, environ={}).lake == "from-file"
    assert (found.maintain.vacuum_hours, found.maintain.retention_days) == (3, 0)


def test_the_file_is_found_by_name_or_by_the_environment(here: Path) -> None:
    """./deadreckon.toml unless DEADRECKON_CONFIG, unless an argument names another."""
    (here / "deadreckon.toml").write_text('lake = "a"')
    (here / "b.toml").write_text('lake = "b"')
    (here / "c.toml").write_text('lake = "c"')
    assert load(environ={}).lake == "a"
    assert load(environ={"DEADRECKON_CONFIG": "b.toml"}).lake == "b"
    assert load("c.toml", environ={"DEADRECKON_CONFIG": "b.toml"}).lake == "c"


def test_lists_from_the_environment_are_split_like_paths(here: Path) -> None:
    """Several sources in one variable."""
    environ = {"DEADRECKON_INGEST_SOURCES": os.pathsep.join(["./spool", "/var/log/app"])}
    assert load(environ=environ).ingest.sources == ["./spool", "/var/log/app"]


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ('lak = "x"', "'lak'", "did you mean 'lake'?"),
        ("[maintain]\nretention_dais = 3", "'maintain.retention_dais'", "did you mean 'retention_days'?"),
        ("[maintian]\nretention_days = 3", "'maintian'", "did you mean 'maintain'?"),
        ("[query]\nzzz = 3", "'query.zzz'", "known: max_bytes, max_rows, memory_limit, threads, timeout_s"),
    ],
)
def test_an_unknown_key_names_the_nearest(file: Path, text: str, where: str, hint: str) -> None:
    """A typing error is found at once and never means the default."""
    file.write_text(text)
    with pytest.raises(ConfigError, match="unknown setting") as caught:
        load(file, environ={})
    assert where in caught.value.message
    assert str(file) in caught.value.message
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[maintain]\nretention_days = -1", "maintain.retention_days"),
        ('[maintain]\nvacuum_hours = "soon"', "maintain.vacuum_hours"),
        ("[maintain]\ntarget_file_bytes = 5", "maintain.target_file_bytes"),
        ("[query]\ntimeout_s = 0", "query.timeout_s"),
        ('[redaction]\npatterns = ["iban"]', "redaction.patterns.0"),
        ("lake = 3", "lake"),
        ("maintain = 3", "maintain"),
        ("rules = 3", "rules"),
    ],
)
def test_a_wrong_value_names_its_place_and_itself(file: Path, text: str, where: str) -> None:
    """The message has the key, the value and why; the hint says where it can be corrected."""
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, environ={})
    assert f"setting {where!r} is " in caught.value.message
    assert str(file) in caught.value.hint


def test_a_wrong_value_of_the_environment_is_said_as_well(here: Path) -> None:
    """The hint names the variable."""
    with pytest.raises(ConfigError, match=r"'maintain\.retention_days' is 'x'") as caught:
        load(environ={"DEADRECKON_MAINTAIN_RETENTION_DAYS": "x"})
    assert "DEADRECKON_MAINTAIN_RETENTION_DAYS" in caught.value.hint


@pytest.mark.parametrize("content", [b"lake = ", b"[[[", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml(file: Path, content: bytes) -> None:
    """The error names the file and what the parser said."""
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="is not valid TOML") as caught:
        load(file, environ={})
    assert str(file) in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """One that was named must exist."""
    with pytest.raises(ConfigError, match="cannot read") as caught:
        load(tmp_path / "none.toml", environ={})
    assert "--config" in caught.value.hint
    with pytest.raises(ConfigError):
        load(environ={"DEADRECKON_CONFIG": str(tmp_path)})


def test_aliases_must_name_columns(file: Path) -> None:
    """An alias to what is no column would lose the key; the nearest column is named."""
    file.write_text('[aliases]\n"my.model" = "model"\n')
    assert load(file, environ={}).aliases == {"my.model": "model"}
    file.write_text('[aliases]\n"my.model" = "modle"\n')
    with pytest.raises(ConfigError, match="modle") as caught:
        load(file, environ={})
    assert caught.value.hint == "did you mean 'model'?"
    file.write_text('[aliases]\nts = "when"\n')
    with pytest.raises(ConfigError) as turned:
        load(file, environ={})
    assert turned.value.hint == 'write it the other way round: when = "ts"'


def test_settings_do_not_change() -> None:
    """What was loaded is what holds until the end."""
    with pytest.raises(ValueError, match="frozen"):
        MaintainSettings().retention_days = 3


def test_every_setting_is_described() -> None:
    """The documentation is written from these lines."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        described = getattr(section, "model_fields", None)
        if described is None:
            assert field.description, name
        else:
            assert all(sub.description for sub in described.values()), name


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("modle", ["model", "kind"], "did you mean 'model'?"),
        ("zzz", ["b", "a"], "known: a, b"),
        ("", ["b", "a"], "known: a, b"),
        ("x", [], "known: "),
    ],
)
def test_the_nearest_word(word: str, known: list[str], said: str) -> None:
    """One that is near enough, else all that there are, in order."""
    assert nearest(word, known) == said
