"""The whole demo (SOGo, Roundcube, Dovecot, Redis, the gateway) in a directory
of its own: started once for all the tests that ask for it."""

import json
import re
import subprocess
import sys

from harness import ROOT, Redis, raw

sys.path.insert(0, str(ROOT / "tests" / "lab"))
from eas_client import EasClient  # noqa: E402


class Demo:
    def __init__(self, directory):
        self.directory = directory
        self.run("start")
        self.env = {}
        for line in (directory / "env").read_text().splitlines():
            match = re.match(r"(?:export )?([A-Z_0-9]+)=(.*)$", line)
            if match:
                self.env[match[1]] = match[2].strip("'\"")

    def __getattr__(self, name):
        try:
            return self.env[name.upper()]
        except KeyError:
            raise AttributeError(name) from None

    def run(self, action):
        subprocess.run(["/usr/bin/python3", "-B", ROOT / "deploy/demo/demo.py",
                        action, "--dir", self.directory], check=True,
                       stdin=subprocess.DEVNULL, timeout=300)

    def ctl(self, *args, check=True):
        return subprocess.run([self.compliancectl, *args], check=check,
                              capture_output=True, text=True, timeout=20)

    def audit(self):
        """The last records, oldest first."""
        out = self.ctl("audit", "tail", "-n", "200", "--json").stdout
        out = out.strip()
        if out.startswith("["):
            return json.loads(out)
        return [json.loads(line) for line in out.splitlines()]

    def phone(self, device, version="14.1", **options):
        return EasClient(self.gateway_eas_url, options.pop("user", self.demo_user),
                         options.pop("password", self.demo_password), device,
                         version=version, ca=self.gateway_ca, **options)

    def redis(self):
        """A connection to the demo's Redis through its socket."""
        redis = Redis.__new__(Redis)
        redis.socket, redis.connection = self.redis_socket, None
        return redis

    def access_log(self):
        with open(self.nginx_access_log, errors="replace") as f:
            return f.read()

    def imap(self, login, password=None, context=None):
        """What a client gets for one LOGIN on the plain port."""
        host, port = self.gateway_imap.split(":")
        return raw(int(port), f'a LOGIN "{login}" "{password or self.demo_password}"\r\n'
                   "b NOOP\r\nc LOGOUT\r\n".encode(), timeout=8)
