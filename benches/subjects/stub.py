"""A server in a process of its own that takes what is sent to it and counts the events.

It writes its port, and answers each line on its standard input with the number of events that it
has taken. An event is counted by what stands in each event once, given as the first argument: in
the request's head or its body, which may be gzipped. Only the standard library; see `serving`.
"""

from __future__ import annotations

import gzip
import socket
import sys
import threading


class Counter:
    """Counts the events of all connections."""

    def __init__(self, mark: bytes) -> None:
        self.events = 0
        self._mark = mark
        self._lock = threading.Lock()

    def take(self, connection: socket.socket) -> None:
        """Answer the requests of a connection until its end."""
        received = b""
        while True:
            head, end, rest = received.partition(b"\r\n\r\n")
            if not end:
                more = connection.recv(1 << 20)
                if not more:
                    return
                received += more
                continue
            length, is_compressed = 0, False
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                elif name.lower() == b"content-encoding":
                    is_compressed = value.strip() == b"gzip"
            body = bytearray(rest)
            while len(body) < length:
                more = connection.recv(1 << 20)
                if not more:
                    return
                body += more
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
            )
            received = bytes(body[length:])
            content = gzip.decompress(body[:length]) if is_compressed else body[:length]
            with self._lock:
                self.events += head.count(self._mark) + content.count(self._mark)


def run() -> None:
    """Serve until the standard input ends."""
    counter = Counter(sys.argv[1].encode())
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=counter.take, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    for _ in sys.stdin:
        print(counter.events, flush=True)


if __name__ == "__main__":
    run()
