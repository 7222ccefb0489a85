"""The main job, end to end: the whole demo (SOGo, Roundcube, Dovecot, Redis,
the gateway) in a directory of its own, with an ActiveSync client and real mail
clients in front of it."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest

from harness import raw, wait_until

COMMANDS = ["OPTIONS", "Provision", "FolderSync", "Sync 0", "Sync items",
            "SendMail", "Ping"]


@pytest.fixture(autouse=True)
def as_seeded(demo):
    """Each test begins with the group enforced and the device blocked."""
    demo.ctl("group", "mode", demo.demo_group, "enforce", "--force")
    demo.ctl("device", "set", demo.demo_device_noncompliant,
             "state=noncompliant")


def got(results):
    return {r.command: (r.http, r.status) for r in results}


@pytest.mark.parametrize("version, query", [
    ("14.1", "plain"), ("14.1", "base64"), ("12.1", "plain"), ("12.1", "base64")])
def test_a_compliant_phone_has_its_whole_conversation(demo, version, query):
    phone = demo.phone(demo.demo_device_compliant, version, query=query)
    results = phone.conversation(f"{demo.demo_user}@example.com")
    assert [r.command for r in results] == COMMANDS
    assert all(r.ok for r in results), [(r.command, r.got, r.note) for r in results]
    assert results[-1].note.startswith("woken")


@pytest.mark.parametrize("query", ["plain", "base64"])
@pytest.mark.parametrize("version, expected", [("14.1", (200, "129")), ("12.1", (403, None))])
def test_a_non_compliant_phone_is_told_in_each_command(demo, version, expected, query):
    agent = f"Phone/{version}-{query}-{time.monotonic_ns()}"
    phone = demo.phone(demo.demo_device_noncompliant, version, query=query,
                       user_agent=agent)
    results = got(phone.conversation(f"{demo.demo_user}@example.com"))
    assert results.pop("OPTIONS")[0] == 200
    assert results == {c: expected for c in COMMANDS[1:]}
    # Nothing but the OPTIONS was handed to SOGo.
    # nginx writes the line of the last answer just behind it
    logged = wait_until("every access is in the log", lambda: [
        json.loads(line) for line in demo.access_log().splitlines()
        if agent in line and line.endswith("}")][:len(COMMANDS)]
        if demo.access_log().count(agent) >= len(COMMANDS) else None)
    assert [r["method"] for r in logged if r["upstream"]] == ["OPTIONS"]


def test_a_repaired_phone_is_back_at_once(demo):
    phone = demo.phone(demo.demo_device_noncompliant)
    assert phone.folder_sync().status == "129"
    demo.ctl("device", "set", demo.demo_device_noncompliant, "state=compliant")
    assert phone.folder_sync().ok
    demo.ctl("device", "set", demo.demo_device_noncompliant, "state=noncompliant")
    assert phone.folder_sync().status == "129"


def test_an_unknown_phone_and_a_grace_phone(demo):
    assert demo.phone(demo.demo_device_unknown).folder_sync().status == "129"
    assert demo.phone(demo.demo_device_grace).folder_sync().ok


def test_the_toggle_acts_on_the_next_request_and_records(demo):
    phone = demo.phone(demo.demo_device_noncompliant)
    before = demo.audit()
    demo.ctl("group", "mode", demo.demo_group, "report")
    assert phone.folder_sync().ok
    records = wait_until("the would-block is in the audit", lambda: [
        r for r in demo.audit() if r.get("would_block") and r not in before])
    assert records[-1]["device"] == demo.demo_device_noncompliant
    assert records[-1]["verdict"] == "allow"
    demo.ctl("group", "mode", demo.demo_group, "off")
    before = demo.audit()
    assert phone.folder_sync().ok
    time.sleep(0.5)
    assert demo.audit() == before
    demo.ctl("group", "mode", demo.demo_group, "enforce", "--force")
    assert phone.folder_sync().status == "129"


def test_break_glass_gets_in_from_any_device_and_is_audited(demo):
    before = demo.audit()
    phone = demo.phone(demo.demo_device_unknown, user=demo.demo_break_glass_user,
                       password=demo.demo_break_glass_password)
    assert phone.folder_sync().ok
    wait_until("break-glass is in the audit", lambda: [
        r for r in demo.audit() if r.get("reason") == "break_glass"
        and r.get("user") == demo.demo_break_glass_user and r not in before])
    answer = demo.imap(demo.demo_break_glass_user, demo.demo_break_glass_password)
    assert b"\r\na OK" in answer, answer


def test_imap_by_tag(demo):
    user = demo.demo_user
    assert b"\r\na OK" in demo.imap(f"{user}#{demo.demo_device_compliant}")
    for device in (demo.demo_device_noncompliant, demo.demo_device_unknown):
        answer = demo.imap(f"{user}#{device}")
        assert re.search(rb"\r\na NO \[ALERT\] .*https://\S+", answer), answer
    assert b"[ALERT]" in demo.imap(user)


def tls_imap(demo, login, cert=None):
    host, port = demo.gateway_imaps.split(":")
    context = ssl.create_default_context(cafile=demo.gateway_ca)
    context.check_hostname = False
    if cert:
        context.load_cert_chain(*cert)
    return raw(int(port), f'a LOGIN "{login}" "{demo.demo_password}"\r\nc LOGOUT\r\n'.encode(),
               timeout=8, context=context)


def test_imaps_by_certificate(demo):
    good = (demo.demo_device_compliant_cert, demo.demo_device_compliant_key)
    bad = (demo.demo_device_noncompliant_cert, demo.demo_device_noncompliant_key)
    assert b"\r\na OK" in tls_imap(demo, demo.demo_user, good)
    assert b"a NO [ALERT]" in tls_imap(demo, demo.demo_user, bad)
    assert b"a NO [ALERT]" in tls_imap(demo, demo.demo_user)


def curl_imap(demo, login, *options):
    return subprocess.run(
        ["curl", "-sv", "--max-time", "15", "--cacert", demo.gateway_ca, *options,
         "-u", f"{login}:{demo.demo_password}"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("how", ["imap", "starttls", "imaps"])
def test_curl_reads_or_is_told(demo, how):
    host = (demo.gateway_imaps if how == "imaps" else demo.gateway_imap).split(":")
    url = f"{'imaps' if how == 'imaps' else 'imap'}://localhost:{host[1]}/INBOX"
    options = [url, "--resolve", f"localhost:{host[1]}:127.0.0.1", "-X", "STATUS INBOX (MESSAGES)"]
    if how == "starttls":
        options.append("--ssl-reqd")
    good = curl_imap(demo, f"{demo.demo_user}#{demo.demo_device_compliant}", *options)
    assert good.returncode == 0, good.stderr
    assert "STATUS INBOX" in good.stdout
    bad = curl_imap(demo, f"{demo.demo_user}#{demo.demo_device_noncompliant}", *options)
    assert bad.returncode != 0
    assert re.search(r"NO \[ALERT\] .*https://", bad.stderr), bad.stderr


def test_mbsync_syncs_or_is_told(demo, tmp_path):
    host, port = demo.gateway_imap.split(":")
    for device, fine in ((demo.demo_device_compliant, True),
                         (demo.demo_device_noncompliant, False)):
        maildir = tmp_path / device
        maildir.mkdir()
        conf = tmp_path / f"{device}.rc"
        conf.write_text(f"""
IMAPAccount gate
Host localhost
Port {port}
User "{demo.demo_user}#{device}"
Pass "{demo.demo_password}"
SSLType STARTTLS
CertificateFile {demo.gateway_ca}

IMAPStore far
Account gate

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX

Channel mail
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
""")
        run = subprocess.run(["mbsync", "-c", conf, "-a"], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=60,
                             env=dict(os.environ, HOME=str(tmp_path)))
        output = run.stdout + run.stderr
        if fine:
            assert run.returncode == 0, output
            assert (maildir / "INBOX").is_dir()
        else:
            assert run.returncode != 0
            assert "https://" in output, output


def test_offlineimap_syncs_or_is_told(demo, tmp_path):
    host, port = demo.gateway_imaps.split(":")
    for device, fine in ((demo.demo_device_compliant, True),
                         (demo.demo_device_noncompliant, False)):
        conf = tmp_path / f"{device}.rc"
        conf.write_text(f"""
[general]
accounts = gate
metadata = {tmp_path}/{device}.meta
ui = basic
socktimeout = 20
[Account gate]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {tmp_path}/{device}
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {demo.demo_user}#{device}
remotepass = {demo.demo_password}
ssl = yes
sslcacertfile = {demo.gateway_ca}
maxconnections = 1
folderfilter = lambda name: name == 'INBOX'
""")
        run = subprocess.run(["offlineimap", "-o", "-c", conf], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=90,
                             env=dict(os.environ, HOME=str(tmp_path)))
        output = run.stdout + run.stderr
        if fine:
            assert run.returncode == 0, output
            assert (tmp_path / device / "INBOX").is_dir()
        else:
            assert run.returncode != 0
            assert "https://" in output, output


def test_thunderbird_style_dialogue(demo):
    """CAPABILITY, STARTTLS, CAPABILITY, AUTHENTICATE PLAIN without an initial
    response, then ID: what Thunderbird and K-9 say."""
    import base64
    host, port = demo.gateway_imap.split(":")

    def talk(login):
        context = ssl.create_default_context(cafile=demo.gateway_ca)
        s = socket.create_connection((host, int(port)), timeout=10)
        f = s.makefile("rb")
        lines = [f.readline()]

        def say(line, tag):
            s.sendall(line + b"\r\n")
            while True:
                answer = f.readline()
                lines.append(answer)
                if not answer or answer.startswith(tag):
                    return answer

        say(b"1 capability", b"1 ")
        assert say(b"2 STARTTLS", b"2 ").startswith(b"2 OK")
        s = context.wrap_socket(s, server_hostname="localhost")
        f = s.makefile("rb")
        say(b"3 capability", b"3 ")
        assert say(b"4 authenticate PLAIN", b"+").startswith(b"+")
        message = base64.b64encode(f"\0{login}\0{demo.demo_password}".encode())
        answer = say(message, b"4 ")
        if answer.startswith(b"4 OK"):
            assert say(b'5 ID ("name" "Thunderbird")', b"5 ").startswith(b"5 OK")
            assert say(b'6 select "INBOX"', b"6 ").startswith(b"6 OK")
        s.close()
        return answer

    assert talk(f"{demo.demo_user}#{demo.demo_device_compliant}").startswith(b"4 OK")
    answer = talk(f"{demo.demo_user}#{demo.demo_device_noncompliant}")
    assert re.match(rb"4 NO \[ALERT\] .*https://", answer), answer


def test_redis_stopped_every_way_in_fails_for_the_time_being(demo):
    redis = demo.redis()
    pid = int(re.search(rb"process_id:(\d+)", redis.cmd("INFO", "server"))[1])
    redis.close()
    phone = demo.phone(demo.demo_device_compliant)
    assert phone.folder_sync().ok
    os.kill(pid, signal.SIGSTOP)
    try:
        for attempt in range(3):
            result = phone.folder_sync()
            assert result.http == 503 and "retry-after" in result.headers
            assert result.seconds < 2
        assert b"a NO [UNAVAILABLE]" in demo.imap(
            f"{demo.demo_user}#{demo.demo_device_compliant}")
        for url in (demo.gateway_sogo_url, demo.gateway_roundcube_url):
            out = subprocess.run(
                ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
                 demo.gateway_ca, "--cert", demo.demo_device_compliant_cert, "--key",
                 demo.demo_device_compliant_key, url], capture_output=True, text=True,
                stdin=subprocess.DEVNULL).stdout
            assert out == "503"
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until("the gateway recovers", lambda: phone.folder_sync().ok, timeout=10)


def test_no_credential_is_left_anywhere(demo):
    """Passwords, tags and link tokens of everything the tests above sent."""
    password = demo.demo_password
    phone = demo.phone(demo.demo_device_noncompliant)
    phone.folder_sync()
    answer = demo.imap(f"{demo.demo_user}#{demo.demo_device_noncompliant}")
    token = re.search(rb"\?t=([A-Za-z0-9_-]+)", answer)[1].decode()
    subprocess.run(["curl", "-s", "-o", "/dev/null", "--cacert", demo.gateway_ca,
                    f"{demo.gateway_portal_url}?t={token}"], check=True)
    time.sleep(0.5)
    import base64
    canaries = [password, token,
                base64.b64encode(f"{demo.demo_user}:{password}".encode()).decode(),
                f"{demo.demo_user}#{demo.demo_device_noncompliant}"]
    redis = demo.redis()
    stored = []
    cursor = b"0"
    while True:
        cursor, keys = redis.cmd("SCAN", cursor, "COUNT", "1000")
        stored += keys
        if cursor == b"0":
            break
    dump = b"\n".join(stored) + b"\n".join(redis.cmd("DUMP", k) for k in stored)
    dump += "\n".join(json.dumps(r) for r in demo.audit()).encode()
    redis.close()
    logs = demo.access_log() + open(demo.nginx_error_log, errors="replace").read()
    for canary in canaries:
        assert canary not in logs
        assert canary.encode() not in dump
