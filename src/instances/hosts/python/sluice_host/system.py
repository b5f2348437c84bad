"""What the host asks of the operating system beyond the standard library; harmless where the system has no such thing."""
import ctypes
import os
import resource
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def _prctl(option, value):
    if _libc is not None:
        _libc.prctl(option, value, 0, 0, 0)


def die_with_parent(wanted=True):
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL) if wanted else 0)


def adopt_orphans():
    """Descendants that lose their parent become children of this process, also after a setsid of their own."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges():
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def count(folder):
    """Entries of a /proc folder, or 0 where there is none."""
    try:
        return len(os.listdir(folder))
    except OSError:
        return 0


def children():
    """Process ids of the direct children."""
    path = "/proc/self/task/%d/children" % os.getpid()
    try:
        with open(path, "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return _children_by_scan()


def _children_by_scan():
    mine, found = os.getpid(), []
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return found
    for name in names:
        try:
            with open("/proc/%s/stat" % name, "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == mine:
            found.append(int(name))
    return found


def is_zombie(pid):
    """Whether a child has ended, on systems without waitid: asked of ps, which does not reap it."""
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, check=False).stdout
    return state.strip().startswith(b"Z")


def kill(pid, group=False):
    try:
        (os.killpg if group else os.kill)(pid, signal.SIGKILL)
    except OSError:
        pass


def peak_kilobytes(usage=None):
    """Largest resident size so far, in KiB."""
    peak = (usage or resource.getrusage(resource.RUSAGE_SELF)).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
