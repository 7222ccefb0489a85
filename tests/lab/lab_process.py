"""Processes of the lab: started in a session of their own, found again by pid files, ended whole.

A server runs in the foreground of its own session with its output in a log file. Its pid file
holds the pid and the process's start time, so that a pid used again by another process is never
signalled. Ending a server ends every process below it, also those that made a session of their own.
"""

import os
import shutil
import socket
import subprocess
import time
from signal import SIGCONT, SIGKILL, SIGTERM

SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POLL_S = 0.02
ORPHAN_GRACE_S = 0.3    # for children to follow their parent before they are killed
LOG_LINES = 15


class LabError(Exception):
    """What went wrong and what to do, for a human."""


def program(name):
    """The path of a program; servers often stand outside a user's PATH."""
    found = shutil.which(name, path=SBIN + ":" + os.environ.get("PATH", ""))
    if not found:
        raise LabError(f'the program "{name}" is missing: run tests/lab/install run lab')
    return found


def require_root():
    if os.geteuid() != 0:
        raise LabError("the real servers run under their own users, which only root can arrange: "
                       "run this as root (for example with sudo)")


def can_unshare_mounts():
    """Containers often forbid a private mount namespace."""
    return subprocess.run([program("unshare"), "-m", "mount", "--bind", "/tmp", "/tmp"],
                          capture_output=True).returncode == 0


def tail(path, lines=LOG_LINES):
    try:
        with open(path, "rb") as f:
            text = f.read()[-20000:].decode("utf-8", "replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(empty)"


def port_open(port, host="127.0.0.1"):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex((host, port)) == 0


def _boot_id():
    with open("/proc/sys/kernel/random/boot_id") as f:
        return f.read().strip()


def _stat(pid):
    """(ppid, session, state, start time), or None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            text = f.read().decode("latin-1")
    except OSError:
        return None
    # The command name stands in parentheses and may hold anything, also parentheses.
    fields = text[text.rindex(")") + 2:].split()
    return int(fields[1]), int(fields[3]), fields[0], fields[19]


def _living():
    """{pid: (ppid, session, start time)} of every process that is not a zombie."""
    living = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(entry)
            if stat and stat[2] not in "ZX":
                living[int(entry)] = (stat[0], stat[1], stat[3])
    return living


def _family(pid, living):
    """The process, its session and everything below them: {pid: start time}."""
    family = {p for p, (_, session, _) in living.items() if p == pid or session == pid}
    grown = True
    while grown:
        below = {p for p, (ppid, _, _) in living.items() if ppid in family and p not in family}
        family |= below
        grown = bool(below)
    return {p: living[p][2] for p in family}


class Process:
    """One server's leading process, known by its pid file."""

    def __init__(self, name, pid_file, log_file):
        self.name = name
        self.pid_file = pid_file
        self.log_file = log_file
        self._popen = None

    def _recorded(self):
        """(pid, start time) of the pid file, None where it is absent or of an earlier boot."""
        try:
            with open(self.pid_file) as f:
                pid, started, boot = f.read().split()
            return (int(pid), started) if boot == _boot_id() else None
        except (OSError, ValueError):
            return None

    @property
    def pid(self):
        """The pid while the process lives, else None."""
        if self._popen is not None:
            self._popen.poll()
        recorded = self._recorded()
        if recorded is None:
            return None
        stat = _stat(recorded[0])
        alive = stat is not None and stat[2] not in "ZX" and stat[3] == recorded[1]
        return recorded[0] if alive else None

    def spawn(self, argv, env=None, cwd="/"):
        environment = {"PATH": SBIN, "LANG": "C.UTF-8", "HOME": "/nonexistent", **(env or {})}
        with open(self.log_file, "ab") as log:
            self._popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=subprocess.STDOUT, cwd=cwd, env=environment,
                                           start_new_session=True, umask=0o022)
        stat = _stat(self._popen.pid)
        with open(self.pid_file, "w") as f:
            f.write(f"{self._popen.pid} {stat[3] if stat else 0} {_boot_id()}\n")

    def fail(self, why, log=None):
        logs = [self.log_file] + ([log] if log and log != self.log_file else [])
        return LabError(f"{self.name} {why}" + "".join(
            f"\n--- end of {path} ---\n{tail(path)}\n---" for path in logs))

    def wait_ready(self, ready, timeout_s, log=None):
        """Polls until ready() is true; its exceptions count as "not yet"."""
        deadline = time.monotonic() + timeout_s
        last = ""
        while time.monotonic() < deadline:
            if self.pid is None:
                raise self.fail("ended while starting", log)
            try:
                if ready():
                    return
            except (OSError, ValueError, LabError, subprocess.SubprocessError) as e:
                last = f" ({e})"
            time.sleep(POLL_S)
        raise self.fail(f"was not ready within {timeout_s} s{last}", log)

    def signal(self, number):
        pid = self.pid
        if pid is None:
            raise LabError(f"{self.name} is not running")
        os.kill(pid, number)

    def end(self, first_signal=SIGTERM, grace_s=5.0):
        """Ends the process and all of its family: asked first, killed after the grace."""
        pid = self.pid
        recorded = self._recorded()
        if pid is not None:
            family = _family(pid, _living())
            self._send([pid], SIGCONT)
            self._send([pid], first_signal)
            self._wait_gone({pid: family.get(pid)}, grace_s)
            self._wait_gone(family, ORPHAN_GRACE_S)
            living = _living()
            family.update(_family(pid, living))
            left = [p for p, started in family.items() if p in living and living[p][2] == started]
            self._send(left, SIGKILL)
            if not self._wait_gone(family, 5.0):
                raise LabError(f"{self.name}: processes survive SIGKILL: {left}")
        elif recorded is not None:
            self._send(self._orphans(*recorded), SIGKILL)
        if self._popen is not None:
            self._popen.poll()
        if os.path.exists(self.pid_file):
            os.unlink(self.pid_file)

    def kill(self):
        """SIGKILL without a word, as a crash would look."""
        self.end(SIGKILL, 2.0)

    @staticmethod
    def _orphans(pid, started):
        """What is left of the session whose leader is gone. The number of a session is given to no
        new process while a member lives, so a process of that pid means another session."""
        living = _living()
        if pid in living:
            return []
        return [p for p, (_, session, since) in living.items()
                if session == pid and int(since) >= int(started)]

    @staticmethod
    def _send(pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def _wait_gone(self, family, timeout_s):
        deadline = time.monotonic() + timeout_s
        while True:
            if self._popen is not None:
                self._popen.poll()
            living = _living()
            if not any(p in living and living[p][2] == s for p, s in family.items()):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
