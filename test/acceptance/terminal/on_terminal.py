"""Runs a command on a terminal of a given width, does what it is told when something is shown, and prints what was shown, as JSON.

Standard input is {"words": [...], "columns": 80, "steps": [{"after": regex, "do": "interrupt" | "resize" | "touch", "columns": 60, "file": path}]}.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time


def resize(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def main():
    asked = json.load(sys.stdin)
    pid, terminal = pty.fork()
    if pid == 0:
        # The size is there before the command looks.
        resize(0, asked["columns"])
        os.execvp(asked["words"][0], asked["words"])
    shown, seen, steps = b"", 0, list(asked["steps"])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        readable, _, _ = select.select([terminal], [], [], 0.2)
        if readable:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
        match = re.search(steps[0]["after"].encode(), shown[seen:]) if steps else None
        if match is None:
            continue
        seen += match.end()
        step = steps.pop(0)
        if step["do"] == "interrupt":
            # As the key does it: the terminal sends the signal.
            os.write(terminal, b"\x03")
        elif step["do"] == "resize":
            resize(terminal, step["columns"])
            os.kill(pid, signal.SIGWINCH)
        elif step["do"] == "touch":
            open(step["file"], "w").close()
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    print(json.dumps({"code": os.waitstatus_to_exitcode(status), "shown": shown.decode("utf-8", "replace"), "left": len(steps)}))


main()
