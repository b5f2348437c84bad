"""The fork server of one function revision: preloads packages, forks an instance per order, watches over all its descendants."""
import gc
import os
import select
import signal
import site
import socket
import sys
import traceback

from . import instance, preload, system, wire

_CONTROL = 3
# How long nothing may happen before the next module is loaded, milliseconds.
_QUIET_MS = 3


def main(bare):
    sock = socket.socket(fileno=_CONTROL)
    sock.setblocking(True)
    control = wire.Connection(sock)
    try:
        _, config, _ = control.receive()
        system.die_with_parent()
        stock = prepare(control, config, bare)
        if stock is not None:
            # From here on the end of the control connection says that the server is gone, and leaves time to clean up.
            system.die_with_parent(False)
            Zygote(control, config, stock).run()
    except (wire.Closed, OSError):
        pass
    os._exit(0)


def prepare(control, config, bare):
    """sys.path and the imports of the handler; the Stock of modules, or None when the server has to start another one."""
    os.umask(0o077)
    system.no_new_privileges()
    system.adopt_orphans()
    try:
        os.chdir(config["code"])
    except OSError as error:
        control.send(wire.SKIP, {"fatal": "The code folder cannot be entered by user id %d: %s." % (os.getuid(), error.strerror)})
        return None
    roots, sys.path[:] = preload.module_path(config["code"], config["layers"], config["packages"], config["paths"])
    sys.dont_write_bytecode = True
    site.sethelper()
    # The host's own packages stay out (-S), so that a function meets what the vendor's runtime has; exit() and quit() are the language's.
    site.setquit()
    gc.disable()
    stock = Stock(roots, bare)
    loaded = []
    if config["preload"]:
        try:
            loaded = preload.load_packages(config["file"], stock.own, config["skip"])
        except preload.Unfit as unfit:
            control.send(wire.SKIP, {"name": unfit.args[0], "reason": unfit.args[1][:500]})
            return None
    control.send(wire.READY, {"version": "%d.%d.%d" % sys.version_info[:3], "preloaded": loaded})
    return stock


class Stock:
    """The modules that children inherit."""

    def __init__(self, roots, bare):
        self.roots = roots
        self.bare = bare
        self.own = preload.own_names(roots)
        self.rest = [name for name in reversed(preload.STANDARD) if name.partition(".")[0] not in self.own]
        self.fresh = True

    def load_next(self):
        preload.load_standard(self.rest.pop())
        self.fresh = True

    def settle(self):
        """To be called before a fork."""
        if self.fresh:
            preload.unload_own(self.own, self.roots, self.bare)
            gc.freeze()
            self.fresh = False


class Zygote:
    def __init__(self, control, config, stock):
        self.pid = os.getpid()
        self.control = control
        self.config = config
        self.stock = stock
        self.instances = {}
        self.wake, self.waker = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(self.waker, False)

    def run(self):
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self.control.sock.fileno(), select.POLLIN)
        poll.register(self.wake, select.POLLIN)
        try:
            while True:
                ready = [fd for fd, _ in poll.poll(_QUIET_MS if self.stock.rest else None)]
                if not ready:
                    self.stock.load_next()
                if self.wake in ready:
                    self.drain_wake()
                    self.reap()
                if self.control.sock.fileno() in ready and not self.obey():
                    return
        finally:
            if os.getpid() == self.pid:
                self.stop()

    def obey(self):
        """Carries out all orders that have arrived; False when the last one is to stop."""
        while True:
            kind, order, _ = self.control.receive()
            if kind == wire.SHUTDOWN:
                return False
            if kind == wire.FORK:
                self.fork(order)
            if kind == wire.HALT:
                self.halt(order["id"])
            if not self.control.holds_frame():
                return True

    def drain_wake(self):
        try:
            while os.read(self.wake, 512):
                pass
        except BlockingIOError:
            pass

    def fork(self, order):
        self.stock.settle()
        try:
            pid = os.fork()
        except OSError as error:
            self.control.send(wire.EXITED, {"id": order["id"], "pid": 0, "status": 0, "kb": 0, "reason": "fork: %s" % error.strerror})
            return
        if pid == 0:
            try:
                instance.main(self.pid, self.config, order)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(70)
        self.instances[pid] = order["id"]
        self.control.send(wire.FORKED, {"id": order["id"], "pid": pid})

    def halt(self, name):
        for pid, known in self.instances.items():
            if known == name:
                system.kill(pid, group=True)
                system.kill(pid)

    def reap(self):
        """Reports dead instances, after everything that they left behind is gone."""
        while True:
            pid = self.next_dead()
            if not pid:
                return
            name = self.instances.get(pid)
            if name is not None:
                # Still unreaped, so the id cannot have passed to a stranger.
                system.kill(pid, group=True)
            _, status, usage = os.wait4(pid, 0)
            if name is not None:
                del self.instances[pid]
                if not self.sweep():
                    # They fork faster than they can be killed one by one: with this process the server ends all of the sandbox.
                    os._exit(71)
                self.control.send(wire.EXITED, {"id": name, "pid": pid, "status": status, "kb": system.peak_kilobytes(usage), "reason": ""})

    def next_dead(self):
        """A child that has ended and is not yet reaped, or 0."""
        if hasattr(os, "waitid"):
            try:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return 0
            return info.si_pid if info else 0
        return next((pid for pid in self.instances if system.is_zombie(pid)), 0)

    def sweep(self):
        """Kills and reaps the children that are no instances: orphans of dead instances, which were adopted. Whether none is left."""
        for _ in range(100):
            strangers = [pid for pid in system.children() if pid not in self.instances]
            if not strangers:
                return True
            for pid in strangers:
                system.kill(pid)
            for pid in strangers:
                try:
                    os.waitpid(pid, 0)
                except ChildProcessError:
                    continue
        return False

    def stop(self):
        for pid in list(self.instances):
            system.kill(pid, group=True)
            system.kill(pid)
        for pid in list(self.instances):
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue
        self.instances.clear()
        self.sweep()
