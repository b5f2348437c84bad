"""Errors of user code as the vendor's error JSON: errorMessage, errorType, stackTrace without this host's own frames."""
import os
import traceback

_HERE = os.path.dirname(os.path.abspath(__file__))
_FROZEN = ("<frozen importlib", "<frozen runpy")


class HandlerError(Exception):
    """The handler cannot be found; `kind` is the errorType."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def _frames(error, code):
    kept = []
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith(_HERE) or frame.filename.startswith(_FROZEN):
            continue
        kept.append('File "%s", line %s, in %s' % (_shown(frame.filename, code), frame.lineno, frame.name))
    return kept


def _shown(path, code):
    return "/code" + path[len(code) :] if path.startswith(code + "/") else path


def _text(error):
    try:
        return str(error)
    except Exception:
        return "the error's own text could not be made"


def describe(error, code):
    """(error as a JSON-ready dict, text for the log)"""
    kind = error.kind if isinstance(error, HandlerError) else type(error).__name__
    cause = error.__cause__ if isinstance(error, HandlerError) and error.__cause__ is not None else error
    trace = _frames(cause, code)
    if isinstance(cause, SyntaxError) and cause.filename:
        trace.append('File "%s", line %s' % (_shown(cause.filename, code), cause.lineno))
    message = _text(error)
    log = "\n".join(["Traceback (most recent call last):"] + ["  " + line for line in trace] + ["%s: %s" % (kind, message)])
    return {"errorMessage": message, "errorType": kind, "stackTrace": trace}, log
