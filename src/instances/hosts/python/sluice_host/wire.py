"""Frames between the server and this host: u32 length, u8 type, u32 length of the JSON head, head, raw bytes (big endian)."""
import _thread
import json
import select
import struct

# The control connection of the fork server.
CONFIG = 1
READY = 2
FORK = 3
FORKED = 4
EXITED = 5
SKIP = 6
SHUTDOWN = 7
HALT = 8

# The connection of one instance.
INITIALISING = 16
SERVING = 17
INVOKE = 18
RESULT = 19
ERROR = 20
PRE_STOP = 21
STOPPED = 22

# Largest body of a frame, either way (Function Compute limits, synchronous payload).
MAX_BODY = 32 * 1024 * 1024

_head = struct.Struct(">IBI")
_dumps = json.JSONEncoder(separators=(",", ":")).encode
_loads = json.loads
_CHUNK = 256 * 1024


class Closed(Exception):
    """The server closed the connection."""


class Connection:
    """One blocking socket of frames; a frame is written in one piece, whichever thread sends it."""

    def __init__(self, sock):
        self.sock = sock
        # Waited for by poll: a thread that waits in recv is woken as well whenever the server has read what was sent.
        self._incoming = select.poll()
        self._incoming.register(sock, select.POLLIN)
        self._turn = _thread.allocate_lock()
        self._held = bytearray()

    def send(self, kind, meta, body=b""):
        head = _dumps(meta).encode()
        start = _head.pack(5 + len(head) + len(body), kind, len(head))
        with self._turn:
            if len(body) < _CHUNK:
                self.sock.sendall(start + head + body)
            else:
                self.sock.sendall(start + head)
                self.sock.sendall(body)

    def receive(self):
        """The next frame as (type, head, body); raises Closed at the end of the stream."""
        held = self._held
        while len(held) < 9:
            self._fill()
        length, kind, meta = _head.unpack_from(held)
        total = 4 + length
        while len(held) < total:
            self._fill()
        with memoryview(held) as view:
            head = _loads(bytes(view[9 : 9 + meta]))
            body = bytes(view[9 + meta : total])
        del held[:total]
        return kind, head, body

    def holds_frame(self):
        """Whether a whole frame was read ahead, so that waiting for the socket would be in vain."""
        return len(self._held) >= 9 and len(self._held) >= 4 + _head.unpack_from(self._held)[0]

    def _fill(self):
        self._incoming.poll()
        chunk = self.sock.recv(_CHUNK)
        if not chunk:
            raise Closed()
        self._held += chunk
