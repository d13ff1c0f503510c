"""`monitor --notify URL`: whatever a server answers, byte by byte, is a sentence or is taken; within its time, without the URL."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatops.deploys import monitor_state, notice
from chatops.flows import notify
from tests.conftest import Result

SAID = notice.message(monitor_state.begin("db public", "1h", datetime(2026, 1, 1, tzinfo=UTC), {}))
OK = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def answering(*pieces: bytes, hold: bool = False, drip: bytes = b"", heard: list[bytes] | None = None) -> Iterator[str]:
    """A server that writes these bytes to whoever asks, whatever they are; then keeps the line, or drips on without end."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, contextlib.suppress(OSError):
                    asked = client.recv(65_536)
                    if heard is not None:
                        heard.append(asked)
                    for piece in pieces:
                        client.sendall(piece)
                    while drip and not over.wait(0.01):
                        client.sendall(drip)
                    if hold:
                        over.wait()
                    # Whoever closes with something unread resets the line, and what was answered is lost with it.
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65_536):
                        pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/secret-token"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\nno invalid_payload"])
def test_what_was_taken_is_taken_whatever_the_body_says(status: str, body: bytes) -> None:
    with answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n".encode(), b"\r\n", body) as url:
        assert notify._posted(url, SAID, notify.NOTIFY_SECONDS) is None


@pytest.mark.parametrize(
    ("pieces", "drip", "told"),
    [
        ((b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\n\r\n",), b"", "was answered with 302"),
        ((b"HTTP/1.1 404 Not Found\r\n\r\n",), b"", "was answered with 404"),
        ((b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\n\r\n",), b"", "was answered with 429"),
        ((b"HTTP/1.1 500 \x1b[31m\r\n\r\n",), b"", "was answered with 500"),
        ((), b"", "could not be sent: the connection was closed before an answer"),
        ((b"\x00\x1b[2Jgarbage\n",), b"", "could not be sent: the answer is not HTTP"),
        ((b"HTTP/1.1 2oo OK\r\n\r\n",), b"", "could not be sent: the answer is not HTTP"),
        ((OK, b"X: " + b"x" * 70_000), b"", "could not be sent: the answer is not HTTP"),
        ((b"H",), b"", "could not be sent: the answer is not HTTP"),
    ],
    ids=["302", "404", "429", "500", "nothing", "garbage", "no number", "endless header", "cut off"],
)
def test_what_was_not_taken_is_told(pieces: Sequence[bytes], drip: bytes, told: str) -> None:
    with answering(*pieces, drip=drip) as url:
        assert notify._posted(url, SAID, notify.NOTIFY_SECONDS) == told


@pytest.mark.parametrize(("pieces", "drip"), [((), b""), ((OK,), b""), ((OK, b"X: "), b"x")], ids=["silent", "stops", "drips"])
def test_a_server_that_takes_its_time_does_not_take_ours(
    pieces: Sequence[bytes], drip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "NOTIFY_SECONDS", 0.3)
    with answering(*pieces, hold=True, drip=drip) as url:
        assert notify._posted(url, SAID, notify.NOTIFY_SECONDS) == "was not answered within 0.3 s"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_sentence_that_shows_none_of_them(answer: bytes) -> None:
    with answering(answer) as url:
        wrong = notify._posted(url, SAID, notify.NOTIFY_SECONDS)
    assert wrong is None or (wrong.isprintable() and "secret-token" not in wrong)


@pytest.mark.parametrize(
    "url",
    ["http://nobody.invalid/secret-token", "http://127.0.0.1:1/secret-token", "https://127.0.0.1:1/secret-token",
     "http://[::1/secret-token", "http:///secret-token", "http://127.0.0.1:99999/secret-token", "http://x y/secret-token"],
)  # fmt: skip
def test_an_address_that_cannot_be_reached_is_told_without_it(url: str) -> None:
    wrong = notify._posted(url, SAID, notify.NOTIFY_SECONDS)
    assert wrong is not None
    assert wrong.startswith("could not be sent: ")
    assert "secret-token" not in wrong


def test_a_message_says_what_is_open_and_an_incident_ends_when_nothing_is() -> None:
    critical, warning = monitor_state.Seen("critical", "two chats"), monitor_state.Seen("warning", "lost")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    before = monitor_state.baseline_of(monitor_state.Look({}, {"CHAT001": critical, "CHAT006": warning}))
    keys = set()
    for left, word, severity, action in (
        ({"CHAT001": critical, "CHAT006": warning}, "BAD", "critical", "trigger"),
        ({"CHAT001": critical}, "BAD", "critical", "trigger"),
        ({"CHAT006": warning}, "WARN", "warning", "trigger"),
        ({}, "OK", "info", "resolve"),
    ):
        watch = monitor_state.begin("db public", "1m*3", start, before)
        for slot in range(2):  # what two looks do not see is gone
            watch, told = monitor_state.advance(watch, slot, (), start, monitor_state.Look({}, left))
            watch = replace(watch, untold=(*watch.untold, *told))
        said = notice.message(watch)
        payload = said["payload"]
        assert isinstance(payload, dict)
        assert (said["word"], payload["severity"], said["event_action"]) == (word, severity, action)
        assert str(said["summary"]).startswith(f"{word} chatops db public: ")
        assert "deploy" not in str(said)
        keys.add(said["dedup_key"])
    assert len(keys) == 1


def test_a_command_that_never_ends_is_ended_in_time_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "command_environment", lambda *_: {"PATH": os.environ["PATH"]})
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    # The end of the pipe is reached when nobody is left who could write to it.
    reading = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    asked: Any = None
    wrong = notify._run(asked, f"exec 9>{alive}; sleep 600 & sleep 600", SAID, 0.2)
    assert wrong == "took longer than 0.2 s"
    os.set_blocking(reading, True)
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_a_name_and_a_password_in_the_url_are_said_to_the_server_alone() -> None:
    heard: list[bytes] = []
    with answering(OK, b"Content-Length: 0\r\n\r\n", heard=heard) as url:
        place = notify.place(url.replace("http://", "HTTP://b%C3%BCro:s3cret@") + "/für alle".replace(" ", "%20"))
        assert notify._posted(place, SAID, notify.NOTIFY_SECONDS) is None
    head = heard[0].decode().partition("\r\n\r\n")[0]
    assert "Authorization: Basic " + base64.b64encode("büro:s3cret".encode()).decode() in head
    assert "s3cret" not in head
    assert head.startswith("POST /secret-token/f%C3%BCr%20alle HTTP")


@pytest.mark.parametrize(
    "to",
    ["", "  ", "slack://x/s3cret", "FTP://u:s3cret@h/x", "hooks.slack.com/services/s3cret", "acme.webhook.office.com:443/s3cret", "http://",
     "https:///s3cret", "http://[::1/s3cret", "http://h:99999/s3cret", "http://u:s3cret@h:port/", "http://h/s3 cret", "http://h:0/s3cret",
     "https://h/s3cret\n"[:-1] + "\x1b[0m"],
)  # fmt: skip
def test_what_is_neither_a_url_nor_a_command_is_refused_unsaid_and_never_run(
    to: str, chatops_inprocess: Callable[..., Result]
) -> None:
    told = chatops_inprocess("monitor", "--once", "--notify", to, db="postgresql://u@127.0.0.1:1/d", check=2)
    assert "--notify" in told.stderr
    assert "cret" not in told.stdout + told.stderr


def test_what_is_meant_for_a_shell_or_a_server_stays_what_it_is() -> None:
    for to in ("./tell-the-team", "curl -d @- https://h.example/x", "cat >> told", "a.b/c d", "logger -t x", "exit 3"):
        assert notify.place(to) == to
        assert not notify.is_url(to)
    for to, url in (
        (" https://h.example/a?b=c#d ", "https://h.example/a?b=c#d"),
        ("HTTPS://H/x", "https://H/x"),
        ("http://[::1]:8/", "http://[::1]:8/"),
    ):
        assert notify.place(to) == url
        assert notify.is_url(url)
