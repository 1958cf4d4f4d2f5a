"""Services that apprise knows, of which json:// and form:// are plain HTTP, so that the servers here can be asked."""

from __future__ import annotations

import pytest
from tests.delivery.parts import message
from tests.delivery.servers import receiver

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import Settings
from deadreckon.delivery.chat import ChatChannel
from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.post import Post

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # a plugin of apprise

TOKEN = "T0ken-that-nobody-may-see"


def channel(url, timeout_s=10.0):
    return ChatChannel.of("team", "TEAM_URL", url, timeout_s)


def test_a_message_arrives_with_its_subject_and_its_text():
    """As the service puts it."""
    with receiver(200) as server:
        assert channel(server.url.replace("http://", "json://") + f"/{TOKEN}").send(message()) == ""
    (request,) = server.got
    assert request.path.strip("/") == TOKEN
    assert request.json["title"] == message().subject == message().text.splitlines()[0]
    assert request.json["message"] == message().text.partition("\n")[2]
    assert request.json["type"] == "failure" if message().payload["severity"] == "critical" else "warning"


@pytest.mark.parametrize("act", [500, 404, "close", "reset"])
def test_what_was_not_taken_says_so(act, capfd):
    """The reason names the service and what it said; nothing is printed beside it."""
    with receiver(act) as server, pytest.raises(FailureError) as failure:
        channel(server.url.replace("http://", "json://")).send(message())
    assert failure.value.reason.startswith("JSON did not take it")
    assert not failure.value.refused
    assert capfd.readouterr() == ("", "")


def test_a_service_that_hangs_is_given_up():
    """It does not hold up the other sinks for longer than was said."""
    with receiver("hang") as server, pytest.raises(FailureError, match="within 1 s"):
        channel(server.url.replace("http://", "json://"), 1.0).send(message())


@pytest.mark.parametrize("url", ["nonsense://x", "no url", "json://a json://b", "json://a, json://b"])
def test_what_is_no_url_of_one_service_is_refused_before_anything_runs(url):
    """The variable is named, and what it holds is not."""
    with pytest.raises(ConfigError) as error:
        Post(sinks(), {"TEAM_URL": url})
    assert "TEAM_URL" in error.value.message
    assert url not in f"{error.value.message} {error.value.hint}"


def test_no_part_of_the_url_is_told():
    """Whatever the service's own words are."""
    post = Post(sinks(), {"TEAM_URL": f"json://user:{TOKEN}@127.0.0.1:9/{TOKEN}?x={TOKEN}"})
    assert TOKEN not in post._credentials.scrub(f"no route to /{TOKEN} for user:{TOKEN}")
    assert TOKEN not in repr(post._ways)


def sinks():
    table = {"name": "team", "kind": "apprise", "url_env": "TEAM_URL"}
    return Settings.model_validate({"sinks": [table]}).sinks
