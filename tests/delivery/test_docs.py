"""docs/delivery.md says what is so."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from tests.delivery.parts import message
from tests.delivery.servers import receiver
from tests.monitor.commands import REPOSITORY

from deadreckon.core.settings import Settings
from deadreckon.core.sinks import KINDS, SinkBase, keys_of
from deadreckon.delivery.agenda import MOST
from deadreckon.delivery.courier import LONGEST_PAUSE_S, ROUND_S
from deadreckon.delivery.ledger import DEAD, FOLDER
from deadreckon.delivery.message import message_of_group
from deadreckon.delivery.webhook import PASSING, WebhookChannel

PAGE = (REPOSITORY / "docs" / "delivery.md").read_text("utf-8")


def rows(heading):
    """The cells of the first table under a heading."""
    section = re.split(r"\n#+ ", PAGE.partition(f"# {heading}\n")[2])[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE).group()
    return [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def default(field):
    return "" if field.is_required() or field.default in (None, {}) else f"`{json.dumps(field.default)}`"


def documented(model, names):
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return [[f"`{name}`", default(fields[name]), fields[name].description] for name in names]


def test_every_key_is_documented_with_its_default():
    """The keys of the models and of the page are the same, in the same order, in the same words."""
    assert rows("Every sink") == documented(SinkBase, SinkBase.model_fields)


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_is_documented(kind):
    """Each under its own heading."""
    own = [name for name in keys_of(kind) if name not in SinkBase.model_fields and name != "kind"]
    assert rows(kind) == documented(KINDS[kind], own)


def test_the_example_is_a_setting():
    """As it stands."""
    text = PAGE.partition("```toml\n")[2].partition("```")[0]
    assert len(Settings.model_validate(tomllib.loads(text)).sinks) == 4


def test_every_key_of_a_message_is_documented():
    """In the order in which it comes."""
    assert re.findall(r"`(\w+)`", " ".join(row[0] for row in rows("The message"))) == list(message().payload)
    group = message_of_group({"rule": "r"}, [message(), message(state="resolved")], "k").payload
    assert re.findall(r"`(\w+)`", " ".join(row[0] for row in rows("A group"))) == list(group)


def test_the_check_of_a_signature_works_as_it_is_printed():
    """A receiver that copied it takes what is genuine, and nothing that was changed on the way or is old."""
    found: dict = {}
    exec(PAGE.partition("```python\n")[2].partition("```")[0], found)
    import time

    with receiver() as server:
        for now in (time.time, lambda: time.time() - 3600):
            WebhookChannel(server.url, "k", 5.0, None, now).send(message())
    fresh, old = server.got
    assert found["genuine"](fresh.headers, fresh.body, b"k")
    assert not found["genuine"](fresh.headers, fresh.body + b" ", b"k")
    assert not found["genuine"](fresh.headers, fresh.body, b"another")
    assert not found["genuine"](old.headers, old.body, b"k")


def test_numbers_and_names_are_those_of_the_code():
    """The pauses, the end of a round, the answers that are tried again, and where dead letters lie."""
    assert f"after {ROUND_S:g} seconds" in PAGE
    assert f"at most {LONGEST_PAUSE_S:g} s" in PAGE
    assert ", ".join(str(code) for code in sorted(PASSING)) in PAGE
    assert f"`{FOLDER}/{DEAD}`" in PAGE
    assert f"more than {MOST};" in PAGE
