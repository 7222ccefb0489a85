#!/usr/bin/python3
"""An ActiveSync client: what a phone says, in its order, with a structured result for each command.

    phone = EasClient(url, "alice", "secret", "PHONE1", version="14.1")
    phone.options(); phone.provision(); phone.folder_sync() ...
    phone.conversation(address="alice@example.com")     # everything, up to a Ping that wakes

Standard library only. Plain and base64 queries; protocol versions 12.1 and 14.1 (and 14.0, 16.x as
far as the same bodies serve). Each request has a connection of its own.
"""

import argparse
import base64
import http.client
import json
import os
import ssl
import struct
import sys
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import wbxml                                                # noqa: E402

WBXML_TYPE = "application/vnd.ms-sync.wbxml"
COMMANDS = {"Sync": 0, "SendMail": 1, "SmartForward": 2, "SmartReply": 3, "GetAttachment": 4,
            "FolderSync": 9, "FolderCreate": 10, "FolderDelete": 11, "FolderUpdate": 12,
            "MoveItems": 13, "GetItemEstimate": 14, "MeetingResponse": 15, "Search": 16,
            "Settings": 17, "Ping": 18, "ItemOperations": 19, "Provision": 20,
            "ResolveRecipients": 21, "ValidateCert": 22, "Find": 23}
TAG_OPTIONS, TAG_USER = 7, 8
SAVE_IN_SENT = 1
INBOX_TYPE = "2"
POLICY_TYPE = "MS-EAS-Provisioning-WBXML"
PING_CHANGES = "2"


@dataclass
class Result:
    """One answer. `status` is the first WBXML Status, None where the body holds none."""
    command: str
    http: int = 0
    status: str = None
    doc: tuple = None
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    error: str = None
    note: str = ""

    @property
    def ok(self):
        good = ("1", PING_CHANGES) if self.command == "Ping" else (None, "1")
        return self.error is None and self.http == 200 and self.status in good

    @property
    def got(self):
        """In a few words: "200", "200 Status 129", "403", "no answer: ..."."""
        if self.error:
            return f"no answer: {self.error}"
        return f"{self.http}" + (f" Status {self.status}" if self.status else "")

    def as_dict(self):
        return {"command": self.command, "http": self.http, "status": self.status, "ok": self.ok,
                "seconds": round(self.seconds, 3), "error": self.error, "note": self.note}


class EasClient:
    def __init__(self, url, user, password, device_id, device_type="SmartPhone", version="14.1",
                 query="plain", user_agent="LabPhone/1.0", ca=None, cert=None, key=None,
                 timeout=30.0, headers=None, query_user=None):
        self.url = urllib.parse.urlsplit(url)
        self.user, self.password = user, password
        self.device_id, self.device_type = device_id, device_type
        self.version, self.query, self.user_agent = version, query, user_agent
        self.timeout, self.extra_headers = timeout, headers or {}
        self.query_user = query_user if query_user is not None else user
        self.policy_key = 0
        self.folders = {}               # id -> (name, type)
        self.sync_keys = {}             # folder id -> key
        self.tls = None
        if self.url.scheme == "https":
            self.tls = ssl.create_default_context(cafile=ca)
            if ca is None:
                self.tls.check_hostname = False
                self.tls.verify_mode = ssl.CERT_NONE
            if cert:
                self.tls.load_cert_chain(cert, key)

    # -- one request ---------------------------------------------------------------------------

    def request(self, method, query="", body=None, headers=None, timeout=None):
        """The raw exchange: (http status, headers, body); OSError and HTTPException come through."""
        host, port = self.url.hostname, self.url.port
        timeout = timeout or self.timeout
        if self.tls:
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self.tls)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        sent = {"Authorization": f"Basic {login}", "User-Agent": self.user_agent,
                **(headers or {}), **self.extra_headers}
        path = self.url.path + (f"?{query}" if query else "")
        try:
            connection.request(method, path, body=body,
                               headers={k: v for k, v in sent.items() if v is not None})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def plain_query(self, command, **extra):
        return urllib.parse.urlencode({"Cmd": command, "User": self.query_user,
                                       "DeviceId": self.device_id, "DeviceType": self.device_type,
                                       **extra})

    def base64_query(self, command, options=0):
        device, kind = self.device_id.encode(), self.device_type.encode()
        raw = struct.pack("<BBH", int(float(self.version) * 10 + 0.5), COMMANDS[command], 0x0409)
        raw += bytes((len(device),)) + device
        raw += struct.pack("<BI", 4, self.policy_key) if self.policy_key else b"\0"
        raw += bytes((len(kind),)) + kind
        if options:
            raw += bytes((TAG_OPTIONS, 1, options))
        return base64.b64encode(raw).decode()

    def command(self, name, tree=None, raw=None, content_type=WBXML_TYPE, options=0, timeout=None,
                **extra):
        """Sends one command; never raises for what the server or the network does."""
        headers = {}
        if self.query == "base64":
            query = self.base64_query(name, options)
        else:
            query = self.plain_query(name, **extra)
            headers["MS-ASProtocolVersion"] = self.version
            headers["X-MS-PolicyKey"] = str(self.policy_key)
        body = raw if raw is not None else wbxml.encode(tree) if tree else b""
        if body:
            headers["Content-Type"] = content_type
        return self._exchange(name, "POST", query, body, headers, timeout)

    def _exchange(self, name, method, query, body, headers, timeout=None):
        result = Result(name)
        begin = time.monotonic()
        try:
            result.http, result.headers, result.body = self.request(method, query, body, headers,
                                                                    timeout)
            if result.body and result.headers.get("content-type", "").startswith(WBXML_TYPE):
                result.doc = wbxml.decode(result.body)
                result.status = wbxml.text(result.doc, "Status")
        except (OSError, http.client.HTTPException, wbxml.WbxmlError) as e:
            result.error = str(e) or type(e).__name__
        result.seconds = time.monotonic() - begin
        return result

    # -- the commands --------------------------------------------------------------------------

    def options(self):
        result = self._exchange("OPTIONS", "OPTIONS", "", None, {})
        result.note = result.headers.get("ms-asprotocolversions", "")
        return result

    def provision(self):
        """Both phases: ask for the policy, acknowledge it. The result of the one that ended it."""
        policy = ("Provision:Policy", [("Provision:PolicyType", POLICY_TYPE)])
        information = ("Settings:DeviceInformation", [("Settings:Set", [
            ("Settings:Model", self.device_type), ("Settings:OS", "Lab 1.0"),
            ("Settings:FriendlyName", "Lab phone")])])
        body = [("Provision:Policies", [policy])]
        if self.version != "12.1":
            body.insert(0, information)
        self.policy_key = 0
        first = self.command("Provision", ("Provision:Provision", body))
        key = wbxml.text(first.doc, "PolicyKey") if first.doc else None
        if not first.ok or not key:
            first.note = "the server has no policy" if first.ok else ""
            return first
        self.policy_key = int(key)
        second = self.command("Provision", ("Provision:Provision", [("Provision:Policies", [
            ("Provision:Policy", [("Provision:PolicyType", POLICY_TYPE),
                                  ("Provision:PolicyKey", key), ("Provision:Status", "1")])])]))
        final = wbxml.text(second.doc, "PolicyKey") if second.doc else None
        if second.ok and final:
            self.policy_key = int(final)
        second.note = f"policy key {self.policy_key}" if second.ok else ""
        return second

    def folder_sync(self, key="0"):
        result = self.command("FolderSync", ("FolderHierarchy:FolderSync",
                                             [("FolderHierarchy:SyncKey", key)]))
        if result.doc:
            for folder in wbxml.find_all(result.doc, "Add"):
                self.folders[wbxml.text(folder, "ServerId")] = (wbxml.text(folder, "DisplayName"),
                                                                wbxml.text(folder, "Type"))
            result.note = f"{len(self.folders)} folders" if result.ok else ""
        return result

    @property
    def inbox(self):
        """The inbox's id; a plausible one where no FolderSync was answered."""
        return next((i for i, (_, kind) in self.folders.items() if kind == INBOX_TYPE),
                    "mail/folderINBOX")

    def sync(self, folder=None):
        """One Sync: the first of a folder gets its key, those after it get items."""
        folder = folder or self.inbox
        key = self.sync_keys.get(folder, "0")
        collection = [("AirSync:Class", "Email")] if self.version == "12.1" else []
        collection += [("AirSync:SyncKey", key), ("AirSync:CollectionId", folder)]
        if key != "0":
            collection += [("AirSync:GetChanges", ""), ("AirSync:WindowSize", "50"),
                           ("AirSync:Options", [
                               ("AirSync:FilterType", "0"),
                               ("AirSyncBase:BodyPreference", [
                                   ("AirSyncBase:Type", "1"),
                                   ("AirSyncBase:TruncationSize", "1024")])])]
        result = self.command("Sync", ("AirSync:Sync", [("AirSync:Collections", [
            ("AirSync:Collection", collection)])]))
        if result.doc and result.ok:
            self.sync_keys[folder] = wbxml.text(result.doc, "SyncKey", default=key)
            subjects = self.subjects(result)
            result.note = f"key {key} -> {self.sync_keys[folder]}, {len(subjects)} items"
        return result

    @staticmethod
    def subjects(result):
        return [wbxml.text(item, "Subject", default="")
                for item in wbxml.find_all(result.doc, "Commands", "Add")] if result.doc else []

    def send_mail(self, to, subject, text="Hello.\n"):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = to, to, subject
        message.set_content(text)
        mime = message.as_bytes(policy=SMTP)
        if self.version == "12.1":
            return self.command("SendMail", raw=mime, content_type="message/rfc822",
                                options=SAVE_IN_SENT, SaveInSent="T")
        return self.command("SendMail", ("ComposeMail:SendMail", [
            ("ComposeMail:ClientId", f"lab-{time.time_ns()}"),
            ("ComposeMail:SaveInSentItems", ""), ("ComposeMail:MIME", mime)]))

    def ping(self, heartbeat=30, folder=None):
        return self.command("Ping", ("Ping:Ping", [
            ("Ping:HeartbeatInterval", str(heartbeat)),
            ("Ping:Folders", [("Ping:Folder", [("Ping:Id", folder or self.inbox),
                                               ("Ping:Class", "Email")])])]),
            timeout=heartbeat + self.timeout)

    def settings(self):
        return self.command("Settings", ("Settings:Settings", [
            ("Settings:UserInformation", [("Settings:Get", "")])]))

    # -- the whole conversation ----------------------------------------------------------------

    def ping_until(self, wake, heartbeat=30, folder=None, tries=5):
        """A Ping during which wake() makes something happen. One that finds changes waiting is
        followed by a Sync and asked again, as phones do."""
        for _ in range(tries):
            answers, woken_by_us = [], False
            waiting = threading.Thread(target=lambda: answers.append(self.ping(heartbeat, folder)))
            waiting.start()
            waiting.join(1.0)
            if waiting.is_alive():
                wake()
                woken_by_us = True
            waiting.join()
            result = answers[0]
            if not result.ok or woken_by_us or result.status != PING_CHANGES:
                break
            self.sync(folder)
        if result.ok and result.status == PING_CHANGES and woken_by_us:
            result.note = f"woken after {result.seconds:.1f} s"
        elif result.ok:
            result.error = ("the Ping did not wake on the change" if woken_by_us
                            else "the Ping never waited")
        return result

    def conversation(self, address, heartbeat=30):
        """Every command in a phone's order; a refused one does not end it."""
        subject = f"EAS lab {self.device_id} {time.time_ns()}"
        results = [self.options(), self.provision()]
        if not results[1].ok:
            return results + self._refused(address, subject, heartbeat)
        results += [self.folder_sync(), self.sync(), self.sync()]
        results[3].command, results[4].command = "Sync 0", "Sync items"
        results.append(self.send_mail(address, subject))
        if results[-1].ok:
            self._sync_until(subject)
        results.append(self.ping_until(lambda: self.send_mail(address, subject + " wake"), heartbeat))
        return results

    def _refused(self, address, subject, heartbeat):
        """The rest of a conversation that is refused from the start, all at once: a gateway may
        delay the answers to a blocked device, and there is no state to keep in order."""
        with ThreadPoolExecutor() as pool:
            answers = [pool.submit(command, *arguments) for command, *arguments in (
                (self.folder_sync,), (self.sync,), (self.sync,), (self.send_mail, address, subject),
                (self.ping, heartbeat))]
        results = [answer.result() for answer in answers]
        results[1].command, results[2].command = "Sync 0", "Sync items"
        return results

    def _sync_until(self, subject, timeout_s=15.0):
        """Takes in the message just sent, so that the Ping wakes by the next one."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            result = self.sync()
            if not result.ok or subject in self.subjects(result):
                return
            time.sleep(0.3)


def table(results):
    rows = [(r.command, r.got, f"{r.seconds:.2f} s", r.note) for r in results]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join("  ".join((row[0].ljust(widths[0]), row[1].ljust(widths[1]),
                                row[2].rjust(widths[2]), row[3])).rstrip() for row in rows)


def main():
    parser = argparse.ArgumentParser(description="An ActiveSync client for tests.")
    parser.add_argument("--url", required=True, help="https://host/Microsoft-Server-ActiveSync")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--address", help="where SendMail sends to (default: USER, or USER@example.com)")
    parser.add_argument("--device-id", required=True)
    parser.add_argument("--type", default="SmartPhone", help="DeviceType")
    parser.add_argument("--version", default="14.1", choices=("12.1", "14.0", "14.1", "16.0", "16.1"))
    parser.add_argument("--query", default="plain", choices=("plain", "base64"))
    parser.add_argument("--ca", help="CA certificate (none: the server's is not checked)")
    parser.add_argument("--cert", help="client certificate")
    parser.add_argument("--key", help="its key")
    parser.add_argument("--timeout", type=float, default=30.0)
    parser.add_argument("--heartbeat", type=int, default=30, help="seconds a Ping waits")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("command", choices=("all", "options", "provision", "foldersync", "sync",
                                            "sendmail", "ping", "settings"))
    a = parser.parse_args()
    phone = EasClient(a.url, a.user, a.password, a.device_id, a.type, a.version, a.query, ca=a.ca,
                      cert=a.cert, key=a.key, timeout=a.timeout)
    address = a.address or (a.user if "@" in a.user else f"{a.user}@example.com")
    results = {
        "all": lambda: phone.conversation(address, a.heartbeat),
        "options": lambda: [phone.options()],
        "provision": lambda: [phone.provision()],
        "foldersync": lambda: [phone.folder_sync()],
        "sync": lambda: [phone.folder_sync(), phone.sync(), phone.sync()],
        "sendmail": lambda: [phone.send_mail(address, "EAS lab")],
        "ping": lambda: [phone.folder_sync(), phone.sync(), phone.ping(a.heartbeat)],
        "settings": lambda: [phone.settings()],
    }[a.command]()
    if a.json:
        print(json.dumps([r.as_dict() for r in results], indent=1))
    else:
        print(table(results))
    sys.exit(0 if all(r.ok for r in results) else 1)


if __name__ == "__main__":
    main()
