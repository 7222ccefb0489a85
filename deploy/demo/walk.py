"""Every access as every device, with real clients, and the table of what each got.

A cell is what a person would say of it: "in: ..." or "blocked: ..."; anything else is a fault.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from cast import CREDENTIAL, DOMAIN, WEB, devices
from eas_client import EasClient
from lab_process import program

IN, BLOCKED = "in: ", "blocked: "
CELL_MAX = 28
GREEN, RED, YELLOW, PLAIN = "\033[32m", "\033[31m", "\033[33m", "\033[0m"


class Walker:
    def __init__(self, lab, gateway, passwords, work):
        self.lab, self.gateway, self.passwords = lab, gateway, passwords
        self.work = work

    def all(self, progress):
        """{access: {device label: cell}}, the devices side by side in threads."""
        results = {name: {} for name, _, _ in ACCESSES}

        def one(device):
            for name, _, access in ACCESSES:
                try:
                    cell = access(self, device)
                except (OSError, ValueError, subprocess.SubprocessError) as e:
                    cell = f"fault: {e}"
                results[name][device.label] = cell
            progress(f"tried every access as {device.label} ({device.id})")
        with ThreadPoolExecutor() as pool:
            list(pool.map(one, devices()))
        return results

    # -- the accesses --------------------------------------------------------------------------

    def phone(self, device, version):
        return EasClient(f"{self.gateway.origin}/Microsoft-Server-ActiveSync", device.user,
                         self.passwords[device.user], device.id, version=version,
                         ca=self.lab.pki.ca)

    def eas(self, device, version):
        """The whole conversation of a phone, SendMail and a Ping that wakes included."""
        results = self.phone(device, version).conversation(f"{device.user}@{DOMAIN}", 20)
        if all(r.ok for r in results):
            return f"{IN}mail, Ping woke"
        answers = {r.got for r in results[1:]}
        if results[0].ok and len(answers) == 1:
            got = answers.pop()
            if got == "200 Status 129":
                return f"{BLOCKED}Status 129"
            if got == "403":
                return f"{BLOCKED}403"
        return "fault: " + ", ".join(f"{r.command} {r.got}" for r in results if not r.ok)

    def curl(self, device, *arguments, cert=True, jar=None):
        """(output, log, exit code) of curl with the device's certificate."""
        command = [program("curl"), "--silent", "--show-error", "--max-time", "30",
                   "--cacert", self.lab.pki.ca]
        if cert:
            pem, key = self.lab.pki.client(device.id)
            command += ["--cert", pem, "--key", key]
        if jar:
            command += ["--cookie", jar, "--cookie-jar", jar]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
        return done.stdout, done.stderr, done.returncode

    def page(self, device, jar, url, *arguments):
        """(status, where it redirects to, body) of one page as a browser asks for it."""
        form = "\n%{http_code} %{redirect_url}"
        out, err, code = self.curl(device, "--header", "Accept: text/html,*/*;q=0.8",
                                   "--write-out", form, *arguments, url, jar=jar)
        if code != 0:
            raise ValueError(err.strip())
        body, _, last = out.rpartition("\n")
        status, _, target = last.partition(" ")
        return int(status), target, body

    def to_portal(self, status, target):
        return status == 303 and target.startswith(f"{self.gateway.origin}/compliance/portal?")

    def front(self, device, jar, url):
        """The first page: None where it is there, else the cell."""
        status, target, _ = self.page(device, jar, url)
        if self.to_portal(status, target):
            return f"{BLOCKED}portal"
        return None if status == 200 else f"fault: {status}"

    def sogo(self, device):
        jar = f"{self.work}/{device.id}.sogo"
        url = f"{self.gateway.origin}/SOGo/"
        stopped = self.front(device, jar, url)
        if stopped:
            return stopped
        login = json.dumps({"userName": device.user, "password": self.passwords[device.user],
                            "domain": None, "language": "", "rememberLogin": 0})
        status, target, _ = self.page(device, jar, f"{url}connect", "--header",
                                      "Content-Type: application/json", "--data", login)
        if status != 200:
            return self.login_refused(status, target)
        status, _, body = self.page(device, jar, f"{url}so/{device.user}/Mail/view",
                                    "--user-agent", "Mozilla/5.0 Chrome/120.0")
        return f"{IN}mailbox" if status == 200 and "mailboxes" in body else f"fault: mail {status}"

    def roundcube(self, device):
        jar = f"{self.work}/{device.id}.roundcube"
        url = f"{self.gateway.origin}/"
        stopped = self.front(device, jar, url)
        if stopped:
            return stopped
        _, _, form = self.page(device, jar, f"{url}?_task=login")
        token = re.search(r'name="_token" value="([^"]+)"', form)
        if not token:
            return "fault: no login form"
        status, target, _ = self.page(
            device, jar, f"{url}?_task=login", "--data-urlencode", f"_token={token.group(1)}",
            "--data", "_task=login&_action=login&_timezone=UTC",
            "--data-urlencode", f"_user={device.user}",
            "--data-urlencode", f"_pass={self.passwords[device.user]}")
        if status != 302:
            return self.login_refused(status, target)
        status, _, body = self.page(device, jar, f"{url}?_task=mail")
        return f"{IN}mailbox" if status == 200 and "messagelist" in body else f"fault: mail {status}"

    def login_refused(self, status, target):
        return f"{BLOCKED}at login" if self.to_portal(status, target) else f"fault: login {status}"

    def imap_curl(self, device):
        """STARTTLS; the device is named by the login tag of its mail profile."""
        out, err, code = self.curl(
            device, "--ssl-reqd", "--verbose", "--user",
            f"{device.user}#{device.id}:{self.passwords[device.user]}",
            f"imap://localhost:{self.gateway.port('gateway_imap')}/",
            "--request", "STATUS INBOX (MESSAGES)", cert=False)
        count = re.search(r"MESSAGES (\d+)", out)
        if code == 0 and count:
            return f"{IN}{count.group(1)} messages"
        said = re.search(r"< \S+ NO (\[ALERT\]).*https://", err)
        return f"{BLOCKED}NO {said.group(1)}" if said else f"fault: {err.strip()[-200:]}"

    def imap_mbsync(self, device):
        """IMAPS; the device proves itself by its certificate."""
        pem, key = self.lab.pki.client(device.id)
        with tempfile.TemporaryDirectory(dir=self.work) as home:
            with open(os.open(f"{home}/rc", os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
                f.write(f"""IMAPAccount gate
Host localhost
Port {self.gateway.port('gateway_imaps')}
User {device.user}
Pass {self.passwords[device.user]}
SSLType IMAPS
SystemCertificates no
CertificateFile {self.lab.pki.ca}
ClientCertificate {pem}
ClientKey {key}

IMAPStore far
Account gate

MaildirStore near
Inbox {home}/INBOX

Channel inbox
Far :far:INBOX
Near :near:INBOX
Create Near
SyncState *
""")
            done = subprocess.run([program("mbsync"), "-c", f"{home}/rc", "-a"], text=True,
                                  capture_output=True, timeout=60, env={**os.environ, "HOME": home})
            pulled = sum(len(os.listdir(f"{home}/INBOX/{sub}")) for sub in ("new", "cur")
                         if os.path.isdir(f"{home}/INBOX/{sub}"))
        if done.returncode == 0 and pulled:
            return f"{IN}{pulled} messages"
        said = done.stdout + done.stderr
        if re.search(r"(\[ALERT\]|Error: IMAP command.*LOGIN.*).*https://", said, re.DOTALL):
            return f"{BLOCKED}NO [ALERT]"
        return f"fault: {said.strip()[-200:]}"


ACCESSES = (
    ("ActiveSync 14.1", CREDENTIAL, lambda w, d: w.eas(d, "14.1")),
    ("ActiveSync 12.1", CREDENTIAL, lambda w, d: w.eas(d, "12.1")),
    ("SOGo web mail", WEB, Walker.sogo),
    ("Roundcube web mail", WEB, Walker.roundcube),
    ("IMAP, curl, login tag", CREDENTIAL, Walker.imap_curl),
    ("IMAPS, mbsync, certificate", CREDENTIAL, Walker.imap_mbsync),
)


def faults(results):
    """What did not come out as it should: [text]."""
    return [f"{name} as {device.label}: {results[name][device.label]}"
            for device in devices() for name, kind, _ in ACCESSES
            if not results[name][device.label].startswith(
                IN if kind in device.enters else BLOCKED)]


def table(results, colour):
    cast = devices()
    head = [["", *(d.label for d in cast)], ["", *(d.user for d in cast)], ["", *(d.id for d in cast)]]
    rows = [[name, *(results[name][d.label] for d in cast)] for name, _, _ in ACCESSES]
    rows = [[cell if len(cell) <= CELL_MAX else cell[:CELL_MAX - 3] + "..." for cell in row]
            for row in rows]
    widths = [max(len(row[i]) for row in head + rows) for i in range(len(head[0]))]

    def paint(cell, padded, column):
        if not colour or not column:
            return padded
        shade = (RED if cell.startswith(BLOCKED) else YELLOW if not cell.startswith(IN)
                 else YELLOW if cast[column - 1].key == "GRACE" else GREEN)
        return f"{shade}{padded}{PLAIN}"
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in head]
    lines.append("  ".join("-" * w for w in widths))
    for row in rows:
        lines.append("  ".join(paint(cell, cell.ljust(w), i)
                               for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
    return "\n".join(lines)


def wants_colour():
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
