"""Lines that a collector or framework wrapped are read as what the application wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.ingest.reading import one, read

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WHEN = datetime(2026, 11, 21, 2, 0, 0, 123456, tzinfo=UTC)


class TestDocker:
    """json-file lines of a container."""

    def test_json_inside_is_the_line(self) -> None:
        """What the application wrote counts; Docker's own fields stay under `docker`."""
        inside = json.dumps({"ts": "2026-11-21T02:00:00.123456Z", "event": "hi", "input_tokens": 3, "k": 1})
        row = one({"log": inside + "\n", "stream": "stderr", "time": "2026-11-21T02:00:09Z"})
        assert (row["ts"], row["event"], row["input_tokens"]) == (WHEN, "hi", 3)
        assert row["attributes"] == {"k": 1, "docker": {"stream": "stderr", "time": "2026-11-21T02:00:09Z"}}

    def test_a_foreign_line_inside_is_read_by_its_dialect(self) -> None:
        """An envelope does not hide whose line it is."""
        inside = json.dumps({"level": 50, "err": {"type": "E", "message": "m"}, "msg": "x"})
        row = one({"log": inside, "stream": "stdout"})
        assert (row["level"], row["error_type"], row["error_message"]) == ("error", "E", "m")

    @pytest.mark.parametrize("text", ["plain words", "{not json}", '{"a": 1, "a": 2}', ""])
    def test_text_inside_is_what_happened(self, text: str) -> None:
        """Docker's time is the time of a line that has none."""
        row = one({"log": text + "\n", "stream": "stdout", "time": "2026-11-21T02:00:00.123456789Z"})
        assert (row["event"], row["ts"]) == (text, WHEN)

    def test_a_fault_inside_is_the_lines_fault(self) -> None:
        """A known key of the wrong type is refused, wrapped or not."""
        (found,) = read(json.dumps({"log": '{"input_tokens": "x"}', "stream": "stdout"}) + "\n").rejects
        assert (found.code, found.field) == ("wrong_type", "input_tokens")

    def test_the_stream_of_a_container_is_not_a_streamed_answer(self) -> None:
        """`stream` is stdout or stderr where a collector merged the line into its own."""
        row = one({"message": "x", "stream": "stderr", "kubernetes": {"pod_name": "p"}})
        assert "stream" not in row
        assert row["attributes"] == {"stream": "stderr", "kubernetes": {"pod_name": "p"}}


class TestGoogleCloudEntries:
    """Entries that a sink exported."""

    def test_a_json_payload(self) -> None:
        """Time, severity and trace of the entry, content of the payload."""
        row = one(
            {
                "insertId": "a",
                "logName": "projects/p/logs/run",
                "jsonPayload": {"message": "hi", "model": "m"},
                "severity": "NOTICE",
                "timestamp": "2026-11-21T02:00:00.123456789Z",
                "trace": f"projects/p/traces/{TRACE}",
                "spanId": SPAN,
            }
        )
        assert (row["ts"], row["event"], row["level"], row["model"]) == (WHEN, "hi", "info", "m")
        assert (row["trace_id"], row["span_id"]) == (TRACE, SPAN)
        assert row["attributes"]["logEntry"]["logName"] == "projects/p/logs/run"

    def test_a_text_payload(self) -> None:
        """The text is what happened."""
        row = one({"insertId": "a", "logName": "n", "textPayload": "hi", "timestamp": "2026-11-21T02:00:00.123456Z"})
        assert (row["ts"], row["event"]) == (WHEN, "hi")


class TestJournal:
    """journalctl -o json."""

    def test_a_message_of_a_unit(self) -> None:
        """Microseconds, host, process and priority of the journal."""
        row = one(
            {
                "MESSAGE": "started",
                "PRIORITY": "4",
                "__REALTIME_TIMESTAMP": "1795226400123456",
                "_HOSTNAME": "h",
                "_PID": "17",
                "SYSLOG_IDENTIFIER": "api",
            }
        )
        assert (row["ts"], row["event"], row["level"]) == (WHEN, "started", "warning")
        assert (row["host"], row["pid"], row["service"]) == ("h", 17, "api")


class TestConsoleSpans:
    """OpenTelemetry's console exporter, one span to a line."""

    SPAN: dict[str, Any] = {  # noqa: RUF012 - copied before use
        "name": "chat",
        "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{SPAN}", "trace_state": "[]"},
        "kind": "SpanKind.CLIENT",
        "parent_id": "0xb7ad6b7169203331",
        "start_time": "2026-11-21T02:00:00.123456Z",
        "end_time": "2026-11-21T02:00:01.623456Z",
        "status": {"status_code": "ERROR", "description": "E: no"},
        "attributes": {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 4, "k": 1},
        "events": [{"name": "exception", "attributes": {"exception.type": "E", "exception.message": "no"}}],
        "links": [],
        "resource": {"attributes": {"service.name": "api"}, "schema_url": ""},
    }

    def test_it_is_a_span(self) -> None:
        """Ids without their 0x, duration from both times, attributes by their names."""
        row = one(self.SPAN)
        assert (row["kind"], row["name"], row["status"], row["service"]) == ("span", "chat", "error", "api")
        assert (row["trace_id"], row["span_id"], row["parent_span_id"]) == (TRACE, SPAN, "b7ad6b7169203331")
        assert (row["ts"], row["duration_ms"], row["model"], row["input_tokens"]) == (WHEN, 1500.0, "m", 4)
        assert (row["error_type"], row["error_message"]) == ("E", "no")
        assert row["attributes"]["k"] == 1
        assert row["attributes"]["otel"]["kind"] == "SpanKind.CLIENT"

    def test_one_that_is_broken_is_a_plain_line(self) -> None:
        """Without valid ids it is no span."""
        row = one({**self.SPAN, "context": {"trace_id": "x"}, "status": "OK"})
        assert (row["kind"], row["status"]) == ("log", "ok")


class TestFrameworks:
    """Shapes of Java and of ECS as frameworks write it."""

    def test_ecs_with_everything_nested(self) -> None:
        """Field sets are objects, the level too, and a shipper is no agent."""
        row = one(
            {
                "@timestamp": "2026-11-21T02:00:00.123456Z",
                "log": {"level": "WARN", "logger": "a.B"},
                "process": {"pid": 5, "thread": {"name": "main"}},
                "service": {"name": "api", "version": "1"},
                "agent": {"name": "filebeat-1", "type": "filebeat"},
                "user": {"id": "u"},
                "message": "hi",
                "ecs": {"version": "8.11"},
            }
        )
        assert (row["level"], row["pid"], row["service"], row["user_id"]) == ("warning", 5, "api", "u")
        assert "agent" not in row
        assert row["attributes"]["service"] == {"version": "1"}

    def test_a_java_stack_trace_names_the_error(self) -> None:
        """Logstash's encoder writes the stack as text."""
        row = one(
            {"message": "x", "level": "ERROR", "stack_trace": "java.io.IOException: no disk\n\tat a.B.c(B.java:1)"}
        )
        assert (row["error_type"], row["error_message"]) == ("java.io.IOException", "no disk")

    def test_a_go_stack_trace_names_none(self) -> None:
        """A list of functions is no error."""
        assert "error_type" not in one({"msg": "x", "stack": "main.main\n\t/srv/app/main.go:29"})
