"""Every command of the table, by a row here: run with --json on a filled store
by the Redis user that deploy/redis/users.acl has for it.  What it prints
parses, and has the members named here, which programs rely on."""

import hashlib
import json
import re
import subprocess

import pytest

from harness import ROOT, Redis
from test_ctl import CTL

WORD = "word"
PLAIN = object()      # prints text, whatever it is asked
SILENT = object()     # prints nothing
LINES = "lines"       # JSON, one value a line


class Row:
    """`words` behind the command; members of the object, of each element of
    the array, or of each line."""

    def __init__(self, words, members=(), kind=dict, user="compliancectl",
                 code=(0,)):
        self.words, self.members = words.split(), set(members.split()
                                                      if members else ())
        self.kind, self.user, self.code = kind, user, code


# In this order: some make what the next ones look at.
ROWS = {
    "device get": Row(
        "GOODPHONE",
        "id state owner platform name aliases", dict),
    "device set": Row(
        "NEW state=compliant owner=alice",
        "device result changes aliases", dict),
    "device alias": Row(
        "NEW serial S1",
        "device result changes aliases", dict),
    "device unalias": Row(
        "NEW serial S1",
        "device result alias_deleted", dict),
    "device list": Row("", "id state owner", list),
    "device delete": Row("NEW", "device result aliases_deleted", dict),
    "device pending": Row("", "device user", list),
    "device approve": Row(
        "KNOCK --user alice",
        "device result changes aliases", dict),
    "device deny": Row(
        "KNOCK2 --force",
        "device result changes aliases", dict),
    "user set": Row("dora groups=sales", "user result changes aliases", dict),
    "user alias": Row("dora dd", "user result changes aliases", dict),
    "user unalias": Row("dora dd", "user result alias_deleted", dict),
    "user get": Row("dora", "name groups break_glass aliases", dict),
    "user list": Row("", "name", list),
    "user delete": Row("dora", "user result aliases_deleted", dict),
    "group set": Row("extra mode=report", "group result changes", dict),
    "group mode": Row("extra off", "group result changes", dict),
    "group get": Row(
        "extra",
        "name mode members enforce_from rollout_percent protocols require", dict),
    "group list": Row("", "name mode require unknown_device members", list),
    "group delete": Row("extra", "group result", dict),
    "explain": Row(
        "--user alice --device GOODPHONE --protocol eas",
        "verdict reason group would_block would_reason detail steps groups facts", dict),
    "impact": Row(
        "--group pilot --mode enforce",
        "group judged blocked admitted reported rows rows_left_out", dict),
    "replay": Row(
        "--since 7d --with @/candidate.json",
        "since until recorded judged blocked admitted rows", dict),
    "candidate set": Row("@/candidate.json", "id result runs", dict),
    "candidate start": Row("", "id result runs", dict),
    "candidate show": Row("", "id created by groups runs", dict),
    "candidate report": Row("", "id runs since accesses rows", dict),
    "candidate stop": Row("", "id result runs", dict),
    "candidate delete": Row("", "id result runs", dict),
    "audit tail": Row("", "v lane seq prev time id node", LINES),
    "audit search": Row("alice", "v lane seq prev time id node", LINES),
    "audit export": Row("", "v lane seq prev time id node", LINES),
    "audit verify": Row("", "node records findings lanes", LINES),
    "audit anchor": Row("", "node lane seq hash id time", LINES),
    "settings set": Row(
        "audit_days=30",
        "audit_days seen_days max_block max_change", dict),
    "settings show": Row(
        "",
        "audit_days seen_days max_block max_change", dict),
    "undo": Row("", "id command writes", dict),
    "tag issue": Row(
        "--user alice --device GOODPHONE --secret-file @/secret",
        "", dict),
    "import json": Row(
        "@/devices.json --yes",
        "source read created changed unchanged refused retired dry_run", dict),
    "import csv": Row(
        "@/devices.csv --yes",
        "source read created changed unchanged refused retired dry_run", dict),
    "import intune": Row(
        "@/graph.json --yes",
        "source read created changed unchanged refused retired dry_run", dict),
    "import jamf": Row(
        "@/jamf.json --yes",
        "source read created changed unchanged refused retired dry_run", dict),
    "policy check": Row("@/ios.json", "file valid policy", list),
    "policy apply": Row("@/ios.json --yes", "policies devices written", dict),
    "policy list": Row("", "policy platforms rules grace_days", list),
    "policy show": Row(
        "ios-ipados",
        "name platforms grace_days require", dict),
    "policy diff": Row("@/ios.json", "policies devices", dict),
    "policy delete": Row("ios-ipados --yes", "policies devices written", dict),
    "doctor": Row("--repair", "health findings", dict, code=(0, 5)),
    "completion": Row("bash", "", PLAIN),
    "manual": Row("", "", PLAIN),
    "backup": Row("@/backup --with-audit", "file keys with_audit", dict),
    "report devices": Row(
        "",
        "platform compliant noncompliant grace unknown retired total", list),
    "report users": Row("", "user", list),
    "report blocks": Row("", "user", list),
    "report trend": Row("", "time", list),
    "report conflicts": Row("", "device users clients first last count", list),
    "help": Row("", "", PLAIN),
    "version": Row("", "version", dict),
    "audit trim": Row(
        "",
        "dry_run audit_records seen_days", dict, user="auditor"),
    "restore": Row(
        "@/backup --replace --yes --with-audit",
        "file keys with_audit dry_run", dict, user="auditor"),
    "user erase": Row(
        "carol --yes --force",
        "pseudonym user aliases devices audit_records", dict, user="auditor"),
    # needs a directory: its rights are tried in test_directory.py
    "import ldap": Row("@/none", "", SILENT, code=(2,)),
}


def table():
    text = (ROOT / "ngx_compliance_module/ctl/commands.c").read_text()
    return re.findall(r'^    { "([a-z ]+)", ', text, re.M)


def test_every_command_has_a_row():
    assert len(table()) > 50
    assert set(table()) == set(ROWS)


@pytest.fixture
def store(tmp_path):
    text = (ROOT / "deploy/redis/users.acl").read_text()
    text = re.sub(r"@\w+_SHA256@", hashlib.sha256(WORD.encode()).hexdigest(),
                  text)
    # the test itself fills it as the default user
    text = text.replace("user default off", "user default on nopass ~* &* "
                        "+@all")
    (tmp_path / "users.conf").write_text(text)
    for name, text in {
            "password": WORD + "\n", "secret": f"1 {'ab' * 32}\n",
            "candidate.json": '{"groups":{"pilot":{"mode":"enforce"}}}',
            "devices.json": '{"devices":[{"id":"JPHONE","owner":"alice"}]}',
            "devices.csv": "id,owner\nCSVPHONE,alice\n",
            "graph.json": '{"value":[]}', "jamf.json": '{"results":[]}',
            "ios.json": (ROOT / "deploy/policies/ios-ipados.json").read_text(),
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "secret").chmod(0o600)
    server = Redis(tmp_path / "store", extra=["--include",
                                              tmp_path / "users.conf"])
    server.seed()
    yield server
    server.stop()


def parsed(text, kind):
    if kind is LINES:
        return [json.loads(line) for line in text.splitlines()]
    value = json.loads(text)
    assert type(value) is kind, text
    return [value] if kind is dict else value


def test_each_command_by_its_redis_user(store, tmp_path):
    broken = []
    for command, row in ROWS.items():
        words = [w.replace("@/", f"{tmp_path}/") for w in row.words]
        done = subprocess.run(
            [CTL, "--redis", f"unix:{store.socket}", "--redis-user", row.user,
             "--password-file", tmp_path / "password", "--json",
             *command.split(), *words], capture_output=True, text=True,
            timeout=60, stdin=subprocess.DEVNULL)
        if done.returncode not in row.code:
            broken.append((command, done.returncode, done.stderr))
            continue
        assert "\x1b" not in done.stdout
        if row.kind is PLAIN:
            assert len(done.stdout) > 100
        elif row.kind is SILENT:
            assert done.stdout == ""
        else:
            try:
                values = parsed(done.stdout, row.kind)
            except (ValueError, AssertionError):
                broken.append((command, done.stdout, done.stderr))
                continue
            for value in values:
                if not row.members <= set(value):
                    broken.append((command, row.members - set(value), value))
    assert not broken, "\n".join(map(str, broken))
