"""Attacks on the whole, in raw bytes: Alice, who knows her password and holds a
device that is not compliant, and insiders who know more, try every way in to
real SOGo, Roundcube and Dovecot.  Nothing of Alice's gets out, and nothing in
her name reaches a back end."""

import base64
import concurrent.futures
import json
import re
import socket
import ssl
import time

import pytest

from harness import basic, raw

EAS = "/Microsoft-Server-ActiveSync"
FOLDER_SYNC = bytes.fromhex("03016a00000756520330000101")
TIMEOUT = 8    # a repeated block is answered after five seconds


class Attacker:
    def __init__(self, demo):
        self.demo = demo
        self.port = int(re.search(r":(\d+)/", demo.gateway_eas_url)[1])
        self.alice = basic("alice", demo.demo_password)
        self.carol = basic("carol", "carol-demo")

    def context(self, device):
        context = ssl.create_default_context(cafile=self.demo.gateway_ca)
        context.check_hostname = False
        if device:
            context.load_cert_chain(
                getattr(self.demo, f"demo_device_{device}_cert"),
                getattr(self.demo, f"demo_device_{device}_key"))
        return context

    def send(self, data, device=None):
        """What comes back, or nothing where the server hangs up."""
        try:
            return raw(self.port, data, TIMEOUT, self.context(device))
        except OSError:
            return b""

    def all(self, requests, device=None):
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            return list(pool.map(lambda r: self.send(r, device), requests))

    def request(self, method, target, headers=(), body=b"", host="localhost",
                version="HTTP/1.1", close=True):
        lines = [f"{method} {target} {version}", *headers]
        if host:
            lines.insert(1, f"Host: {host}:{self.port}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin1") + body

    def phone(self, query, headers=None, target=EAS, **options):
        """A FolderSync, which would list Alice's folders."""
        if headers is None:
            headers = [f"Authorization: {self.alice}"]
        return self.request("POST", f"{target}?{query}", [
            *headers, "MS-ASProtocolVersion: 14.1",
            "Content-Type: application/vnd.ms-sync.wbxml"], FOLDER_SYNC,
            **options)

    def query(self, **changed):
        values = {"Cmd": "FolderSync", "User": "alice",
                  "DeviceId": "MADEUP9", "DeviceType": "Phone", **changed}
        return "&".join(f"{k}={v}" for k, v in values.items())


@pytest.fixture(scope="module")
def attacker(demo):
    demo.ctl("group", "mode", demo.demo_group, "enforce", "--force")
    demo.ctl("device", "set", demo.demo_device_noncompliant,
             "state=noncompliant")
    demo.ctl("device", "set", "CAROLPC", "state=noncompliant", "owner=carol")
    yield Attacker(demo)
    demo.ctl("device", "delete", "CAROLPC")


class Watch:
    """The requests that were handed to a back end meanwhile."""

    def __init__(self, demo):
        self.demo = demo

    def __enter__(self):
        self.begin = len(self.demo.access_log())
        return self

    def __exit__(self, *exception):
        time.sleep(0.3)    # a request is logged when it has ended
        lines = self.demo.access_log()[self.begin:].splitlines()
        self.proxied = [line for line in map(json.loads, lines)
                        if line["upstream"]]


def spellings(demo):
    query = f"?Cmd=FolderSync&User=alice&DeviceId={demo.demo_device_unknown}" \
            "&DeviceType=Phone"
    return [path.replace("QUERY", query) for path in (
        f"{EAS}QUERY", f"{EAS}/QUERY", f"{EAS}/default.easQUERY",
        f"{EAS.lower()}QUERY", f"/{EAS}QUERY", f"/SOGo{EAS}QUERY",
        f"/SOGo{EAS.lower()}QUERY", f"/sogo{EAS}QUERY", f"/SOGo{EAS}/QUERY",
        f"/SOGo{EAS}/xQUERY", f"/SOGo/so{EAS}QUERY", f"/SOGo/so/alice{EAS}QUERY",
        f"/SOGo/alice{EAS}QUERY", f"/SOGo/dav{EAS}QUERY",
        f"/SOGo/dav/alice{EAS}QUERY", "/%4dicrosoft-Server-ActiveSyncQUERY",
        "/SOGo/%4Dicrosoft-Server-ActiveSyncQUERY",
        "/SOGo/%254dicrosoft-Server-ActiveSyncQUERY", f"/SOGo/.{EAS}QUERY",
        f"/SOGo/x/..{EAS}QUERY", f"/SOGo{EAS}%00QUERY", f"/SOGo{EAS};xQUERY",
        "/SOGo%2fMicrosoft-Server-ActiveSyncQUERY",
        "/SOGo\\Microsoft-Server-ActiveSyncQUERY", f"/SOGo{EAS}#QUERY",
        f"/SOGo/WebServerResources/..{EAS}QUERY",
        "/SOGo.woa/WebServerResources/%2e%2e/%2e%2e/SOGo"
        "/Microsoft-Server-ActiveSyncQUERY",
        f"http://localhost{EAS}QUERY", f"http://evil/SOGo{EAS}QUERY",
        f"SOGo{EAS}QUERY", "*", f"/SOGo{EAS}?x=QUERY")]


def test_no_spelling_of_a_path_leads_to_alices_folders(demo, attacker):
    headers = [f"Authorization: {attacker.alice}",
               "MS-ASProtocolVersion: 14.1"]
    with Watch(demo) as watch:
        attacker.all([attacker.request("POST", path, headers, FOLDER_SYNC)
                      for path in spellings(demo)])
    assert watch.proxied == []


def test_no_method_leads_to_alices_folders(demo, attacker):
    with Watch(demo) as watch:
        attacker.all([
            attacker.phone(attacker.query(DeviceId=f"METHOD{i}")).replace(
                b"POST", method, 1)
            for i, method in enumerate([
                b"GET", b"HEAD", b"PUT", b"DELETE", b"PROPFIND", b"REPORT",
                b"SEARCH", b"TRACE", b"CONNECT", b"LOCK", b"ANY", b"post",
                b"POST\t", b"X-POST"])])
    assert watch.proxied == []


def test_no_spelling_of_a_query_leads_to_alices_folders(demo, attacker):
    good, query = demo.demo_device_compliant, attacker.query()
    queries = [
        f"{query}&DeviceId={good}", f"{query}&deviceid={good}",
        f"DeviceId={good}&{query}", f"{query};DeviceId={good}",
        f"{query}&DeviceId%20={good}", f"{query}&+DeviceId={good}",
        f"{query}&Device.Id={good}", f"{query}&DeviceId[]={good}",
        f"{query}?Cmd=FolderSync&User=alice&DeviceId={good}&DeviceType=x",
        f"{query}%23", f"&&{query}", f"{query}%09", f"{query}%0d%0aX:1",
        f"{query}&Cmd=OPTIONS", "", "Cmd=FolderSync&User=alice",
        attacker.query(User="breakglass"), attacker.query(User="carol"),
        attacker.query(DeviceId=f"{good}%00"),
        attacker.query(DeviceId=f"%20{good}"), attacker.query(DeviceId=""),
        attacker.query(DeviceId="A" * 33), attacker.query(Cmd="OPTIONS"),
        attacker.query(Cmd="Autodiscover"), attacker.query(Cmd=""),
        "jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg=",
        "%6aRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg=",
        f"jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg=&{query}",
        query.replace("DeviceId", "deviceid"),
        query.replace("DeviceId", "Device%49d")]
    with Watch(demo) as watch:
        attacker.all([attacker.phone(q) for q in queries])
    assert watch.proxied == []


def test_no_credential_beside_alices_leads_to_her_folders(demo, attacker):
    alice, carol = attacker.alice, attacker.carol
    known = basic("breakglass", demo.demo_break_glass_password)
    lines = [
        [f"Authorization: {alice}", f"Authorization: {known}"],
        [f"Authorization: {known}", f"Authorization: {alice}"],
        [f"Authorization: {known}, {alice}"],
        [f"Authorization: {carol}\r\n {alice}"],
        [f"Authorization : {alice}"], [f"Authorization:\t{alice}"],
        [f"Authorization: {alice}="], [f"Authorization: {alice[:-1]}"],
        [f"Authorization: bASIC   {alice[6:]}"],
        [f"Authorization: Basic\t{alice[6:]}"],
        [f"Authorization: {carol}", f"Proxy-Authorization: {alice}"],
        ["Authorization: Negotiate YII="],
        ["Authorization: NTLM TlRMTVNTUAABAAAA"],
        ['Authorization: Digest username="alice"'],
        ["Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."],
        [f"Authorization: {alice}", "X-WebObjects-Remote-User: carol",
         "X-Remote-User: carol", "Remote-User: carol"],
        [f"Authorization: {alice}", "X-Original-URL: /",
         "X-Rewrite-URL: /", "X-HTTP-Method-Override: OPTIONS"],
        [f"Authorization: {alice}", "X-Forwarded-For: 10.0.0.1",
         "X-Real-IP: 10.0.0.1", "X-MS-PolicyKey: 1"],
        [f"Authorization: {alice}", "Connection: Upgrade, HTTP2-Settings",
         "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ]
    with Watch(demo) as watch:
        attacker.all([attacker.phone(attacker.query(DeviceId=f"BESIDE{i}"), h)
                      for i, h in enumerate(lines)])
    assert watch.proxied == []


@pytest.mark.parametrize("name", [
    "ALICE@Example.com", "demo\\alice", "alice ", " alice", "alice\0",
    "alice*breakglass", "breakglass*alice", "\uff41lice", "al\u00adice",
    "alic\u0435", "alice\u0307", "alice#", "alice@", "alice."])
def test_no_spelling_of_alices_name_leads_to_her_folders(demo, attacker, name):
    with Watch(demo) as watch:
        attacker.send(attacker.phone(
            attacker.query(User="", DeviceId="SPELT"),
            [f"Authorization: {basic(name, demo.demo_password)}"]))
    assert watch.proxied == []


def test_no_framing_leads_to_alices_folders(demo, attacker):
    def head(*lines, **options):
        return attacker.request(
            "POST", f"{EAS}?{attacker.query(DeviceId='FRAMED')}",
            [f"Authorization: {attacker.alice}", "MS-ASProtocolVersion: 14.1",
             *lines], **options)

    hidden = attacker.phone(attacker.query(DeviceId="HIDDEN"))
    whole = attacker.phone(attacker.query(DeviceId="WHOLE"))
    with Watch(demo) as watch:
        attacker.all([
            head("Content-Length: 5", "Transfer-Encoding: chunked",
                 close=False) + b"0\r\n\r\n" + hidden,
            head("Content-Length: 5", "Content-Length: 6",
                 close=False) + b"hello!" + hidden,
            head("Transfer-Encoding: xchunked") + b"0\r\n\r\n",
            head("Transfer-Encoding: chunked", "Transfer-Encoding: identity")
            + b"0\r\n\r\n", head("Transfer-Encoding: gzip, chunked"),
            head("Content-Length: -1"), head("Content-Length: +5") + b"hello",
            whole.replace(b"\r\n", b"\n"), head(host=None),
            head(version="HTTP/1.0"), head("Host: other"), head(host="a/b@c"),
            head("Range: bytes=0-0", "If-None-Match: *"),
            head("Expect: 100-continue", "Content-Length: 5") + b"hello"])
    assert watch.proxied == []


def test_a_request_behind_an_allowed_one_is_judged_for_itself(demo, attacker):
    carol = attacker.phone(attacker.query(User="carol", DeviceId="FIRST"),
                           [f"Authorization: {attacker.carol}"], close=False)
    options = attacker.request(
        "OPTIONS", EAS, [f"Authorization: {attacker.alice}",
                         "Transfer-Encoding: chunked"], close=False) \
        + b"0\r\n\r\n"
    hidden = attacker.phone(attacker.query(DeviceId="BEHIND"))
    with Watch(demo) as watch:
        attacker.all([carol + hidden, options + hidden, attacker.request(
            "OPTIONS", f"{EAS}?{attacker.query(DeviceId='BODY')}",
            [f"Authorization: {attacker.alice}"], hidden)])
    assert sorted((line["user"], line["eas_command"])
                  for line in watch.proxied) == [
        ("alice", "OPTIONS"), ("alice", "OPTIONS"), ("carol", "FolderSync")]


def sogo_login(attacker, body, headers=("Content-Type: application/json",),
               target="/SOGo/connect", method="POST"):
    return attacker.request(method, target, headers, body)


def cookies(answer):
    return "; ".join(c.decode() for c in re.findall(
        rb"(?i)\r\nset-cookie: ([^;\r]+)", answer) if b"discard" not in c)


def test_alices_session_opens_nothing_on_another_of_her_devices(demo, attacker):
    login = json.dumps({"userName": "alice", "password": demo.demo_password})
    session = cookies(attacker.send(sogo_login(attacker, login.encode()),
                                    "compliant"))
    assert "SOGo=basic" in session
    view = attacker.request("GET", "/SOGo/so/alice/Mail/view",
                            [f"Cookie: {session}"])
    with Watch(demo) as watch:
        assert b"HTTP/1.1 200" in attacker.send(view, "compliant")
    assert "/SOGo/so/alice/Mail/view" in [line["path"] for line in watch.proxied]

    beside = [[], [f"Authorization: {attacker.alice}"],
              [f"Authorization: {basic('breakglass', 'guessed')}"]]
    requests = [attacker.request(method, path, [f"Cookie: {session}", *lines])
                for lines in beside for method, path in (
                    ("GET", "/SOGo/so/alice/Mail/view"),
                    ("OPTIONS", "/SOGo/so/alice/Mail/view"),
                    ("GET", "/SOGo/WebServerResources/../so/alice/Mail/view"))]
    requests += [attacker.request(method, path, [f"Cookie: {session}"])
                 for method, path in (
                     ("PROPFIND", "/SOGo/dav/alice/Mail/"),
                     ("GET", "/SOGo/dav/alice/"), ("OPTIONS", EAS))]
    with Watch(demo) as watch:
        attacker.all(requests)
        attacker.all(requests[:4], "noncompliant")
    assert watch.proxied == []


@pytest.fixture
def reporting(demo):
    """Browsers without a certificate are let in: the login is all that is left
    to be gated."""
    demo.ctl("group", "mode", "default", "report")
    yield
    demo.ctl("group", "mode", "default", "enforce", "--force")


def test_no_spelling_of_a_login_opens_alices_sogo(demo, attacker, reporting):
    def login(name, password):
        return json.dumps({"userName": name, "password": password}).encode()

    alice = login("alice", demo.demo_password)
    carol = login("carol", "carol-demo")
    open_to_carol = attacker.send(sogo_login(attacker, carol))
    assert "SOGo=basic" in cookies(open_to_carol)

    bodies = [
        alice, b"\r\n\t " + alice, b"\x0b" + alice, b"\x0c" + alice,
        b"\xef\xbb\xbf" + alice, b"[" + alice + b"]", alice + b"," + carol,
        carol + b"," + alice, alice[:-1] + b',"userName":"carol"}',
        b'{"userName":"carol",' + alice[1:],
        alice.replace(b"userName", b"user\\u004eame"),
        alice.replace(b"alice", b"\\u0061lice", 1),
        alice.replace(b"alice", b"\\\\u0061lice", 1),
        alice.replace(b"userName", b"user\\\\u004eame"),
        alice.replace(b'"alice"', b'["alice"]'),
        alice.replace(b"}", b',"x":"\\x"}'),
        alice.replace(b"}", b',"x":1e999}'),
        alice.replace(b"}", b',"x":' + b"[" * 600 + b"]" * 600 + b"}"),
        alice.replace(b"}", b',}'), alice + b"\0", b"//\n" + alice,
        alice.replace(b'"', b"'"), b'"x","key":' + alice,
        alice.decode().encode("utf-16"), login("ALICE", demo.demo_password),
        login("alice@example.com", demo.demo_password),
        login("alice\0", demo.demo_password),
        login("\uff41lice", demo.demo_password)]
    requests = [sogo_login(attacker, body) for body in bodies]
    for content_type in ("text/plain", "application/json; charset=utf-16",
                         "application/json;charset=utf-7", "multipart/x", "",
                         "application/x-www-form-urlencoded"):
        requests.append(sogo_login(attacker, alice,
                                   [f"Content-Type: {content_type}"]))
    requests.append(sogo_login(attacker, alice.decode().encode("utf-7"),
                               ["Content-Type: application/json;charset=utf-7"]))
    requests.append(sogo_login(attacker, alice.decode().encode("utf-16-le"),
                               ["Content-Type: text/x; charset=utf-16le"]))
    requests += [sogo_login(attacker, alice, method=m)
                 for m in ("GET", "PUT", "PATCH", "PROPFIND", "OPTIONS")]
    requests += [sogo_login(attacker, alice, target=t) for t in (
        "/SOGo/so/connect", "/SOGo//connect", "/SOGo/x/connect",
        "/SOGo/so/alice/connect", "/SOGo/?:method=connect", "/SOGo/?Cmd=connect",
        "/SOGo?:method=connect", "/SOGo/dav/connect", "/SOGo/connect/x",
        "/SOGo/c%6fnnect", "/SOGo/Connect", "/SOGo/so/?:method=connect")]
    for answer in attacker.all(requests):
        assert "SOGo=basic" not in cookies(answer), answer[:200]


def roundcube_login(attacker, fields, content_type, method="POST",
                    target="/?_task=login", headers=()):
    """In a session of its own.  True: it was opened."""
    page = attacker.send(attacker.request("GET", "/?_task=login",
                                          ["Accept: text/html"]))
    token = re.search(rb'name="_token" value="([^"]+)"', page)
    answer = attacker.send(attacker.request(
        method, target, [f"Cookie: {cookies(page)}", "Accept: text/html",
                         f"Content-Type: {content_type}", *headers],
        fields.replace(b"TOKEN", token[1])))
    return "roundcube_sessauth=" in cookies(answer).replace("sessauth=-del-", "")


def form(name, password):
    return (f"_task=login&_action=login&_token=TOKEN&_pass={password}"
            f"&_user={name}").encode()


URLENCODED = "application/x-www-form-urlencoded"


def parts(name, password, lines=b"\r\n"):
    text = b""
    for field in form(name, password).split(b"&"):
        key, value = field.split(b"=")
        text += lines.join([
            b"--XBOUND", b'Content-Disposition: form-data; name="%s"' % key,
            b"", value, b""])
    return text + b"--XBOUND--" + lines


def test_no_spelling_of_a_login_opens_alices_roundcube(demo, attacker,
                                                       reporting):
    alice, carol = form("alice", demo.demo_password), form("carol", "carol-demo")
    multipart = "multipart/form-data; boundary=XBOUND"
    assert roundcube_login(attacker, carol, URLENCODED)
    assert roundcube_login(attacker, parts("carol", "carol-demo"), multipart)

    rest = alice.replace(b"&_user=alice", b"")
    attempts = [(body, URLENCODED) for body in (
        alice, b"&" + alice, alice + b"&_user=carol", b"_user=carol&" + alice,
        alice + b";_user=carol", rest + b"&_user[]=alice",
        rest + b"&%5fuser=alice", rest + b"&.user=alice", rest + b"&+_user=alice",
        rest + b"&_user%00=alice", rest + b"&_user%00x=alice",
        rest + b"&x=%&_user=alice", rest + b"&_user%5B=alice",
        rest + b"&_user=%61lice", rest + b"&_user=+alice%0d%0a",
        rest + b"&_user=al%3Cb%3Eice", rest + b"&_user=alice%00",
        rest + b"&_user=carol%00&_user=alice", rest + b"&_user=ALICE",
        rest + b"&_user=alice%40example.com", rest + b"&_user=%EF%BD%81lice",
        rest + b"&_user=demo%5calice", rest + b"&_user=alice*breakglass",
        b"x=" + b"y" * 200_000 + b"&" + alice,
        alice + b"&x=" + b"y" * 200_000)]
    attempts += [(alice, content_type) for content_type in (
        "text/plain", "application/json", f"{URLENCODED}; charset=ibm037",
        f"{URLENCODED}x", URLENCODED.upper(), f"{URLENCODED},text/plain",
        f"x; {URLENCODED}", f"\t{URLENCODED}", f"{URLENCODED};", "",
        f"text/plain\r\nContent-Type: {URLENCODED}",
        f"{URLENCODED}\r\nContent-Type: text/plain",
        f"{URLENCODED}\r\nContent-Encoding: gzip")]
    attempts += [(parts("alice", demo.demo_password), content_type)
                 for content_type in (
                     multipart, "multipart/form-data; boundary=\"XBOUND\"",
                     "multipart/form-data; boundary=Y; boundary=XBOUND",
                     "multipart/form-data; boundary=XBOUND,Y",
                     "multipart/form-data; xboundary=Y; boundary=XBOUND",
                     f"x; {multipart}", "multipart/mixed; boundary=XBOUND")]
    attempts.append((parts("alice", demo.demo_password, b"\n"), multipart))
    attempts.append((parts("alice", demo.demo_password).replace(
        b'"_user"', b"_user"), multipart))
    attempts.append((b"x\r\n" + parts("alice", demo.demo_password), multipart))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(
            lambda a: roundcube_login(attacker, *a), attempts))
        opened += pool.map(
            lambda o: roundcube_login(attacker, alice, URLENCODED, **o),
            [{"method": "PUT"}, {"method": "GET"}, {"target": "/index.php"},
             {"target": "/?_task=mail"}, {"target": "/index.php/x"},
             {"target": "/skins/elastic/x.css"},
             {"method": "PUT", "headers": ["X-HTTP-Method-Override: POST"]}])
    assert [a for a, o in zip(attempts, opened) if o] == []
    assert not any(opened)


def b64(text):
    return base64.b64encode(text.encode()).decode()


def dialogues(password):
    """What an attacker sends: a list of pieces, each sent when the server was
    heard.  None of them may end in a session of Alice's."""
    for name in ("alice", "ALICE", "Alice@Example.com", "demo\\\\alice",
                 "alice ", " alice", "alice*breakglass", "breakglass*alice",
                 "\uff41lice", "al\u00adice", "alic\u0435", "alice#",
                 "alice##DEMOIPHONE01", "alice#DEMOIPHONE01#X", "alice#CAROLPC",
                 "alice#DEMOIPHONE01.01AAAAAAAAAAAAAAAAAAAAAA", "alice."):
        yield [f'a LOGIN "{name}" "{password}"\r\n']
    yield ["a LOGIN {5}\r\n", "alice {10}\r\n", f"{password}\r\n"]
    yield [f"a LOGIN {{5+}}\r\nalice {{10+}}\r\n{password}\r\n"]
    yield [f"a LOGIN {{6+}}\r\nalice\0 {{10+}}\r\n{password}\r\n"]
    yield [f"a login alice {password}\n"]
    yield [f"a NOOP\rb LOGIN alice {password}\r\n"]
    yield [f"LOGIN alice {password}\r\n"]
    yield [f"a UID LOGIN alice {password}\r\n"]
    yield [f"a STARTTLS\r\nb LOGIN alice {password}\r\n"]
    yield [f"a AUTHENTICATE PLAIN {b64(f'{chr(0)}alice{chr(0)}{password}')}\r\n"]
    for authzid, authcid, word in (("alice", "carol#CAROLPC", "carol-demo"),
                                   ("carol#CAROLPC", "alice", password)):
        message = b64(f"{authzid}\0{authcid}\0{word}")
        yield [f"a AUTHENTICATE PLAIN {message}\r\n"]
        yield ["a AUTHENTICATE PLAIN\r\n", f"{message}\r\n"]
    yield ["a AUTHENTICATE LOGIN\r\n", f"{b64('alice')}\r\n",
           f"{b64(password)}\r\n"]
    yield ["a AUTHENTICATE EXTERNAL =\r\n"]
    yield ["a AUTHENTICATE ANONYMOUS\r\n", "\r\n"]
    yield [f"a LOGIN carol#CAROLPC wrong\r\nb LOGIN alice {password}\r\n"]
    yield ['a ID ("x-originating-ip" "127.0.0.1" "x-session-id" "a")\r\n'
           f"b LOGIN alice {password}\r\n"]
    # Carol's own session, which may not become Alice's
    for change in ("UNAUTHENTICATE", f"LOGIN alice {password}", "STARTTLS",
                   f"AUTHENTICATE PLAIN {b64(f'{chr(0)}alice{chr(0)}x')}"):
        yield ["a LOGIN carol#CAROLPC carol-demo\r\n", f"b {change}\r\n",
               f"c LOGIN alice {password}\r\n"]


def alices_mail(attacker, pieces):
    """What FETCH finds in whatever session there is."""
    host, port = attacker.demo.gateway_imap.split(":")
    heard = b""
    with socket.create_connection(("127.0.0.1", int(port)), 2) as s:
        try:
            for piece in [*pieces, "x SELECT INBOX\r\n",
                          "y FETCH 1:* BODY[HEADER.FIELDS (SUBJECT)]\r\n",
                          "z LOGOUT\r\n"]:
                heard += s.recv(65536)
                s.sendall(piece.encode())
            s.settimeout(TIMEOUT)
            while chunk := s.recv(65536):
                heard += chunk
        except OSError:
            pass
    return heard


def test_no_dialogue_opens_alices_mailbox(demo, attacker):
    good = f"a LOGIN alice#{demo.demo_device_compliant} {demo.demo_password}\r\n"
    assert b"for alice" in alices_mail(attacker, [good])
    assert b"for carol" in alices_mail(
        attacker, ["a LOGIN carol#CAROLPC carol-demo\r\n"])

    attempts = list(dialogues(demo.demo_password))
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        heard = list(pool.map(lambda d: alices_mail(attacker, d), attempts))
    assert [d for d, h in zip(attempts, heard) if b"for alice" in h] == []
