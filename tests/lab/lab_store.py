"""The stores of the lab: Redis for the gateway, PostgreSQL and memcached for SOGo."""

import glob
import os
import signal
import socket
import subprocess

from lab_process import LabError, port_open, program
from lab_server import Server

UNIX_PATH_MAX = 107     # sun_path less its NUL


class Redis(Server):
    """On a unix socket that every user may open; on TCP too where the lab asks for it.

    Data is kept in an append-only file: a Redis that was killed comes back with its data.
    """

    name = "redis"
    port_names = ("redis",)

    @property
    def socket(self):
        return f"{self.directory}/redis.sock"

    def prepare(self):
        self.lab.mkdir(self.directory)
        if len(self.socket) > UNIX_PATH_MAX:
            raise LabError(f"the path of a unix socket may have {UNIX_PATH_MAX} bytes, "
                           f"{self.socket} has {len(self.socket)}: choose a shorter directory")
        lines = ["daemonize no", f"dir {self.directory}", "bind 127.0.0.1",
                 f"port {self.port('redis') if self.lab.redis_tcp else 0}",
                 f"unixsocket {self.socket}", "unixsocketperm 777",
                 "save \"\"", "appendonly yes", "appendfsync no",
                 "enable-debug-command local",
                 f"pidfile {self.directory}/redis.pid"]
        if self.lab.redis_users:
            lines.append(f"include {os.path.abspath(self.lab.redis_users)}")
        self.lab.write(f"{self.directory}/redis.conf", "\n".join(lines) + "\n")

    def argv(self):
        return [program("redis-server"), f"{self.directory}/redis.conf"]

    def ready(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(1)
            s.connect(self.socket)
            s.sendall(b"PING\r\n")
            return s.recv(64).startswith((b"+PONG", b"-NOAUTH", b"-NOPERM"))

    def cli(self, *arguments, user=None, password=None):
        """The output of redis-cli, one command."""
        env = {**os.environ, "REDISCLI_AUTH": password or ""} if password else None
        login = ["--user", user] if user else []
        done = subprocess.run([program("redis-cli"), "-s", self.socket, *login, *arguments],
                              capture_output=True, text=True, env=env, timeout=30)
        if done.returncode != 0:
            raise LabError(f"redis-cli {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout


class Postgresql(Server):
    """A cluster of its own for SOGo; nothing is flushed to the disk."""

    name = "postgresql"
    port_names = ("postgresql",)
    stop_signal = signal.SIGINT         # "fast": roll back and leave
    USER = "sogo"

    @property
    def data(self):
        return f"{self.directory}/data"

    @staticmethod
    def binary(name):
        found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
        return found[-1] if found else program(name)

    def prepare(self):
        self.lab.mkdir(self.directory, owner="postgres", mode=0o700)
        if os.path.exists(f"{self.data}/PG_VERSION"):
            return
        done = subprocess.run(
            [*self.as_user("postgres"), self.binary("initdb"), "-D", self.data, "-U", self.USER,
             "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"],
            capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise LabError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def argv(self):
        settings = {"port": self.port("postgresql"), "listen_addresses": "127.0.0.1",
                    "unix_socket_directories": "", "fsync": "off", "full_page_writes": "off",
                    "synchronous_commit": "off", "shared_buffers": "16MB",
                    "max_connections": "100", "log_min_messages": "warning"}
        options = [word for k, v in settings.items() for word in ("-c", f"{k}={v}")]
        return [*self.as_user("postgres"), self.binary("postgres"), "-D", self.data, *options]

    def ready(self):
        return self.sql("SELECT 1").strip() == "1"

    def sql(self, statement):
        done = subprocess.run(
            [program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
             "-p", str(self.port("postgresql")), "-U", self.USER, "-d", "postgres",
             "-f", "-"], input=statement, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise LabError(f"psql: {done.stderr.strip()}")
        return done.stdout


class Memcached(Server):
    name = "memcached"
    port_names = ("memcached",)

    def argv(self):
        return [program("memcached"), "-u", "nobody", "-l", "127.0.0.1",
                "-p", str(self.port("memcached")), "-U", "0", "-m", "16"]

    def ready(self):
        return port_open(self.port("memcached"))
