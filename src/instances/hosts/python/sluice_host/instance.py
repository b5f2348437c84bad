"""One instance: the child after the fork. Connects back, imports the handler, runs the initializer once, serves invocations."""
import gc
import importlib
import importlib.util
import json
import logging
import os
import random
import signal
import socket
import sys
import tempfile
import time
import types

from . import output, system, wire
from .context import context_class
from .errors import HandlerError, describe


def main(parent, config, order):
    """Never returns. `order` is the FORK frame's head."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.closerange(3, 4096)
    os.setsid()
    system.die_with_parent()
    system.adopt_orphans()
    if os.getppid() != parent:
        os._exit(1)
    _settle(order)
    frames = wire.Connection(_connect(config["socket"], "F", order))
    printed = _connect(config["socket"], "O", order)
    os.dup2(printed.fileno(), 1)
    os.dup2(printed.fileno(), 2)
    printed.close()
    output.open_streams(order["marker"], config["concurrency"] > 1)
    output.set_up_logging()
    sys.modules["__main__"] = types.ModuleType("__main__")
    gc.enable()
    Instance(config, order, frames).run()


def _settle(order):
    os.environ.update(order["env"])
    os.environ["HOME"] = os.environ["TMPDIR"] = order["tmp"]
    tempfile.tempdir = None
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed()


def _connect(path, kind, order):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(path)
    sock.sendall((kind + order["id"] + order["secret"]).encode())
    return sock


def load(code, handler, what):
    """The function that 'file.method' or 'dir/file.method' names. Raises HandlerError."""
    path, dot, method = handler.rpartition(".")
    if not dot or not path or not method:
        raise HandlerError("HandlerNotFound", "The %s '%s' is not of the form file.method" % (what, handler))
    module = _module(code, path.strip("/"))
    function = getattr(module, method, None)
    if not callable(function):
        raise HandlerError("HandlerNotFound", "The %s '%s' was not found: module '%s' has no function '%s'" % (what, handler, path, method))
    return function


def _module(code, path):
    name = path.replace("/", ".")
    file = os.path.join(code, path + ".py")
    if not os.path.isfile(file):
        file = os.path.join(code, path.replace(".", "/") + ".py")
    module = sys.modules.get(name)
    if module is not None and getattr(module, "__file__", None) == file:
        return module
    try:
        if not os.path.isfile(file):
            raise ModuleNotFoundError("No module named '%s'" % name)
        if "." in name:
            importlib.import_module(name.rpartition(".")[0])
        # By its file, because a module of the standard library may have the same name.
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except Exception as error:
        sys.modules.pop(name, None)
        raise HandlerError("ImportModuleError", "Unable to import module '%s': %s: %s" % (path, type(error).__name__, error)) from error


class Instance:
    def __init__(self, config, order, frames):
        self.pid = os.getpid()
        self.code = config["code"]
        self.config = config
        self.about = config["about"]
        self.frames = frames
        self.context = context_class(config["runtime"])
        self.marker = b"\0" + order["marker"].encode() + b"\n"
        self.order = order
        self.handler = None

    def run(self):
        try:
            self.start()
            invoke = self.invoke
            if self.config["concurrency"] > 1:
                from .threads import Threads

                invoke = Threads(self.invoke).give
            while True:
                kind, meta, event = self.frames.receive()
                if kind == wire.INVOKE:
                    invoke(meta, event)
                elif kind == wire.PRE_STOP:
                    self.pre_stop(meta)
        except (wire.Closed, OSError):
            os._exit(0)

    def start(self):
        """Imports the handler and runs the initializer; tells the server how that went."""
        output.begin(self.order["request"])
        phase = "import"
        begun = time.monotonic()
        try:
            self.handler = load(self.code, self.config["handler"], "handler")
            imported = time.monotonic()
            if self.config["initializer"]:
                phase = "initializer"
                initializer = load(self.code, self.config["initializer"], "initializer")
                self.frames.send(wire.INITIALISING, {})
                initializer(self.own_context(self.order["request"]))
                self.leave_if_forked()
        except Exception as error:
            return self.fail(error, {"phase": phase}, True)
        except BaseException as error:
            self.leave(error)
        times = {"import": imported - begun, "init": time.monotonic() - imported}
        marked = output.end(self.marker, False) if self.config["concurrency"] > 1 else output.flush()
        self.frames.send(wire.SERVING, dict(times, marked=bool(marked)))

    def own_context(self, request):
        """For the hooks: the credentials are those of the instance."""
        return self.context(self.about, dict(self.order["credentials"], id=request))

    def pre_stop(self, meta):
        """Runs the preStop hook; the server ends this process afterwards, however that went."""
        output.begin(meta["id"])
        head = {"ok": True}
        try:
            load(self.code, self.config["pre_stop"], "preStop hook")(self.own_context(meta["id"]))
            self.leave_if_forked()
        except Exception as error:
            about, log = describe(error, self.code)
            logging.getLogger().error("%s", log)
            head = {"ok": False, "message": about["errorMessage"]}
        except BaseException as error:
            self.leave(error)
        head["marked"] = output.end(self.marker, False)
        self.frames.send(wire.STOPPED, head)

    def invoke(self, meta, event):
        output.begin(meta["id"])
        try:
            result = self.handler(event, self.context(self.about, meta))
            self.leave_if_forked()
            body = encode(result)
        except Exception as error:
            return self.fail(error, {"id": meta["id"]}, meta.get("tail"))
        except BaseException as error:
            self.leave(error)
        marked = output.end(self.marker, meta.get("tail"))
        self.frames.send(wire.RESULT, {"id": meta["id"], "kb": system.peak_kilobytes(), "marked": marked}, body)

    def fail(self, error, head, tail):
        self.leave_if_forked()
        about, log = describe(error, self.code)
        logging.getLogger().error("%s", log)
        head["kb"] = system.peak_kilobytes()
        head["memory"] = isinstance(error, MemoryError)
        head["marked"] = output.end(self.marker, tail)
        self.frames.send(wire.ERROR, head, json.dumps(about).encode())

    def leave_if_forked(self):
        # A handler that forked and let the child return must not answer twice.
        if os.getpid() != self.pid:
            os._exit(0)

    def leave(self, error):
        """sys.exit and the like end the process, as they would anywhere."""
        output.flush()
        code = error.code if isinstance(error, SystemExit) else 1
        os._exit(code & 0xFF if isinstance(code, int) else 0 if code is None else 1)


def encode(result):
    """The result as bytes: str and bytes as they are, anything else as JSON. Raises TypeError and ValueError."""
    if isinstance(result, str):
        body = result.encode()
    elif isinstance(result, (bytes, bytearray, memoryview)):
        body = bytes(result)
    else:
        body = json.dumps(result).encode()
    if len(body) > wire.MAX_BODY:
        raise ResultTooLarge(
            "The function returned %d bytes; the limit is %d. Send large answers with WriteGetObjectResponse." % (len(body), wire.MAX_BODY)
        )
    return body


class ResultTooLarge(Exception):
    pass
