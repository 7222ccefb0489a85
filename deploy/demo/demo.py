#!/usr/bin/python3
"""The demo: real mail servers and the gateway on loopback ports, tried as every device.

demo.py up      start all, seed, try each access as each device, print what they got and where to look
demo.py start   start and seed only
demo.py stop    stop all and remove the data; the logs stay in DIR/log

Everything stays up until stop. DIR/env holds every address, user and file as shell variables; the
servers' data is in DIR/data, a link to a directory below /tmp where DIR is closed to other users.
"""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "tests", "lab")]

import cast                                                 # noqa: E402
import redis_users                                          # noqa: E402
import walk                                                 # noqa: E402
from gateway import BUILD, Gateway                          # noqa: E402
from lab import Lab, passable                               # noqa: E402
from lab_process import LabError, require_root              # noqa: E402

# A unix socket's path has 107 bytes; Dovecot's stand 45 below the directory.
DATA_PATH_MAX = 60
BEGIN = time.monotonic()


def progress(text):
    print(f"[{time.monotonic() - BEGIN:5.1f} s] {text}", flush=True)


class Demo:
    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        self.env_file = f"{self.directory}/env"
        self.ctl = f"{self.directory}/compliancectl"
        self.link = f"{self.directory}/data"

    def exists(self):
        return os.path.exists(f"{self.link}/lab.json")

    def _data(self):
        if os.path.islink(self.link) and not os.path.isdir(self.link):
            os.unlink(self.link)
        if not os.path.isdir(self.link):
            os.makedirs(self.directory, exist_ok=True)
            if passable(self.directory) and len(self.link) <= DATA_PATH_MAX:
                os.mkdir(self.link, 0o755)
            else:
                os.symlink(tempfile.mkdtemp(prefix="compliance-demo."), self.link)
        return os.path.realpath(self.link)

    def lab(self):
        data = self._data()
        return Lab(data, users=cast.USERS, domain=cast.DOMAIN, extra=(Gateway,),
                   redis_users=redis_users.fragment(data))

    def start(self):
        lab = self.lab()
        gateway = lab.servers["gateway"]
        if gateway.running:
            progress("already up: its servers are kept, the gateway restarts with what is in build/")
            gateway.stop()
        redis_users.write(lab)
        lab.start("redis")
        progress("seeding users, groups and devices")
        lab.redis.cli("FLUSHALL")
        gateway.make_secret()
        self._write_ctl(lab)
        cast.seed(self.ctl, lab.pki)
        lab.start(progress=progress)
        self._fill_mailboxes(lab)
        self._write_env(lab)
        self._link_log(lab)
        return lab

    def _link_log(self, lab):
        """Where the data is elsewhere, who searches this directory finds the log all the same."""
        link = f"{self.directory}/error.log"
        if os.path.lexists(link):
            os.unlink(link)
        if os.path.islink(self.link):
            os.symlink(lab.servers["gateway"].error_log, link)

    @staticmethod
    def _fill_mailboxes(lab):
        filled = f"{lab.directory}/mailboxes-filled"
        if not os.path.exists(filled):
            for number in range(1, 4):
                for user in cast.USERS:
                    lab.dovecot.deliver(user, f"Message {number} for {user}")
            lab.write(filled, "")

    def stop(self):
        if not self.exists():
            print("the demo is not running")
            return
        lab = self.lab()
        lab.stop()
        shutil.rmtree(f"{self.directory}/log", ignore_errors=True)
        shutil.move(f"{lab.directory}/log", f"{self.directory}/log")
        for name in ("error.log", "access.log"):
            path = f"{lab.servers['gateway'].directory}/{name}"
            if os.path.exists(path):
                shutil.move(path, f"{self.directory}/log/gateway-{name}")
        shutil.rmtree(lab.directory)
        for path in (self.link, self.env_file, self.ctl, f"{self.directory}/error.log"):
            if os.path.lexists(path):
                os.unlink(path)
        print(f"the demo is stopped; its logs are in {self.directory}/log")

    def _write_ctl(self, lab):
        """compliancectl for this demo's Redis, without further options."""
        gateway = lab.servers["gateway"]
        lab.write(self.ctl, f"""#!/bin/sh
export COMPLIANCE_REDIS={shlex.quote('unix:' + lab.redis.socket)}
export COMPLIANCE_REDIS_USER={redis_users.CTL}
export COMPLIANCE_PASSWORD_FILE={shlex.quote(redis_users.password_file(lab, redis_users.CTL))}
export COMPLIANCE_SECRET_FILE={shlex.quote(gateway.secret_file)}
exec {shlex.quote(BUILD + '/compliancectl')} "$@"
""", mode=0o755)

    def _write_env(self, lab):
        gateway = lab.servers["gateway"]
        values = {
            "GATEWAY_EAS_URL": f"{gateway.origin}/Microsoft-Server-ActiveSync",
            "GATEWAY_SOGO_URL": f"{gateway.origin}/SOGo/",
            "GATEWAY_ROUNDCUBE_URL": f"{gateway.origin}/",
            "GATEWAY_PORTAL_URL": f"{gateway.origin}/compliance/portal",
            "GATEWAY_IMAP": f"localhost:{lab.port('gateway_imap')}",
            "GATEWAY_IMAPS": f"localhost:{lab.port('gateway_imaps')}",
            "GATEWAY_CA": lab.pki.ca,
            "BACKEND_IMAP": lab.dovecot.address("imap"),
            "BACKEND_LMTP": lab.dovecot.address("lmtp"),
            "BACKEND_SUBMISSION": lab.postfix.address("submission"),
            "BACKEND_SOGO_URL": lab.sogo.url,
            "BACKEND_ROUNDCUBE_URL": lab.roundcube.url,
            "REDIS_SOCKET": lab.redis.socket,
            "REDIS_PID": f"{lab.redis.directory}/redis.pid",
            "NGINX_CONF": gateway.conf,
            "NGINX_PID": gateway.pid_file,
            "NGINX_ERROR_LOG": gateway.error_log,
            "NGINX_ACCESS_LOG": gateway.access_log,
            "COMPLIANCECTL": self.ctl,
            "DEMO_USER": cast.USER,
            "DEMO_PASSWORD": cast.USERS[cast.USER],
            "DEMO_GROUP": cast.GROUP,
            "DEMO_BREAK_GLASS_USER": cast.BREAK_GLASS,
            "DEMO_BREAK_GLASS_PASSWORD": cast.USERS[cast.BREAK_GLASS],
        }
        for device in cast.devices():
            cert, key = lab.pki.client(device.id)
            values[f"DEMO_DEVICE_{device.key}"] = device.id
            values[f"DEMO_DEVICE_{device.key}_CERT"] = cert
            values[f"DEMO_DEVICE_{device.key}_KEY"] = key
            values[f"DEMO_DEVICE_{device.key}_P12"] = lab.pki.pkcs12(device.id)
        # Values go unquoted where they may, for readers simpler than a shell.
        lab.write(self.env_file, "".join(f"{k}={shlex.quote(str(v))}\n" for k, v in values.items()),
                  mode=0o600)


def try_everything(lab):
    with tempfile.TemporaryDirectory() as work:
        results = walk.Walker(lab, lab.servers["gateway"], cast.USERS, work).all(progress)
    print("\nWhat each device got:\n")
    print(walk.table(results, walk.wants_colour()))
    return walk.faults(results)


def by_hand(demo, lab):
    gateway = lab.servers["gateway"]
    good, bad = cast.devices()[0], cast.devices()[1]
    cert, key = lab.pki.client(bad.id)
    print(f"""
Try it by hand (until "make demo-down"; every address and file is in {demo.env_file}):

  web mail     {gateway.origin}/ (Roundcube)   {gateway.origin}/SOGo/
               Without a device's certificate you are led to the portal. Certificates to import
               (password "demo"): {os.path.dirname(lab.pki.ca)}/DEMO*.p12
  a page       curl -i --cacert {lab.pki.ca} --cert {cert} --key {key} -H 'Accept: text/html' {gateway.origin}/
  ActiveSync   {gateway.origin}/Microsoft-Server-ActiveSync
  IMAP         localhost:{lab.port('gateway_imap')} (STARTTLS)   localhost:{lab.port('gateway_imaps')} (TLS)
               login "{good.user}#{good.id}", or "{good.user}" with a certificate
  users        {'   '.join(f'{user} / {password}' for user, password in cast.USERS.items())}
  put right    {demo.ctl} device set {bad.id} state=compliant
  toggle       {demo.ctl} group mode {cast.GROUP} report
  why          {demo.ctl} explain --user {bad.user} --device {bad.id} --protocol eas
  audit        {demo.ctl} audit tail
""")


def main():
    parser = argparse.ArgumentParser(description="The gateway before real mail servers.")
    parser.add_argument("command", choices=("up", "start", "stop"))
    parser.add_argument("--dir", default=f"{BUILD}/demo", help="default: build/demo")
    arguments = parser.parse_args()
    demo = Demo(arguments.dir)
    faults = []
    try:
        require_root()
        if arguments.command == "stop":
            demo.stop()
            return
        lab = demo.start()
        if arguments.command == "up":
            faults = try_everything(lab)
            by_hand(demo, lab)
    except LabError as e:
        sys.exit(f"demo: {e}")
    if faults:
        sys.exit("demo: not as it should be:\n  " + "\n  ".join(faults))


if __name__ == "__main__":
    main()
