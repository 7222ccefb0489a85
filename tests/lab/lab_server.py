"""What every server of the lab has: a directory, ports, a log, a process, a way to tell it is ready."""

import os
import shutil
from signal import SIGTERM

from lab_process import Process, program


class Server:
    """Base of the servers. A subclass names itself and says how it is set up, run and probed."""

    name = ""
    needs = ()                  # servers that must be ready before this one starts
    port_names = ()             # ports of 127.0.0.1 it takes
    stop_signal = SIGTERM
    grace_s = 5.0               # from the stop signal to SIGKILL
    ready_s = 20.0

    def __init__(self, lab):
        self.lab = lab
        self.directory = f"{lab.directory}/{self.name}"
        self.process = Process(self.name, f"{lab.directory}/run/{self.name}.pid",
                               f"{lab.directory}/log/{self.name}.log")

    def prepare(self):
        """Writes configuration and data; called before each start, so it must bear repetition."""

    def argv(self):
        raise NotImplementedError

    def env(self):
        return {}

    def ready(self):
        raise NotImplementedError

    def settle(self):
        """What is done once, when the server is ready."""

    @property
    def log(self):
        """The file to read when something is wrong."""
        return self.process.log_file

    @property
    def running(self):
        return self.process.pid is not None

    def port(self, name):
        return self.lab.port(name)

    def address(self, name):
        return f"127.0.0.1:{self.port(name)}"

    @staticmethod
    def as_user(user, group=None):
        return [program("setpriv"), "--reuid", user, "--regid", group or user, "--init-groups"]

    def spawn(self):
        self.process.end()      # what an earlier, broken run left
        self.prepare()
        self.process.spawn(self.argv(), self.env())

    def wait_ready(self):
        self.process.wait_ready(self.ready, self.ready_s, self.log)
        self.settle()

    def stop(self):
        self.process.end(self.stop_signal, self.grace_s)

    def kill(self):
        """As a crash: SIGKILL to all of it."""
        self.process.kill()

    def signal(self, number):
        """To the leading process: SIGSTOP and SIGCONT for a freeze, SIGHUP for a reload."""
        self.process.signal(number)

    def forget(self):
        """Removes the server's data."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if os.path.exists(self.process.log_file):
            os.unlink(self.process.log_file)
