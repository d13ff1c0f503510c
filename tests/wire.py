"""A proxy between client and server that counts round trips, adds latency, and cuts the line at a chosen moment."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.servers import Database, pause

_TLS, _GSS, _CANCEL = 80877103, 80877104, 80877102
_ENDS_A_REQUEST = b"QSF"
"""Client messages after which the server answers with ReadyForQuery: Query, Sync, FunctionCall."""


@dataclass
class Wire:
    """What passed through a proxy.

    `round_trips` counts requests that were sent while none was under way, after the connection was up; a pipelined
    burst is one. `statements` are the texts of Query and Parse messages in order. `latency` (seconds) is added before
    each client message. A client message that contains `cut_before` is not passed on and the line is cut; one that
    contains `cut_after` is passed on, the server does its work, and the line is cut before its answer arrives. Cutting
    happens once. Connections whose startup packet holds `uncounted`, such as a part of their application_name, count for
    nothing.
    """

    port: int
    database: str
    latency: float = 0.0
    cut_before: str | None = None
    cut_after: str | None = None
    uncounted: str | None = None
    round_trips: int = 0
    connections: int = 0
    cancels: int = 0
    statements: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _lines: list[_Line] = field(default_factory=list, repr=False)

    @property
    def url(self) -> str:
        """The database's URL through the proxy, TLS and GSS not even asked for, so that every packet counts."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{self.database}?sslmode=disable&gssencmode=disable"

    def reset(self) -> None:
        """Starts counting afresh."""
        with self._lock:
            self.round_trips = self.connections = self.cancels = 0
            self.statements.clear()

    def cut(self) -> None:
        """Cuts every line now."""
        for line in list(self._lines):
            line.close()


@contextlib.contextmanager
def proxy(database: Database, latency: float = 0.0, uncounted: str | None = None) -> Iterator[Wire]:
    """A proxy on 127.0.0.1 before the server of a database."""
    listener = socket.create_server(("127.0.0.1", 0))
    wire = Wire(listener.getsockname()[1], database.name, latency, uncounted=uncounted)
    server = database.connect()
    target = (server.info.host, server.info.port)
    server.close()

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            line = _Line(wire, client, target)
            wire._lines.append(line)
            line.start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        wire.cut()
        thread.join(timeout=5)


class _Line:
    """One client connection and its server connection."""

    def __init__(self, wire: Wire, client: socket.socket, target: tuple[str, int]) -> None:
        self.wire = wire
        self.client = client
        host, port = target
        if host.startswith("/"):
            self.server = socket.socket(socket.AF_UNIX)
            self.server.connect(f"{host}/.s.PGSQL.{port}")
        else:
            self.server = socket.create_connection(target)
            self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.under_way = 0
        self.started = False
        self.counted = True
        self.mute = False

    def start(self) -> None:
        for pump in (self.upstream, self.downstream):
            threading.Thread(target=pump, daemon=True).start()

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def upstream(self) -> None:
        """Client to server, message by message."""
        buffer = b""
        with contextlib.suppress(OSError):
            while chunk := self.client.recv(1 << 16):
                buffer += chunk
                passed = b""
                while (size := self._size(buffer)) is not None:
                    message, buffer = buffer[:size], buffer[size:]
                    if self._matches(message, self.wire.cut_before):
                        self.wire.cut_before = None
                        return self.close()
                    if self._matches(message, self.wire.cut_after):
                        self.wire.cut_after = None
                        self.mute = True
                    self._note(message)
                    passed += message
                if passed:
                    if self.wire.latency:
                        pause(self.wire.latency)
                    self.server.sendall(passed)
        return self.close()

    def downstream(self) -> None:
        """Server to client, watching for the end of each answer."""
        buffer = b""
        with contextlib.suppress(OSError):
            while chunk := self.server.recv(1 << 16):
                buffer += chunk
                ready = False
                while len(buffer) >= 5:
                    size = 1 + struct.unpack_from("!I", buffer, 1)[0]
                    if len(buffer) < size:
                        break
                    if buffer[:1] == b"Z":
                        ready = True
                        with self.wire._lock:
                            self.under_way = max(0, self.under_way - 1)
                    buffer = buffer[size:]
                if self.mute:
                    if ready:
                        return self.close()
                    continue
                self.client.sendall(chunk)
        return self.close()

    def _size(self, buffer: bytes) -> int | None:
        head = 1 if self.started else 0
        if len(buffer) < head + 4:
            return None
        size = head + int(struct.unpack_from("!I", buffer, head)[0])
        return size if len(buffer) >= size else None

    def _matches(self, message: bytes, text: str | None) -> bool:
        return text is not None and self.started and text.encode() in message

    def _note(self, message: bytes) -> None:
        with self.wire._lock:
            if not self.started:
                code = struct.unpack_from("!I", message, 4)[0]
                if code == _CANCEL:
                    self.wire.cancels += 1
                elif code not in (_TLS, _GSS):
                    self.started = True
                    self.counted = self.wire.uncounted is None or self.wire.uncounted.encode() not in message
                    self.wire.connections += self.counted
                return
            if not self.counted:
                return
            kind = message[:1]
            if kind == b"Q":
                self.wire.statements.append(message[5:-1].decode())
            elif kind == b"P":
                self.wire.statements.append(message[5:].split(b"\0")[1].decode())
            if kind in _ENDS_A_REQUEST:
                if self.under_way == 0:
                    self.wire.round_trips += 1
                self.under_way += 1
