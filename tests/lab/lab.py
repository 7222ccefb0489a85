#!/usr/bin/python3
"""The lab: real servers for tests and the demo, on free ports of 127.0.0.1, in one directory.

    lab = Lab("/tmp/x", users={"alice": "secret"})
    lab.start("redis", "sogo")          # with what they need
    lab.redis.socket, lab.port("imap"), lab.sogo.eas_url, lab.pki.client("phone")
    lab.dovecot.deliver("alice", "subject"); lab.redis.kill(); lab.start("redis")
    lab.stop()

Nothing of the machine is touched: own configuration, own ports, own pid files, no systemd. What
stands in the directory is enough to find the servers again, so another process may stop them.
"""

import argparse
import grp
import json
import os
import pwd
import random
import shutil
import socket
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lab_mail import Dovecot, Postfix                       # noqa: E402
from lab_pki import Pki                                     # noqa: E402
from lab_process import LabError, require_root, tail        # noqa: E402
from lab_store import Memcached, Postgresql, Redis          # noqa: E402
from lab_web import Roundcube, Sogo                         # noqa: E402

SERVERS = (Redis, Dovecot, Postfix, Postgresql, Memcached, Sogo, Roundcube)
USERS = {"alice": "alice-password", "bob": "bob-password", "carol": "carol-password",
         "breakglass": "breakglass-password"}
DOMAIN = "example.com"
# Below the range from which the kernel takes ports for outgoing connections.
PORTS = range(20000, 32000)


def free_port(taken=()):
    """A port of 127.0.0.1 that nobody listens on now."""
    for _ in range(200):
        port = random.choice(PORTS)
        if port in taken:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise LabError(f"no free port of 127.0.0.1 between {PORTS.start} and {PORTS.stop - 1}")


def passable(directory):
    """Whether every user may pass through the directory and all above it: the servers leave root."""
    path = os.path.realpath(directory)
    while os.stat(path).st_mode & 0o001:
        if path == "/":
            return True
        path = os.path.dirname(path)
    return False


class Lab:
    """The servers of one directory. State (ports, users) is kept in lab.json there. `extra` are
    further Server classes that live and die with them; `redis_users` is a fragment of redis.conf
    (deploy/redis/users.acl with its passwords filled in)."""

    def __init__(self, directory=None, users=None, domain=DOMAIN, redis_tcp=False, redis_users=None,
                 extra=()):
        require_root()
        self.directory = os.path.abspath(directory or tempfile.mkdtemp(prefix="compliance-lab."))
        os.makedirs(self.directory, exist_ok=True)
        os.chmod(self.directory, 0o755)
        if not passable(self.directory):
            raise LabError(f"{self.directory} or a directory above it is closed to other users (chmod "
                           "o+x), and the servers run under their own: choose a directory elsewhere")
        for name in ("run", "log"):
            self.mkdir(f"{self.directory}/{name}")
        saved = self._load()
        self.users = dict(users or saved.get("users") or USERS)
        self.domain = domain
        self.ports = saved.get("ports", {})
        self.redis_tcp = redis_tcp or saved.get("redis_tcp", False)
        self.redis_users = redis_users or saved.get("redis_users")
        self.pki = Pki(f"{self.directory}/pki")
        self.servers = {cls.name: cls(self) for cls in (*SERVERS, *extra)}
        self.redis = self.servers["redis"]
        self.dovecot = self.servers["dovecot"]
        self.postfix = self.servers["postfix"]
        self.postgresql = self.servers["postgresql"]
        self.memcached = self.servers["memcached"]
        self.sogo = self.servers["sogo"]
        self.roundcube = self.servers["roundcube"]
        self._check_users()
        self._save()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, *names, progress=None):
        """Starts the named servers (all where none is named) and what they need; those that run are
        left alone. On failure everything this call started is stopped."""
        order = self._with_needs(names or tuple(self.servers))
        self.pki.create()
        started, waiting = [], {}
        try:
            for name in order:
                server = self.servers[name]
                if server.running:
                    continue
                for need in self._with_needs(server.needs):
                    if need in waiting:
                        waiting.pop(need).wait_ready()
                if progress:
                    progress(f"starting {name}")
                for port in server.port_names:
                    self.port(port)
                started.append(server)
                server.spawn()
                waiting[name] = server
            for server in waiting.values():
                server.wait_ready()
        except BaseException:
            for server in reversed(started):
                server.stop()
            raise
        return self

    def stop(self, *names):
        """Stops the named servers, or all; together, for some take their time."""
        unknown = set(names) - set(self.servers)
        if unknown:
            raise LabError(f"no server {', '.join(sorted(unknown))}: choose from {', '.join(self.servers)}")
        with ThreadPoolExecutor() as pool:
            stops = [pool.submit(self.servers[name].stop) for name in names or self.servers]
        errors = [str(stop.exception()) for stop in stops if stop.exception()]
        if errors:
            raise LabError("\n".join(errors))

    def destroy(self):
        """Stops everything and removes the directory."""
        self.stop()
        shutil.rmtree(self.directory)

    def port(self, name):
        """The port of that name; chosen when first asked for, the same ever after."""
        if name not in self.ports:
            self.ports[name] = free_port(self.ports.values())
            self._save()
        return self.ports[name]

    def mkdir(self, path, owner=None, uid=None, mode=0o755):
        os.makedirs(path, exist_ok=True)
        self.own(path, owner, mode, uid)

    def write(self, path, text, owner=None, mode=0o644):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        self.own(path, owner, mode)

    @staticmethod
    def own(path, owner=None, mode=0o644, uid=None):
        os.chmod(path, mode)
        if uid is not None:
            os.chown(path, uid, uid)
        elif owner is not None:
            try:
                os.chown(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(owner).gr_gid)
            except KeyError:
                raise LabError(f'there is no user "{owner}": run tests/lab/install run lab') from None

    def _with_needs(self, names):
        order = []

        def add(name):
            if name not in self.servers:
                raise LabError(f'no server "{name}": choose from {", ".join(self.servers)}')
            for need in self.servers[name].needs:
                add(need)
            if name not in order:
                order.append(name)
        for name in names:
            add(name)
        return order

    def _check_users(self):
        for user, password in self.users.items():
            if not user.replace("-", "").replace("_", "").isalnum() or user != user.lower():
                raise LabError(f'user "{user}": lower-case letters, digits, - and _ only')
            if not password or set(password) & set(":\r\n\0{}"):
                raise LabError(f'the password of "{user}" is empty or holds one of : {{ }} or a line end')

    def _load(self):
        try:
            with open(f"{self.directory}/lab.json") as f:
                return json.load(f)
        except FileNotFoundError:
            return {}
        except ValueError as e:
            raise LabError(f"{self.directory}/lab.json is damaged ({e}): remove the directory") from e

    def _save(self):
        self.write(f"{self.directory}/lab.json", json.dumps(
            {"ports": self.ports, "users": self.users, "redis_tcp": self.redis_tcp,
             "redis_users": self.redis_users}, indent=1) + "\n", mode=0o600)


def show(lab):
    for name, server in lab.servers.items():
        ports = " ".join(f"{p}={lab.ports[p]}" for p in server.port_names if p in lab.ports)
        print(f"{name:11} {'pid ' + str(server.process.pid) if server.running else 'stopped':12} {ports}")
    print(f"{'users':11} {' '.join(lab.users)} (passwords in {lab.directory}/lab.json)")
    if lab.redis.running:
        print(f"{'redis':11} {lab.redis.socket}")
    if lab.sogo.running:
        print(f"{'ActiveSync':11} {lab.sogo.eas_url}")


def main():
    parser = argparse.ArgumentParser(description="Start and stop real mail servers for tests.")
    parser.add_argument("--dir", required=True, help="directory of the lab")
    parser.add_argument("--redis-tcp", action="store_true", help="Redis on a TCP port too")
    parser.add_argument("--redis-users", help="a fragment of redis.conf with \"user\" lines")
    parser.add_argument("command", choices=("start", "stop", "status", "log", "destroy"))
    parser.add_argument("servers", nargs="*", help="which servers (default: all)")
    arguments = parser.parse_args()
    try:
        if arguments.command != "start" and not os.path.exists(f"{arguments.dir}/lab.json"):
            raise LabError(f"there is no lab in {arguments.dir}")
        lab = Lab(arguments.dir, redis_tcp=arguments.redis_tcp, redis_users=arguments.redis_users)
        if arguments.command == "start":
            lab.start(*arguments.servers, progress=print)
        elif arguments.command == "stop":
            lab.stop(*arguments.servers)
        elif arguments.command == "destroy":
            lab.destroy()
        elif arguments.command == "log":
            for name in arguments.servers or lab.servers:
                print(f"== {name}\n{tail(lab.servers[name].log)}")
        if arguments.command in ("start", "status"):
            show(lab)
    except LabError as e:
        sys.exit(f"lab: {e}")


if __name__ == "__main__":
    main()
