"""Standard output and error where invocations overlap: each line is marked with its request, which is a context variable."""
import contextvars
import io
import os
import threading

# An unfinished line is cut here, bytes.
_LINE = 64 * 1024

_request = contextvars.ContextVar("request", default="")


class Tags:
    """Marks lines with the request of the thread, or of the task, that writes them; a line of nobody stays as it is."""

    def __init__(self, marker):
        self.marker = b"\0" + marker.encode()
        self.lock = threading.Lock()
        self.dirty = set()
        self.streams = (Stream(self, 1, "<stdout>"), Stream(self, 2, "<stderr>"))

    def begin(self, request):
        _request.set(request)

    def request(self):
        return _request.get()

    def emit(self, request, lines):
        """Writes whole lines, each by itself in one piece."""
        if request:
            self.dirty.add(request)
            tag = self.marker + b":" + request.encode() + b"\0"
            lines = [tag + line for line in lines]
        self.write(b"".join(line + b"\n" for line in lines))

    def write(self, data):
        with self.lock:
            while data:
                data = data[os.write(1, data) :]

    def flush(self):
        for stream in self.streams:
            stream.buffer.finish(_request.get())

    def end(self, request, wanted):
        """Completes the last line of a request; marks its end when asked to or when something was printed. Returns whether it did."""
        for stream in self.streams:
            stream.buffer.finish(request)
        if not (wanted or request in self.dirty):
            return False
        self.dirty.discard(request)
        try:
            self.write(self.marker + b"=" + request.encode() + b"\n")
        except OSError:
            return False
        return True


class _Bytes(io.BufferedIOBase):
    def __init__(self, tags, number):
        self.tags = tags
        self.number = number
        self.held = {}

    def write(self, data):
        request = _request.get()
        size = memoryview(data).nbytes
        lines = (self.held.pop(request, b"") + bytes(data)).split(b"\n")
        rest = lines.pop()
        while len(rest) > _LINE:
            lines.append(rest[:_LINE])
            rest = rest[_LINE:]
        if rest:
            self.held[request] = rest
        if lines:
            self.tags.emit(request, lines)
        return size

    def finish(self, request):
        rest = self.held.pop(request, b"")
        if rest:
            try:
                self.tags.emit(request, [rest])
            except OSError:
                pass

    def flush(self):
        pass

    def writable(self):
        return True

    def fileno(self):
        return self.number


class Stream(io.TextIOBase):
    """What print() writes to."""

    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None

    def __init__(self, tags, number, name):
        self.buffer = _Bytes(tags, number)
        self.name = name

    def write(self, text):
        self.buffer.write(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self):
        pass

    def writable(self):
        return True

    def fileno(self):
        return self.buffer.number
