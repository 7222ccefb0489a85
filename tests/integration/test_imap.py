"""IMAP through the gate: who gets in, what the others are told, what reaches
the back end, and what no log, record or store holds afterwards."""

import base64
import contextlib
import http.server
import imaplib
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from harness import CTL, free_port, have, wait_until
from imap_lab import (PASSWORD, PORTAL, Gate, Imap, allowed, blocked,  # noqa: F401
                      dovecot, fake, main, server)


def b64(*parts):
    return base64.b64encode(b"\0".join(
        p if isinstance(p, bytes) else p.encode() for p in parts)).decode()


@pytest.fixture
def gate(gateway, redis, fake):
    redis.seed()
    return Gate(gateway, redis, f"127.0.0.1:{fake.port}")


@pytest.fixture
def tls(gateway, redis, fake, certificates):
    redis.seed()
    return Gate(gateway, redis, f"127.0.0.1:{fake.port}", certificates)


@pytest.mark.smoke
def test_a_compliant_device_reads_its_mail(gateway, redis, dovecot):
    redis.seed()
    gate = Gate(gateway, redis, f"127.0.0.1:{dovecot.port('imap')}")
    imap = imaplib.IMAP4("127.0.0.1", gate.port, timeout=10)
    assert imap.login("alice#GOODPHONE", PASSWORD)[0] == "OK"
    assert imap.select()[0] == "OK"
    assert b"Hello from the lab" in imap.fetch("1", "(BODY[HEADER])")[1][0][1]
    assert imap.logout()[0] == "BYE"


@pytest.mark.smoke
def test_a_blocked_device_is_told_where_to_go(gate, fake):
    with gate.connect() as imap:
        lines = imap.ask(f"a LOGIN alice#BADPHONE {PASSWORD}\r\n")
        assert blocked(lines)
        assert re.fullmatch(r"\* BYE .*\r\n", imap.rest())
    assert fake.logins == []


def spellings(login):
    """Every way to say one login: the steps a client takes."""
    size = len(login)
    return {
        "atoms": [f"a LOGIN {login} {PASSWORD}\r\n"],
        "quoted": [f'a LOGIN "{login}" "{PASSWORD}"\r\n'],
        "literals": [f"a LOGIN {{{size}}}\r\n", f"{login} {{14}}\r\n",
                     f"{PASSWORD}\r\n"],
        "literals that do not wait": [f"a LOGIN {{{size}+}}\r\n{login} "
                                      f"{{14+}}\r\n{PASSWORD}\r\n"],
        "a literal and an atom": [f"a LOGIN {{{size}}}\r\n",
                                  f"{login} {PASSWORD}\r\n"],
        "PLAIN": ["a AUTHENTICATE PLAIN\r\n",
                  b64("", login, PASSWORD) + "\r\n"],
        "PLAIN at once": ["a AUTHENTICATE PLAIN "
                          + b64("", login, PASSWORD) + "\r\n"],
        "PLAIN with its own authzid": [
            "a authenticate plain " + b64(login, login, PASSWORD) + "\r\n"],
        "LOGIN": ["a AUTHENTICATE LOGIN\r\n", b64(login) + "\r\n",
                  b64(PASSWORD) + "\r\n"],
        "LOGIN at once": ["a AUTHENTICATE LOGIN " + b64(login) + "\r\n",
                          b64(PASSWORD) + "\r\n"],
    }


SPELLINGS = sorted(spellings(""))


def say(imap, steps):
    """The answer to the last step of an exchange."""
    for step in steps[:-1]:
        imap.send(step)
        assert imap.line().startswith("+ ")
    return imap.ask(steps[-1])


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_way_to_log_in_is_one_login(gate, fake, spelling):
    with gate.connect() as imap:
        assert allowed(say(imap, spellings("alice#GOODPHONE")[spelling]))
        assert imap.ask("b NOOP\r\n", "b") == ["b OK did NOOP"]
    assert fake.logins == [(b"a", b"alice", PASSWORD.encode())]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_way_to_log_in_is_gated(gate, fake, spelling):
    with gate.connect() as imap:
        assert blocked(say(imap, spellings("alice#BOBPHONE")[spelling]))
        assert imap.rest().startswith("* BYE")
    assert fake.logins == []


def test_a_signed_tag_proves_its_device(gate, redis, fake):
    redis.group("sales", min_binding="secret")
    run = subprocess.run(
        [CTL, "tag", "issue", "--user", "alice", "--device", "GOODPHONE",
         "--secret-file", gate.gateway.directory / "secret"],
        capture_output=True, text=True, check=True)
    login = run.stdout.strip()
    assert blocked(gate.login("alice#GOODPHONE"))
    assert allowed(gate.login(login))
    # it holds for this user and this device, and nothing is cut off
    for forged in (login.replace("alice", "bob"), login[:-1],
                   login.replace("GOODPHONE", "GRACEPHONE"), login + "A"):
        assert gate.login(forged)[-1].startswith("a BAD"), forged
    assert fake.logins == [(b"a", b"alice", PASSWORD.encode())]
    assert login.split(".")[1] not in gate.gateway.log()


@pytest.mark.parametrize("password", [
    'pass"w\\ord', "{5}", "p\u00e4ss wörd ", " ", "a\r\nb LOGOUT",
    "x" * 1500, "#", "%00"])
def test_a_password_reaches_the_back_end_as_it_was_sent(gate, fake, password):
    raw = password.encode()
    ways = [b"a LOGIN alice#GOODPHONE {%d+}\r\n%s\r\n" % (len(raw), raw),
            b"a AUTHENTICATE PLAIN "
            + b64("", "alice#GOODPHONE", raw).encode() + b"\r\n"]
    if "\n" not in password:
        escaped = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        ways.append(b'a LOGIN "alice#GOODPHONE" "%s"\r\n' % escaped)
    for way in ways:
        with gate.connect() as imap:
            assert allowed(imap.ask(way))
    assert fake.logins == [(b"a", b"alice", raw)] * len(ways)


@pytest.mark.parametrize("name", ["ALICE", "alice@Example.com", "DEMO\\Alice",
                                  "demo\\alice", "AlIcE@EXAMPLE.COM"])
def test_the_back_end_gets_the_canonical_name(gate, fake, name):
    quoted = name.replace("\\", "\\\\")
    assert allowed(gate.login(quoted + "#goodphone"))
    assert fake.logins == [(b"a", b"alice", PASSWORD.encode())]


@pytest.mark.parametrize("login", ["alice", "alice#NOSUCHPHONE",
                                   "alice#BOBPHONE", "mallory#GOODPHONE",
                                   "mallory", "alice#BADPHONE"])
def test_whoever_is_blocked_is_told_the_same(gate, fake, login):
    lines = gate.login(login)
    assert re.sub(r"t=\S+", "t=", lines[-1]) == (
        "a NO [ALERT] This device does not meet your organisation's security "
        f"rules. {PORTAL}?t=")
    assert fake.logins == []


def test_a_report_only_group_lets_in_and_is_told_of(gate, redis, fake):
    assert allowed(gate.login("carol#CAROLPHONE"))
    record = wait_until("a would-block is audited", lambda: [
        r for r in map(json.loads, redis.audit()) if r.get("user") == "carol"])
    assert record[0]["verdict"] == "allow" and record[0]["would_block"]
    assert record[0]["protocol"] == "imap" and record[0]["command"] == "LOGIN"
    assert record[0]["client"] == "127.0.0.1"


def test_a_device_in_grace_is_let_in(gate, fake):
    assert allowed(gate.login("alice#GRACEPHONE"))


def test_break_glass_gets_in_without_a_device_and_is_audited(gate, redis, fake):
    assert allowed(gate.login("breakglass"))
    wait_until("break-glass is audited", lambda: [
        r for r in map(json.loads, redis.audit())
        if r.get("user") == "breakglass" and r["reason"] == "break_glass"])


def test_a_toggle_acts_on_the_next_login(gate, redis, fake):
    assert blocked(gate.login("alice#BADPHONE"))
    redis.group("sales", mode="report")
    assert allowed(gate.login("alice#BADPHONE"))
    redis.group("sales", mode="off")
    assert allowed(gate.login("alice#BADPHONE"))
    redis.group("sales", mode="enforce")
    assert blocked(gate.login("alice#BADPHONE"))
    redis.device("BADPHONE", state="compliant")
    assert allowed(gate.login("alice#BADPHONE"))


def test_imap_can_be_denied_as_such(gate, redis, fake):
    redis.group("sales", deny_protocols="imap")
    assert blocked(gate.login("alice#GOODPHONE"))


def test_a_group_may_want_more_than_a_tag(gate, redis, fake):
    redis.group("sales", min_binding="secret")
    assert blocked(gate.login("alice#GOODPHONE"))


def test_an_exempt_network_lifts_the_device_conditions(gate, redis, fake):
    redis.group("sales", exempt_networks="127.0.0.0/8")
    assert allowed(gate.login("alice#BADPHONE"))


def test_the_address_is_the_one_that_nginx_believes(gateway, redis, fake):
    redis.seed()
    redis.group("sales", exempt_networks="10.0.0.0/8")
    port, far = free_port(), free_port()
    lines = ["compliance on", f"compliance_upstream 127.0.0.1:{fake.port}"]
    gateway.start(main=main(redis, gateway.directory), mail=(
        server(port, *lines, "set_real_ip_from 127.0.0.1",
               listen="proxy_protocol")
        + server(far, *lines, "set_real_ip_from 192.0.2.1",
                 listen="proxy_protocol")))
    for at, address, expected in ((port, "10.1.2.3", allowed),
                                  (port, "11.1.2.3", blocked),
                                  (far, "10.1.2.3", blocked)):
        with Imap(at, greeting=False) as imap:
            imap.send(f"PROXY TCP4 {address} 127.0.0.1 50000 143\r\n")
            assert imap.line().startswith("* OK")
            assert expected(imap.ask(f"a LOGIN alice#BADPHONE {PASSWORD}\r\n"))
    records = wait_until("three records", lambda: [
        r for r in map(json.loads, redis.audit()) if r["verdict"] == "block"])
    assert records[0]["client"] == "11.1.2.3"


def test_a_blocked_user_is_blocked_whatever_the_mode(gate, redis, fake):
    redis.user("carol", groups="pilot", blocked="1")
    assert blocked(gate.login("carol#CAROLPHONE"))


@pytest.mark.parametrize("id_text, expected", [
    ('("name" "Good Mail" "version" "2.0")', True),
    ('("name" "Bad Mail" "version" "2.0")', False), ("NIL", False)])
def test_a_client_is_known_by_its_id(gate, redis, fake, id_text, expected):
    redis.group("sales", allowed_clients="Good Mail/*")
    with gate.connect() as imap:
        imap.ask(f"i ID {id_text}\r\n", "i")
        lines = imap.ask(f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n")
        assert allowed(lines) if expected else blocked(lines)


# Certificates and TLS

def test_a_certificate_is_the_device(tls, redis, certificates, fake):
    good, bad = (certificates.issue(name) for name in ("good", "bad"))
    redis.alias("cert", certificates.fingerprint(good[0]), "GOODPHONE")
    redis.alias("cert", certificates.fingerprint(bad[0]), "BADPHONE")
    for pair, expected in ((good, allowed), (bad, blocked), (None, blocked)):
        context = certificates.client_context(pair)
        with Imap(tls.tls, context) as imap:
            assert expected(imap.ask(f"a LOGIN alice {PASSWORD}\r\n"))
    assert len(fake.logins) == 1


def test_a_certificate_of_another_ca_proves_nothing(tls, redis, certificates,
                                                    tmp_path, fake):
    from harness import Certificates
    other = Certificates(tmp_path / "other").issue("good")
    redis.alias("cert", certificates.fingerprint(other[0]), "GOODPHONE")
    context = certificates.client_context(other)
    with contextlib.suppress(ssl.SSLError, ConnectionError, AssertionError):
        with Imap(tls.tls, context) as imap:
            assert not allowed(imap.ask(f"a LOGIN alice {PASSWORD}\r\n"))
    assert fake.logins == []


def test_a_certificate_and_a_tag_must_be_one_device(tls, redis, certificates,
                                                    fake):
    good = certificates.issue("good2")
    redis.alias("cert", certificates.fingerprint(good[0]), "GOODPHONE")
    for tag, expected in (("GOODPHONE", "a OK"), ("BOBPHONE", "a BAD"),
                          ("GRACEPHONE", "a BAD")):
        with Imap(tls.tls, certificates.client_context(good)) as imap:
            lines = imap.ask(f"a LOGIN alice#{tag} {PASSWORD}\r\n")
            assert lines[-1].startswith(expected), (tag, lines)
    assert len(fake.logins) == 1


def test_a_resumed_session_is_the_same_device(tls, redis, certificates, fake):
    good = certificates.issue("good5")
    redis.alias("cert", certificates.fingerprint(good[0]), "GOODPHONE")
    context = certificates.client_context(good)
    with Imap(tls.tls, context) as imap:
        imap.ask("n NOOP\r\n", "n")
        session = imap.socket.session
    for expected in (allowed, blocked):
        with socket.create_connection(("127.0.0.1", tls.tls), timeout=10) as s:
            with context.wrap_socket(s, server_hostname="localhost",
                                     session=session) as secure:
                secure.sendall(f"a LOGIN alice {PASSWORD}\r\n".encode())
                file = secure.makefile("rb")
                lines = [file.readline().decode().strip() for _ in range(2)]
                assert secure.session_reused
        assert expected(lines), lines
        redis.cmd("DEL", "compliance:alias:cert:"
                  + certificates.fingerprint(good[0]))


def test_sources_that_are_not_asked_for_prove_nothing(gateway, redis, fake,
                                                      certificates):
    redis.seed()
    gate = Gate(gateway, redis, f"127.0.0.1:{fake.port}", certificates,
                extra=["compliance_device certificate"])
    assert gate.login("alice#GOODPHONE")[-1].startswith("a BAD")
    good = certificates.issue("good3")
    redis.alias("cert", certificates.fingerprint(good[0]), "GOODPHONE")
    with Imap(gate.tls, certificates.client_context(good)) as imap:
        assert allowed(imap.ask(f"a LOGIN alice {PASSWORD}\r\n"))


def test_a_tag_alone_where_certificates_are_not_asked_for(gateway, redis, fake,
                                                          certificates):
    redis.seed()
    gate = Gate(gateway, redis, f"127.0.0.1:{fake.port}", certificates,
                extra=["compliance_device login_tag"])
    good = certificates.issue("good4")
    redis.alias("cert", certificates.fingerprint(good[0]), "GOODPHONE")
    with Imap(gate.tls, certificates.client_context(good)) as imap:
        assert blocked(imap.ask(f"a LOGIN alice {PASSWORD}\r\n"))
    assert allowed(gate.login("alice#GOODPHONE"))


def test_starttls(tls, certificates, fake):
    for port in (tls.starttls, tls.only):
        with Imap(port) as imap:
            assert "STARTTLS" in imap.ask("c CAPABILITY\r\n", "c")[0]
            assert imap.ask("s STARTTLS\r\n", "s")[-1].startswith("s OK")
            imap.secure(certificates.client_context())
            lines = imap.ask("c CAPABILITY\r\n", "c")
            assert "STARTTLS" not in lines[0] and "AUTH=PLAIN" in lines[0]
            assert imap.ask("s STARTTLS\r\n", "s")[-1].startswith("s BAD")
            assert allowed(imap.ask(f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n"))
    assert len(fake.logins) == 2


@pytest.mark.parametrize("steps", [
    [f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n"],
    ["a LOGIN {15}\r\n"],
    ["a AUTHENTICATE PLAIN\r\n"],
    ["a AUTHENTICATE PLAIN " + b64("", "alice#GOODPHONE", PASSWORD) + "\r\n"],
    ["a AUTHENTICATE LOGIN\r\n"]])
def test_no_password_before_a_required_starttls(tls, fake, steps):
    with Imap(tls.only) as imap:
        capability = imap.ask("c CAPABILITY\r\n", "c")[0]
        assert "LOGINDISABLED" in capability and "AUTH=" not in capability
        for step in steps:
            lines = imap.ask(step)
        assert lines == ["a NO [PRIVACYREQUIRED] STARTTLS is required"]
        assert imap.ask("n NOOP\r\n", "n")[-1].startswith("n OK")
    assert fake.logins == []


@pytest.mark.parametrize("behind", [
    f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n", "b NOOP\r\n", "x", "\r\n"])
@pytest.mark.parametrize("pause", [0, 0.05])
def test_what_stands_behind_starttls_is_never_executed(tls, fake, certificates,
                                                       behind, pause):
    with Imap(tls.starttls) as imap:
        if pause:
            imap.send("s STARTTLS\r\n")
            time.sleep(pause)
            imap.send(behind)
        else:
            imap.send("s STARTTLS\r\n" + behind)
        with contextlib.suppress(ssl.SSLError, ConnectionError, OSError):
            if imap.line().startswith("s OK"):
                imap.secure(certificates.client_context())
                imap.send("n NOOP\r\n")
                assert imap.until("n") == []
        assert "OK did" not in imap.got.decode("latin-1")
    assert fake.logins == []


# ID and CAPABILITY

@pytest.mark.parametrize("text", [
    "NIL", "()", '("name" "Mail" "version" "1 (x) \\"y\\"")',
    '("name" NIL "os" "x")', '("name" {4+}\r\n)\r\n" "os" "x")'])
def test_id_is_answered_before_login(gate, fake, text):
    with gate.connect() as imap:
        assert imap.ask(f"i1 ID {text}\r\n", "i1") == ["* ID NIL",
                                                      "i1 OK ID completed"]
        assert allowed(imap.ask(f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n"))


def test_id_and_login_in_one_piece(gate, fake):
    with gate.connect() as imap:
        imap.send('i ID ("name" "x")\r\nc CAPABILITY\r\n'
                  f"a LOGIN alice#GOODPHONE {PASSWORD}\r\nb NOOP\r\n")
        assert imap.until("b") == [
            "* ID NIL", "i OK ID completed",
            "* CAPABILITY IMAP4 IMAP4rev1 UIDPLUS ID SASL-IR AUTH=PLAIN",
            "c OK completed", "a OK logged in", "b OK did NOOP"]


def test_capability_tells_the_truth(gateway, redis, fake):
    redis.seed()
    gate = Gate(gateway, redis, f"127.0.0.1:{fake.port}", extra=[
        "imap_auth plain login external",
        "imap_capabilities IMAP4rev1 IDLE ID SASL-IR AUTH=XOAUTH2 AUTH=PLAIN"
        " LITERAL+"])
    with gate.connect() as imap:
        assert imap.ask("c CAPABILITY\r\n", "c")[0] == (
            "* CAPABILITY IMAP4rev1 IDLE LITERAL+ ID SASL-IR AUTH=PLAIN"
            " AUTH=LOGIN")


@pytest.mark.parametrize("mechanism", ["EXTERNAL", "EXTERNAL =", "XOAUTH2 YQ==",
                                       "CRAM-MD5", "OAUTHBEARER", "GSSAPI",
                                       "PLAI", "PLAINX", "EXTERNAL YWxpY2U="])
def test_other_mechanisms_are_refused(gate, fake, mechanism):
    with gate.connect() as imap:
        assert imap.ask(f"a AUTHENTICATE {mechanism}\r\n") == [
            "a NO unsupported authentication mechanism"]
        assert allowed(imap.ask(f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n"))


# Malformed and ambiguous

BROKEN = {
    "NUL in a quoted name": b'a LOGIN "ali\0ce#GOODPHONE" x\r\n',
    "NUL in a literal": b"a LOGIN alice#GOODPHONE {3+}\r\na\0b\r\n",
    "NUL in a tag": b"a\0 LOGIN alice#GOODPHONE x\r\n",
    "NUL in PLAIN's password":
        b"a AUTHENTICATE PLAIN "
        + b64("", "alice#GOODPHONE", "a\0b").encode() + b"\r\n",
    "NUL in LOGIN's password":
        b"a AUTHENTICATE LOGIN " + b64("alice#GOODPHONE").encode() + b"\r\n"
        + b64("a\0b").encode() + b"\r\n",
    "NUL in LOGIN's name":
        b"a AUTHENTICATE LOGIN " + b64("alice\0#GOODPHONE").encode() + b"\r\n"
        + b64("x").encode() + b"\r\n",
    "an authzid that is another": b"a AUTHENTICATE PLAIN "
        + b64("bob", "alice#GOODPHONE", PASSWORD).encode() + b"\r\n",
    "an authzid that is the same person":
        b"a AUTHENTICATE PLAIN "
        + b64("alice", "alice#GOODPHONE", PASSWORD).encode() + b"\r\n",
    "an empty PLAIN": b"a AUTHENTICATE PLAIN =\r\n",
    "no base64": b"a AUTHENTICATE PLAIN *?*\r\n",
    "base64 without padding": b"a AUTHENTICATE PLAIN AGEAYg\r\n",
    "an over-long literal": b"a LOGIN alice#GOODPHONE {5000}\r\n",
    "an over-long literal that does not wait":
        b"a LOGIN alice#GOODPHONE {5000+}\r\n" + b"x" * 5000 + b"\r\n",
    "a literal of all numbers":
        b"a LOGIN alice#GOODPHONE {18446744073709551617+}\r\nx\r\n",
    "an endless line": b"a LOGIN " + b"x" * 9000,
    "an endless SASL line": b"a AUTHENTICATE PLAIN\r\n" + b"x" * 9000,
    "an odd tag": b"a+1 LOGIN alice#GOODPHONE x\r\n",
    "an odder tag": b'"a" LOGIN alice#GOODPHONE x\r\n',
    "an endless tag": b"a" * 40 + b" LOGIN alice#GOODPHONE x\r\n",
    "a name that does not end": b'a LOGIN "alice#GOODPHONE x\r\n',
    "a literal and a bit": b"a LOGIN {15+}\r\nalice#GOODPHONEx y\r\n",
    "three arguments": b"a LOGIN alice#GOODPHONE x y\r\n",
    "an empty name": b'a LOGIN "" x\r\n',
    "an empty password": b'a LOGIN alice#GOODPHONE ""\r\n',
    "an empty PLAIN password": b"a AUTHENTICATE PLAIN "
        + b64("", "alice#GOODPHONE", "").encode() + b"\r\n",
    "an empty tag": b"a LOGIN alice# x\r\n",
    "two tags": b"a LOGIN alice#GOODPHONE#BADPHONE x\r\n",
    "a forged tag": b"a LOGIN alice#GOODPHONE." + b"01" + b"A" * 22 + b" x\r\n",
    "a wildcard": b"a LOGIN al*ce#GOODPHONE x\r\n",
    "a trailing dot": b"a LOGIN alice.#GOODPHONE x\r\n",
    "a leading blank": b'a LOGIN " alice#GOODPHONE" x\r\n',
    "a line end": b"a LOGIN {16+}\r\nalice\r\n#GOODPHON x\r\n",
    "no UTF-8": b'a LOGIN "alic\xe9#GOODPHONE" x\r\n',
    "an endless name": b"a LOGIN " + b"a" * 600 + b"#GOODPHONE x\r\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_malformed_is_never_a_login(gate, redis, fake, data):
    redis.group("sales", mode="off")
    redis.group("default", mode="off", unknown_user="allow")
    with gate.connect() as imap:
        imap.send(data)
        line = imap.line()
        while line.startswith("+ "):
            line = imap.line()
        # a client that goes on talking to a closed socket may not hear it
        assert re.match(r"(a|\*) BAD ", line) or (line == ""
                                                  and len(data) > 4096), line
    assert fake.logins == []


def test_too_many_invalid_commands_end_the_session(gate):
    with gate.connect() as imap:
        for _ in range(5):
            assert imap.ask("a SELECT INBOX\r\n") == ["a BAD invalid command"]
        assert imap.rest() == ""
    with gate.connect() as imap:
        for _ in range(5):
            assert "NO unsupported" in imap.ask("a AUTHENTICATE X\r\n")[0]
        assert imap.rest() == ""


def test_an_exchange_can_be_cancelled(gate, fake):
    for steps in (["a AUTHENTICATE PLAIN\r\n"], ["a AUTHENTICATE LOGIN\r\n"],
                  ["a AUTHENTICATE LOGIN\r\n", b64("alice") + "\r\n"]):
        with gate.connect() as imap:
            for step in steps:
                imap.send(step)
                assert imap.line().startswith("+ ")
            assert imap.ask("*\r\n") == ["a BAD AUTHENTICATE cancelled"]
            assert allowed(imap.ask(f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n"))


@pytest.mark.parametrize("first", [
    "a LOGIN alice#BADPHONE x\r\n", "a LOGIN alice##GOODPHONE x\r\n",
    "a LOGIN x {3+}\r\na\0b\r\n"])
def test_nothing_is_executed_behind_a_refused_login(gate, fake, first):
    with gate.connect() as imap:
        imap.send(first + f"b LOGIN alice#GOODPHONE {PASSWORD}\r\nc NOOP\r\n")
        assert not re.search(r"^[bc] ", imap.rest(), re.M)
    assert fake.logins == []


# The back end

def test_a_wrong_password_is_the_back_ends_to_tell(gate, fake):
    fake.refuse.add(b"wrong")
    with gate.connect() as imap:
        assert imap.ask("a LOGIN alice#GOODPHONE wrong\r\n") == [
            "a NO [AUTHENTICATIONFAILED] wrong"]
        assert imap.rest() == ""
    assert allowed(gate.login("alice#GOODPHONE"))


def test_a_back_end_that_is_not_there_is_no_ones_login(gateway, redis):
    redis.seed()
    gate = Gate(gateway, redis, f"127.0.0.1:{free_port()}")
    with gate.connect() as imap:
        imap.send(f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n")
        assert imap.rest() == "* BAD internal server error\r\n"


def test_a_back_end_behind_a_unix_socket(gateway, redis, fake, tmp_path):
    redis.seed()
    path = tmp_path / "imap.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def relay():
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", fake.port))
        for a, b in ((near, far), (far, near)):
            def pump(a=a, b=b):
                with contextlib.suppress(OSError):
                    while data := a.recv(4096):
                        b.sendall(data)
            threading.Thread(target=pump, daemon=True).start()

    threading.Thread(target=relay, daemon=True).start()
    gate = Gate(gateway, redis, f"unix:{path}")
    assert allowed(gate.login("alice#GOODPHONE"))


def test_what_is_sent_during_the_login_is_not_lost(gate, fake):
    fake.delay = 0.3
    with gate.connect() as imap:
        imap.send(f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n")
        time.sleep(0.1)
        imap.send("b NOOP\r\n")
        assert imap.until("b")[-1] == "b OK did NOOP"


# auth_http

class AuthService:
    """A site's own auth_http: sends everyone to `port`, or says `answer`."""

    def __init__(self, port):
        self.requests = []
        self.answer = {}          # headers instead
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service.requests.append(dict(self.headers))
                self.send_response(200)
                for name, value in (service.answer or {
                        "Auth-Status": "OK", "Auth-Server": "127.0.0.1",
                        "Auth-Port": str(port)}).items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True,
                         kwargs={"poll_interval": 0.05}).start()


@pytest.fixture
def auth(fake):
    service = AuthService(fake.port)
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def auth_gate(gateway, redis, auth):
    redis.seed()
    port = free_port()
    gateway.start(main=main(redis, gateway.directory), level="debug",
                  mail=server(port, "compliance on",
                              f"auth_http 127.0.0.1:{auth.port}/auth"))
    return port


def one_login(port, name, password=PASSWORD):
    with Imap(port) as imap:
        return imap.ask(f"a LOGIN {name} {password}\r\n")


def test_the_sites_auth_http_goes_on_choosing(auth_gate, auth, fake):
    assert allowed(one_login(auth_gate, "ALICE@example.com#GOODPHONE"))
    assert blocked(one_login(auth_gate, "alice#BADPHONE"))
    assert [(r["Auth-User"], r["Auth-Pass"], r["Auth-Method"],
             r["Auth-Protocol"]) for r in auth.requests] == [
        ("alice", PASSWORD, "plain", "imap")]
    assert fake.logins == [(b"a", b"alice", PASSWORD.encode())]


def test_auth_http_may_send_other_credentials(auth_gate, auth, fake, gateway):
    auth.answer = {"Auth-Status": "OK", "Auth-Server": "127.0.0.1",
                   "Auth-Port": str(fake.port), "Auth-User": "box4711",
                   "Auth-Pass": "Canary-of-the-service"}
    assert allowed(one_login(auth_gate, "alice#GOODPHONE"))
    assert fake.logins == [(b"a", b"box4711", b"Canary-of-the-service")]
    assert "Canary" not in gateway.log()


def test_a_second_attempt_is_judged_anew(auth_gate, auth, fake, redis):
    good = {}
    auth.answer = {"Auth-Status": "Invalid login", "Auth-Wait": "1"}
    with Imap(auth_gate) as imap:
        lines = imap.ask("a LOGIN alice#GOODPHONE wrong\r\n")
        assert lines == ["a NO Invalid login"]
        auth.answer = good
        lines = imap.ask(f"b LOGIN alice#BADPHONE {PASSWORD}\r\n", "b")
        assert lines[-1].startswith("b NO [ALERT]")
    auth.answer = {"Auth-Status": "Invalid login", "Auth-Wait": "1"}
    with Imap(auth_gate) as imap:
        imap.ask("a LOGIN bob#BOBPHONE wrong-and-much-longer\r\n")
        auth.answer = good
        lines = imap.ask("b AUTHENTICATE PLAIN "
                         + b64("", "alice#GOODPHONE", PASSWORD) + "\r\n", "b")
        assert lines[-1] == "b OK logged in"
    assert fake.logins == [(b"b", b"alice", PASSWORD.encode())]
    assert [r["Auth-User"] for r in auth.requests] == ["alice", "bob", "alice"]
    assert auth.requests[-1]["Auth-Login-Attempt"] == "2"


def test_auth_http_on_the_mail_block_serves_an_ungated_neighbour(
        gateway, redis, auth, fake):
    redis.seed()
    gated, free, own = free_port(), free_port(), free_port()
    gateway.start(main=main(redis, gateway.directory), mail=(
        f"auth_http 127.0.0.1:{auth.port};\n"
        + server(gated, "compliance on") + server(free)
        + server(own, "compliance on",
                 f"compliance_upstream 127.0.0.1:{fake.port}")))
    assert blocked(one_login(gated, "alice#BADPHONE"))
    assert allowed(one_login(free, "alice#BADPHONE"))
    assert allowed(one_login(own, "alice#GOODPHONE"))
    assert [r["Auth-User"] for r in auth.requests] == ["alice#BADPHONE"]
    with Imap(free) as imap:
        assert "ID" not in imap.ask("c CAPABILITY\r\n", "c")[0].split()
        assert imap.ask("i ID NIL\r\n", "i") == ["i BAD invalid command"]


# The store

def test_no_redis_is_a_temporary_failure(gate, redis, fake):
    assert allowed(gate.login("alice#GOODPHONE"))
    redis.stop(signal.SIGKILL)
    started = time.monotonic()
    lines = gate.login("alice#GOODPHONE")
    assert lines[-1].startswith("a NO [UNAVAILABLE] ")
    assert PORTAL not in lines[-1]
    assert time.monotonic() - started < 1
    assert len(fake.logins) == 1
    redis.start()
    wait_until("the gate recovers", lambda: allowed(
        gate.login("alice#GOODPHONE")), timeout=6, step=0.1)


def test_a_frozen_redis_holds_nobody(gate, redis, fake):
    assert allowed(gate.login("alice#GOODPHONE"))
    redis.process.signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert "[UNAVAILABLE]" in gate.login("alice#GOODPHONE")[-1]
        assert time.monotonic() - started < 1
    finally:
        redis.process.signal(signal.SIGCONT)
    wait_until("the gate recovers", lambda: allowed(
        gate.login("alice#GOODPHONE")), timeout=6, step=0.1)


def test_a_client_that_leaves_during_the_lookup_leaves_nothing(gate, redis,
                                                               fake):
    assert allowed(gate.login("alice#GOODPHONE"))
    redis.process.signal(signal.SIGSTOP)
    try:
        for reset in (True, False) * 8:
            imap = gate.connect()
            imap.send(f"a LOGIN alice#GOODPHONE {PASSWORD}\r\nb NOOP\r\n")
            if reset:
                imap.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            imap.socket.close()
    finally:
        redis.process.signal(signal.SIGCONT)
    wait_until("the gate recovers", lambda: allowed(
        gate.login("alice#GOODPHONE")), timeout=6, step=0.1)


def test_a_device_that_keeps_coming_is_held_back(gate, fake):
    def once():
        started = time.monotonic()
        assert blocked(gate.login("alice#BADPHONE"))
        return time.monotonic() - started

    first = once()
    assert first < 0.5
    wait_until("an answer is held back", lambda: once() > 0.5, timeout=30,
               step=0)
    # the others are not
    assert allowed(gate.login("alice#GOODPHONE"))


def test_a_held_back_answer_waits_for_nobodys_bytes(gate, fake):
    for _ in range(30):
        with gate.connect() as imap:
            imap.send(f"a LOGIN alice#BADPHONE {PASSWORD}\r\n")
            if imap.silent(0.4):
                # neither more input nor a second thought brings it forward
                imap.send("b NOOP\r\n")
                assert imap.silent(0.1)
                assert blocked(imap.until("a"))
                return
    raise AssertionError("no answer was held back")


# Secrets

def test_no_log_and_no_record_holds_a_secret(gateway, redis, dovecot,
                                             certificates):
    redis.seed()
    gate = Gate(gateway, redis, f"127.0.0.1:{dovecot.port('imap')}",
                certificates, level="debug")
    names = ["alice#GOODPHONE", "alice#BADPHONE", "carol#CAROLPHONE",
             "mallory#NOSUCHPHONE", "alice#GOODPHONE#BADPHONE",
             "alice#GOODPHONE.01" + "T" * 22]
    for name in names:
        ways = [[f"a LOGIN {name} {PASSWORD} {PASSWORD}\r\n"],
                [f"a LOGIN {name} {PASSWORD} " + "x" * 5000],
                [f"a LOGIN {name} " + "{5000}\r\n"],
                [f"a AUTHENTICATE PLAIN {b64('', name, PASSWORD)}\r\n"]]
        if "PHONE" in name[-9:] and "BAD" not in name and "NOSUCH" not in name:
            # not those whose answers would be held back
            ways += [[f"a LOGIN {name} {PASSWORD}\r\n"],
                     ["a AUTHENTICATE LOGIN\r\n", b64(name) + "\r\n",
                      b64(PASSWORD) + "\r\n"],
                     [f"a LOGIN {name} {PASSWORD}wrong\r\n"]]
        for steps in ways:
            with gate.connect() as imap:
                for step in steps:
                    imap.send(step)
                    imap.line()
    text = gateway.log()
    store = json.dumps([
        [key.decode(), repr(redis.cmd("DUMP", key))]
        for key in redis.cmd("KEYS", "*")]) + "".join(redis.audit())
    secrets = [PASSWORD, b64(PASSWORD), b64("", names[0], PASSWORD)]
    secrets += names + [b64(name) for name in names] + ["T" * 22]
    for secret in secrets:
        assert secret not in text, secret
        assert secret not in store, secret
    assert 'login: "alice"' in text


# Real clients, by the ways in (the demo's tests do the rest)

@pytest.mark.parametrize("how", ["plain", "starttls", "tls"])
@pytest.mark.parametrize("options", [[], ["--login-options", "AUTH=PLAIN"],
                                     ["--login-options", "AUTH=LOGIN"],
                                     ["--sasl-ir"]])
def test_curl(gateway, redis, dovecot, certificates, how, options):
    assert have("curl")
    redis.seed()
    gate = Gate(gateway, redis, f"127.0.0.1:{dovecot.port('imap')}",
                certificates, extra=["imap_auth plain login"])
    port, scheme, more = {"plain": (gate.port, "imap", []),
                          "starttls": (gate.only, "imap", ["--ssl-reqd"]),
                          "tls": (gate.tls, "imaps", [])}[how]
    for device, expected in (("GOODPHONE", 0), ("BADPHONE", 67)):
        run = subprocess.run(
            ["curl", "-sv", "--cacert", certificates.ca, "--max-time", "10",
             *more, *options, "-u", f"alice#{device}:{PASSWORD}",
             f"{scheme}://localhost:{port}/INBOX;MAILINDEX=1"],
            capture_output=True, text=True, timeout=20)
        assert run.returncode == expected, run.stderr
        if expected:
            assert "[ALERT]" in run.stderr and PORTAL in run.stderr
        else:
            assert "Hello from the lab" in run.stdout


@pytest.fixture
def proven(gateway, redis, dovecot, certificates):
    """A gate before Dovecot; two certificates, of a good and a bad device."""
    redis.seed()
    redis.group("sales", min_binding="certificate")
    pairs = {}
    for name, device in (("good6", "GOODPHONE"), ("bad6", "BADPHONE")):
        pairs[device] = certificates.issue(name)
        redis.alias("cert", certificates.fingerprint(pairs[device][0]), device)
    return Gate(gateway, redis, f"127.0.0.1:{dovecot.port('imap')}",
                certificates), pairs


def run_client(tmp_path, *args):
    run = subprocess.run(args, capture_output=True, text=True, timeout=60,
                         stdin=subprocess.DEVNULL, cwd=tmp_path,
                         env=dict(os.environ, HOME=str(tmp_path)))
    return run.returncode, run.stdout + run.stderr


def test_mbsync_with_a_certificate(proven, certificates, tmp_path):
    gate, pairs = proven
    for device, (crt, key) in pairs.items():
        (tmp_path / device).mkdir()
        conf = tmp_path / f"{device}.rc"
        conf.write_text(f"""
IMAPAccount gate
Host localhost
Port {gate.tls}
User alice
Pass "{PASSWORD}"
SSLType IMAPS
CertificateFile {certificates.ca}
ClientCertificate {crt}
ClientKey {key}

IMAPStore far
Account gate

MaildirStore near
Path {tmp_path}/{device}/
Inbox {tmp_path}/{device}/INBOX

Channel mail
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
""")
        status, output = run_client(tmp_path, "mbsync", "-c", conf, "-a")
        got = list((tmp_path / device).glob("INBOX/*/*"))
        if device == "GOODPHONE":
            assert status == 0 and got, output
        else:
            assert status != 0 and not got and PORTAL in output, output


def test_offlineimap_with_a_certificate(proven, certificates, tmp_path):
    gate, pairs = proven
    for device, (crt, key) in pairs.items():
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
remoteport = {gate.tls}
remoteuser = alice
remotepass = {PASSWORD}
ssl = yes
sslcacertfile = {certificates.ca}
sslclientcert = {crt}
sslclientkey = {key}
maxconnections = 1
folderfilter = lambda name: name == 'INBOX'
""")
        status, output = run_client(tmp_path, "offlineimap", "-o", "-c", conf)
        got = list((tmp_path / device).glob("INBOX/*/*"))
        if device == "GOODPHONE":
            assert status == 0 and got, output
        else:
            assert status != 0 and not got and PORTAL in output, output
