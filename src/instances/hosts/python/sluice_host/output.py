"""Standard output and error of an instance: one socket behind file descriptors 1 and 2, and the logging that writes there."""
import io
import logging
import os
import sys
import time

# `tags` is set where invocations overlap.
_state = {"dirty": False, "request": "", "tags": None}


class _Descriptor(io.FileIO):
    """Remembers that something was written, so that a quiet invocation costs no end marker."""

    def write(self, data):
        _state["dirty"] = True
        return super().write(data)


class _Stream(io.TextIOWrapper):
    @property
    def name(self):
        return "<stdout>" if self.fileno() == 1 else "<stderr>"


def open_streams(marker, concurrent):
    """Fresh sys.stdout and sys.stderr over descriptors 1 and 2."""
    if concurrent:
        from .tagged import Tags

        tags = _state["tags"] = Tags(marker)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = tags.streams
        return
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw = _Descriptor(number, "wb", closefd=False)
        stream = _Stream(io.BufferedWriter(raw, 8192), encoding="utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def begin(request):
    """From here on what this thread prints belongs to `request`."""
    if _state["tags"]:
        _state["tags"].begin(request)
        return
    _state["dirty"] = False
    _state["request"] = request


def request():
    return _state["tags"].request() if _state["tags"] else _state["request"]


def flush():
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
    if _state["tags"]:
        _state["tags"].flush()


def end(marker, wanted):
    """Flushes; writes the end marker when asked to or when something was printed. Returns whether it did."""
    if _state["tags"]:
        return _state["tags"].end(request(), wanted)
    flush()
    if not (wanted or _state["dirty"]):
        return False
    try:
        os.write(1, marker)
    except OSError:
        return False
    return True


class _Request(logging.Filter):
    def filter(self, record):
        record.fc_request_id = request()
        return True


class _Handler(logging.StreamHandler):
    """Writes to whatever sys.stdout is now."""

    def __init__(self, formatter):
        super().__init__(sys.stdout)
        self.setFormatter(formatter)
        self.addFilter(_Request())

    @property
    def stream(self):
        return sys.stdout

    @stream.setter
    def stream(self, value):
        pass


class _Utc(logging.Formatter):
    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


def set_up_logging():
    """The root logger as Function Compute presets it: UTC time, request id, level, message."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(_Handler(_Utc("%(asctime)s %(fc_request_id)s [%(levelname)s] %(message)s")))


def context_logger():
    """The logger of context.getLogger(): local time to the second."""
    logger = logging.getLogger("fc")
    if not logger.handlers:
        logger.propagate = False
        logger.setLevel(logging.INFO)
        logger.addHandler(_Handler(logging.Formatter("%(asctime)s %(fc_request_id)s [%(levelname)s] %(message)s", "%Y-%m-%d %H:%M:%S")))
    return logger
