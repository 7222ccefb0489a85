"""The gateway of the demo: Debian's nginx with the modules of build/, in front of the lab's servers."""

import os
import secrets
import subprocess

import redis_users
from lab_process import LabError, port_open, program
from lab_server import Server

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = f"{ROOT}/build"
TEMPLATE = f"{ROOT}/deploy/demo/nginx.conf.in"
MAIL_MODULE = "/usr/lib/nginx/modules/ngx_mail_module.so"
BUILT = ("ngx_http_compliance_module.so", "ngx_mail_compliance_module.so", "compliancectl")


class Gateway(Server):
    name = "gateway"
    needs = ("redis", "sogo", "roundcube", "dovecot")
    port_names = ("https", "gateway_imap", "gateway_imaps")
    ready_s = 10.0

    @property
    def conf(self):
        return f"{self.directory}/nginx.conf"

    @property
    def pid_file(self):
        return f"{self.directory}/nginx.pid"

    @property
    def error_log(self):
        return f"{self.directory}/error.log"

    @property
    def access_log(self):
        return f"{self.directory}/access.log"

    @property
    def secret_file(self):
        return f"{self.directory}/compliance.secret"

    def make_secret(self):
        """On first use: administrators' changes are audited under it, too."""
        if not os.path.exists(self.secret_file):
            self.lab.mkdir(self.directory)
            self.lab.write(self.secret_file, f"1 {secrets.token_hex(32)}\n", mode=0o600)

    @property
    def log(self):
        return self.error_log

    @property
    def origin(self):
        return f"https://localhost:{self.port('https')}"

    def prepare(self):
        for name in BUILT:
            if not os.path.exists(f"{BUILD}/{name}"):
                raise LabError(f"build/{name} is missing: run make build")
        self.lab.mkdir(self.directory)
        self.lab.mkdir(f"{self.directory}/tmp")
        self._link()
        self.make_secret()
        with open(TEMPLATE) as f:
            text = f.read()
        for name, value in self._values().items():
            text = text.replace(f"@{name}@", str(value))
        self.lab.write(self.conf, text)
        self._check()

    def _link(self):
        """The template includes "compliance/...", relative to itself."""
        link = f"{self.directory}/compliance"
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(f"{ROOT}/deploy/nginx", link)

    def _values(self):
        lab = self.lab
        return {"MAIL_MODULE": MAIL_MODULE, "BUILD": BUILD, "DIR": self.directory,
                "ERROR_LOG": self.error_log, "ACCESS_LOG": self.access_log,
                # A laptop that runs all the servers at once may stall longer than the standard 50 ms.
                "REDIS": f"compliance_redis unix:{lab.redis.socket} user={redis_users.GATEWAY} "
                         f"password_file={redis_users.password_file(lab, redis_users.GATEWAY)} "
                         "connect_timeout=500ms timeout=500ms;",
                "HTTPS": self.port("https"), "IMAP": self.port("gateway_imap"),
                "IMAPS": self.port("gateway_imaps"),
                "SOGO": self.address("sogo"), "ROUNDCUBE": self.address("roundcube"),
                "IMAP_BACKEND": self.address("imap"), "CERT": lab.pki.server_cert,
                "KEY": lab.pki.server_key, "CA": lab.pki.ca}

    def _check(self):
        done = subprocess.run([program("nginx"), "-t", "-q", "-e", self.error_log, "-c", self.conf],
                              capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise LabError(f"nginx -t -c {self.conf}:\n{done.stderr}")

    def argv(self):
        return [program("nginx"), "-e", self.error_log, "-c", self.conf, "-g", "daemon off;"]

    def ready(self):
        return all(port_open(self.port(name)) for name in self.port_names)
