"""The decision table (tests/model): tens of thousands of cases, on which the
independent model, the core, `explain`, `replay` and a real nginx must agree.

For explain, replay and nginx the cases are written to Redis as records, some
sixty at a time, each with a user, a device and two groups of its own."""

import base64
import hashlib
import hmac
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time

import pytest

from harness import BUILD, CTL, ROOT, free_port, wait_until

sys.path.insert(0, str(ROOT / "tests/model"))
import cases  # noqa: E402
import model  # noqa: E402

AT_ONCE = 60          # of 128 groups, two a case and "default"
SECRET = "5a" * 32
KEY_ID = 7


def audited(out):
    return (out["verdict"] in ("block", "tempfail")
            or out["reason"] == "identity_ambiguous"
            or out["would"] != "" or out["break_glass"])


# The core


@pytest.mark.parametrize("block", [*cases.BLOCKS, "a sample of everything"])
def test_the_core_decides_as_the_model(block):
    table = list(cases.product(cases.BLOCKS[block]) if block in cases.BLOCKS
                 else cases.sample(cases.SAMPLE))
    done = subprocess.run([BUILD / "decide_cases"], text=True, timeout=120,
                          input="".join(json.dumps(c) + "\n" for c in table),
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == len(table) > 500
    verdicts = set()
    for case, answer in zip(table, answers):
        wanted = model.decide(case)
        wanted["audit"] = audited(wanted)
        assert json.loads(answer) == wanted, case
        verdicts.add(wanted["verdict"])
    assert len(verdicts) > 1


# What a store, a command line and a client can express


def question(case, name, device, cert):
    """The case as a question to explain, or None."""
    claim, protocol, source = case["claim"], case["protocol"], case["source"]
    if (case["identity"] != "ok" or case["vouched"] or case["emergency"]
            or None in (case["device"], case["user"], case["groups"])):
        return None
    out = {"protocol": protocol, "at": case["now"], "address": case["address"],
           "client_type": case["device_type"],
           "user_agent": case["user_agent"], "dry_run": case["dry_run"]}
    if protocol == "eas":
        # without a device it is judged as OPTIONS is
        if case["device_free"] != (claim is None) or claim == "secret":
            return None
    elif case["device_free"]:
        return None
    if source == "credential" and protocol != "web":
        out["user"] = name
    elif source == "login":
        out.update(user=name, login=True)
    elif source != "owner" or protocol != "web":
        return None
    if claim == "certificate":
        out["cert"] = cert
    elif claim:
        out.update(device=device, binding=claim)
    return out


def renamed(case, n):
    """The case with a user and groups of its own, and the names' map back."""
    name = f"u{n}"
    own = {"g1": f"g{n}a", "g2": f"g{n}b"}
    share = {str(cases.MINE): model.bucket(name),
             str(cases.MINE + 1): model.bucket(name) + 1}
    case = json.loads(json.dumps(case))
    if case["device"] and case["device"].get("owner") == model.USER:
        case["device"]["owner"] = name
    if case["user"] and case["user"].get("groups"):
        case["user"]["groups"] = ",".join(
            own.get(g, g) for g in case["user"]["groups"].split(","))
    settings = case["groups"]["g1"]
    if settings.get("rollout_percent") in share:
        settings["rollout_percent"] = str(
            share[settings["rollout_percent"]])
    return case, name, own


def expressible():
    """(case, wanted) of the table, sorted by the settings of "default", which
    all cases of a store share."""
    out = []
    for n, case in enumerate(cases.all_cases()):
        if question(case, "u", "D", "c"):
            out.append((json.dumps(case["groups"]["default"], sort_keys=True),
                        n, case, model.decide(case)))
    out.sort(key=lambda row: row[:2])
    for _, rows in itertools.groupby(out, key=lambda row: row[0]):
        rows = list(rows)
        for i in range(0, len(rows), AT_ONCE):
            yield [row[1:] for row in rows[i:i + AT_ONCE]]


def pipeline(redis, commands):
    redis.cmd("PING")
    out = []
    for command in commands:
        out.append(b"*%d\r\n" % len(command))
        for arg in command:
            arg = arg if isinstance(arg, bytes) else str(arg).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
    redis.connection.sendall(b"".join(out))
    for _ in commands:
        redis._reply()


def flat(key, fields):
    return ["HSET", key, *(x for pair in fields.items() for x in pair)]


class Row:
    """A case as it stands in the store."""

    def __init__(self, case, wanted, n):
        self.device, self.n = f"D{n}", n
        self.cert = hashlib.sha256(self.device.encode()).hexdigest()
        self.case, self.name, own = renamed(case, n)
        self.wanted = dict(wanted)
        self.wanted["group"] = own.get(wanted["group"], wanted["group"])
        self.groups = {own[g]: self.case["groups"][g] for g in own}

    def writes(self, groups=True, shift=0):
        """shift: seconds that all times move by."""
        def moved(fields):
            return {k: str(int(v) + shift) if k in (
                "grace_until", "override_until", "last_checkin",
                "enforce_from") and v.isdigit() and v != "0" else v
                for k, v in fields.items()}
        if self.case["user"]:
            yield flat(f"compliance:user:{self.name}", self.case["user"])
        if self.case["device"]:
            yield flat(f"compliance:device:{self.device}",
                       moved(self.case["device"]))
            yield ["SET", f"compliance:alias:cert:{self.cert}", self.device]
        for name, settings in self.groups.items() if groups else ():
            yield ["SADD", "compliance:groups", name]
            if settings:
                yield flat(f"compliance:group:{name}", moved(settings))


def store(redis, rows, groups=True, shift=0):
    commands = [["FLUSHALL"]]
    if groups:
        commands.append(flat("compliance:group:default",
                             rows[0].case["groups"]["default"]))
    for row in rows:
        commands.extend(row.writes(groups, shift))
    pipeline(redis, commands)


def rows_of(chunk):
    return [Row(case, wanted, n) for n, case, wanted in chunk]


def ctl(redis, *args, **kwargs):
    done = subprocess.run([CTL, "--redis", f"unix:{redis.socket}", *args],
                          text=True, timeout=120, capture_output=True,
                          **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_explain_decides_as_the_model(redis):
    told = {"verdict": "verdict", "reason": "reason", "group": "group",
            "warn": "warn", "break_glass": "break_glass",
            "binding": "binding", "deadline": "deadline"}
    n = 0
    for chunk in expressible():
        rows = rows_of(chunk)
        store(redis, rows)
        answers = ctl(redis, "explain", "--requests", "-", input="".join(
            json.dumps(question(r.case, r.name, r.device, r.cert)) + "\n"
            for r in rows)).splitlines()
        assert len(answers) == len(rows)
        for row, answer in zip(rows, map(json.loads, answers)):
            got = {mine: answer[theirs] if answer[theirs] is not None
                   else type(row.wanted[mine])()
                   for mine, theirs in told.items()}
            got["would"] = answer["would_reason"] or ""
            assert answer["would_block"] == (got["would"] != "")
            assert got == row.wanted, (row.case, answer)
            n += 1
    assert n > 20000, n


# replay: as if each access had been let in today, before the groups were


def seen_text(row):
    """The access as the gateway counts it, or None where what was recorded of
    it is not all that a decision could rest on."""
    case = row.case
    sources = {"eas": "eas", "web": "variable"}
    if case["source"] != "credential" or case["dry_run"]:
        return None
    source = {None: "none", "certificate": "certificate",
              "secret": "signed_tag"}.get(
                  case["claim"], sources.get(case["protocol"], "tag"))
    known = "k" if case["device"] and case["claim"] else ""
    free = "f" if case["device_free"] else ""
    device = row.device if case["claim"] else ""
    if case["claim"] == "certificate" and not known:
        device = f"cert:{row.cert}"
    return "|".join([
        case["protocol"], "not_in_scope", "credential", free + known, source,
        case["claim"] or "none", device, case["address"] or "",
        case["device_type"] or "", case["user_agent"] or "", ""])


def test_replay_decides_as_the_model(redis, tmp_path):
    now = int(time.time())
    day = time.strftime("%Y%m%d", time.gmtime(now))
    n = 0
    for chunk in expressible():
        rows = [r for r in rows_of(chunk) if seen_text(r)
                and seconds_do_not_matter(r.case)]
        if not rows:
            continue
        shift = now - cases.NOW
        store(redis, rows, groups=False, shift=shift)
        commands = [flat("compliance:group:default", {"mode": "off"})]
        for row in rows:
            commands += [
                ["HINCRBY", f"compliance:seen:{day}:{row.name}",
                 seen_text(row), 1],
                ["SADD", f"compliance:index:seen:{day}", row.name]]
        pipeline(redis, commands)
        groups = {"default": {"mode": "report",
                              **rows[0].case["groups"]["default"]}}
        for row in rows:
            groups.update(row.groups)
        candidate = tmp_path / "candidate.json"
        candidate.write_text(json.dumps({"groups": moved_groups(
            groups, shift)}))
        told = json.loads(ctl(redis, "replay", "--with", str(candidate),
                              "--since", "1d", "--limit", "0", "--json"))
        blocked = {d["user"]: d["then"]["reason"] for d in told["rows"]
                   if d["change"] == "blocked"}
        for row in rows:
            live = model.decide({**row.case, "groups": {
                "default": {"mode": "off"}}})
            if live["verdict"] != "allow":
                continue
            wanted = (row.wanted["reason"]
                      if row.wanted["verdict"] == "block" else None)
            assert blocked.get(row.name) == wanted, row.case
            n += 1
    assert n > 10000, n


def moved_groups(groups, shift):
    """As `group set` would store them: values that cannot be read are not for
    a candidate, which is checked."""
    return {name: {k: str(int(v) + shift) if k == "enforce_from" and v != "0"
                   else v for k, v in fields.items()}
            for name, fields in groups.items()}


def seconds_do_not_matter(case):
    """No time of the case lies within a minute of now, and every setting is
    one that `group set` stores."""
    times = [case["groups"][g].get("enforce_from") for g in case["groups"]]
    times += [(case["device"] or {}).get(f) for f in (
        "grace_until", "override_until", "last_checkin")]
    for text in times:
        if text and text.isdigit() and text != "0":
            away = abs(int(text) - cases.NOW)
            if away < 60 or abs(away - 3600) < 60 or abs(away - 86400) < 60:
                return False
    known = dict(model.CHOICES)
    return all(fields.get(name, choices[0]) in choices
               for fields in case["groups"].values()
               for name, (choices, _) in known.items())


# nginx


HTTP = """
log_format verdict '$compliance_verdict|$compliance_reason|$compliance_group'
                   '|$compliance_would_block';
access_log @dir@/verdict.log verdict;
ssl_certificate @crt@;
ssl_certificate_key @key@;
ssl_client_certificate @ca@;
ssl_verify_client optional;
keepalive_requests 1000000;
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
"""

SERVER = """
server {
    listen 127.0.0.1:@plain@;
    listen 127.0.0.1:@tls@ ssl;
    server_name @name@;
    location /Microsoft-Server-ActiveSync {
        compliance on;
        compliance_protocol eas;
        compliance_device eas;
        @dry@
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /ews/ {
        compliance on;
        compliance_protocol ews;
        compliance_device login_tag certificate;
        @dry@
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /dav/ {
        compliance on;
        compliance_protocol dav;
        compliance_device login_tag certificate;
        @dry@
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /web/ {
        compliance on;
        compliance_protocol web;
        compliance_device certificate;
        @dry@
        proxy_pass http://127.0.0.1:@backend@;
    }
}
"""

BACK = """
server {
    listen 127.0.0.1:@backend@;
    access_log off;
    location / { return 200 "backend"; }
}
"""


def tag(name, device):
    """What `compliancectl tag issue` signs, for tens of thousands of them."""
    def field(data):
        return len(data).to_bytes(2, "big") + data
    purpose = b"compliance tag 1"
    key = hmac.digest(bytes.fromhex(SECRET), purpose, "sha256")
    mac = hmac.digest(key, field(purpose) + field(bytes([KEY_ID]))
                      + field(name.encode()) + field(device.encode()),
                      "sha256")
    return f"{KEY_ID:02x}" + base64.urlsafe_b64encode(mac[:16]).decode() \
        .rstrip("=")


def http_request(row):
    """(over TLS with the certificate?, the request), or None."""
    case = row.case
    claim, protocol, login = case["claim"], case["protocol"], row.name
    agent, kind = case["user_agent"], case["device_type"]
    lines = ["Host: " + ("dry" if case["dry_run"] else "live")]
    if case["address"] is None:
        return None
    lines.append("X-Real-IP: " + case["address"])
    if agent is not None:
        lines.append("User-Agent: " + agent)
    if protocol == "eas":
        if case["source"] != "credential" or claim not in (None, "asserted"):
            return None
        if claim is None:
            if kind is not None and case["groups"]["g1"].get(
                    "allowed_clients"):
                return None         # OPTIONS tells no DeviceType
            first = "OPTIONS /Microsoft-Server-ActiveSync"
        elif kind is None:
            return None
        else:
            first = ("POST /Microsoft-Server-ActiveSync?Cmd=Sync&User="
                     f"{row.name}&DeviceId={row.device}&DeviceType={kind}")
    elif kind is not None and case["groups"]["g1"].get("allowed_clients"):
        return None                 # only ActiveSync tells a DeviceType
    elif protocol in ("ews", "dav") and case["source"] == "credential":
        first = f"GET /{protocol}/"
        if claim in ("asserted", "secret"):
            login += "#" + row.device
        if claim == "secret":
            login += "." + tag(row.name, row.device)
    elif protocol == "web" and case["source"] == "owner":
        if claim not in (None, "certificate"):
            return None
        first = "GET /web/"
        lines += ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]
    else:
        return None
    if protocol != "web":
        lines.append("Authorization: Basic " + base64.b64encode(
            f"{login}:secret".encode()).decode())
    if first.startswith("POST"):
        lines += ["Content-Length: 0", "MS-ASProtocolVersion: 14.1"]
    return claim == "certificate", "\r\n".join(
        [first + " HTTP/1.1", *lines, "", ""]).encode()


class Client:
    """A connection kept alive; one request at a time."""

    def __init__(self, port, context=None):
        self.port, self.context, self.socket = port, context, None

    def ask(self, data):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port),
                                                   timeout=20)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                self.socket = self.context.wrap_socket(
                    self.socket, server_hostname="localhost")
            self.file = self.socket.makefile("rb")
        self.socket.sendall(data)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            assert line, (data, head)
            head += line
        length = re.search(rb"(?i)^content-length: (\d+)", head, re.M)
        if length:
            self.file.read(int(length[1]))
        elif b"chunked" in head:
            while size := int(self.file.readline(), 16):
                self.file.read(size + 2)
            self.file.readline()
        if b"Connection: close" in head:
            self.socket.close()
            self.socket = None


def test_nginx_decides_as_the_model(redis, gateway, certificates):
    plain, tls, backend = free_port(), free_port(), free_port()
    pair = certificates.issue("client")
    fingerprint = certificates.fingerprint(pair[0])
    (gateway.directory / "secret").write_text(f"{KEY_ID} {SECRET}\n")
    (gateway.directory / "secret").chmod(0o600)
    names = {"@crt@": certificates.server[0], "@key@": certificates.server[1],
             "@ca@": certificates.ca, "@plain@": str(plain), "@tls@": str(tls),
             "@backend@": str(backend)}
    text = HTTP + BACK
    for name, dry in (("live", ""), ("dry", "compliance_dry_run on;")):
        text += SERVER.replace("@name@", name).replace("@dry@", dry)
    for key, value in names.items():
        text = text.replace(key, value)
    gateway.start(level="warn", http=text, main=f"""
        compliance_redis unix:{redis.socket};
        compliance_secret_file @dir@/secret;
        compliance_seen_interval 0;
        compliance_audit_queue 1;""")
    log = open(gateway.directory / "verdict.log", "rb")
    clients = {False: Client(plain),
               True: Client(tls, certificates.client_context(pair))}

    def stranger(n):
        """A certificate of its own: the next one's block would have to wait
        for the last one's."""
        return Client(tls, certificates.client_context(
            certificates.issue(f"stranger{n}")))
    n, now = 0, int(time.time())
    # an eighth of it in every run, DECISION_TABLE=all of it in some minutes
    every = 1 if os.environ.get("DECISION_TABLE") == "all" else 8
    for chunk in itertools.islice(expressible(), 0, None, every):
        rows = [(row, http_request(row)) for row in rows_of(chunk)
                if seconds_do_not_matter(row.case)]
        rows = [(row, request) for row, request in rows if request]
        if not rows:
            continue
        store(redis, [row for row, _ in rows], shift=now - cases.NOW)
        for row, (certified, data) in rows:
            if certified and row.case["device"]:
                redis.cmd("SET", f"compliance:alias:cert:{fingerprint}",
                          row.device)
            (stranger(row.n) if certified and not row.case["device"]
             else clients[certified]).ask(data)
            if certified:
                redis.cmd("DEL", f"compliance:alias:cert:{fingerprint}")
        told = []
        wait_until("all are logged", lambda: told.extend(log) or len(told)
                   == len(rows))
        told = [line.decode().rstrip("\n").split("|") for line in told]
        for (row, _), got in zip(rows, told):
            wanted = row.wanted
            assert got[:2] == [wanted["verdict"], wanted["reason"]], row.case
            assert got[2] == (wanted["group"] or "-"), row.case
            assert got[3] == (wanted["would"] or "-"), row.case
            n += 1
    assert n > 10000 // every, n
