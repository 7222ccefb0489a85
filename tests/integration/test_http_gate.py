"""The HTTP gate in a real nginx: who is let through, what the others are told,
and what the back end gets to see."""

import base64
import json
import re
import socket
import ssl
import subprocess
import time

import pytest

from harness import (Certificates, basic, free_port, raw, request,
                     wait_until)

EAS = "/Microsoft-Server-ActiveSync"
BLOCKED = ("Access from this device is not allowed by your organisation's "
           "security rules.")
LOOK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

MAIN = """
compliance_redis unix:@redis@ timeout=500ms connect_timeout=500ms;
compliance_node test;
compliance_secret_file @dir@/secret;
compliance_portal_url https://portal.example.com/compliance;
"""

HTTP = """
log_format verdict '$request_uri|$remote_user|$compliance_verdict'
    '|$compliance_reason|$compliance_device|$compliance_user'
    '|$compliance_group|$compliance_would_block|$compliance_cache'
    '|$compliance_id|$eas_cmd|$eas_device_id|$eas_device_type|$eas_user';
access_log @dir@/verdict.log verdict;

server {
    listen 127.0.0.1:@port@;
    @server@

    location /Microsoft-Server-ActiveSync {
        compliance on;
        compliance_protocol eas;
        proxy_pass http://127.0.0.1:@backend@;
        @eas@
    }
    location /mail/ {
        compliance on;
        compliance_protocol web;
        @web@
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /ews/ {
        compliance on;
        compliance_protocol ews;
        @ews@
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /dav/ {
        compliance on;
        compliance_protocol dav;
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /autodiscover/ {
        compliance on;
        compliance_protocol autodiscover;
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /open/ {
        proxy_pass http://127.0.0.1:@backend@;
    }
    @more@
}
@servers@
"""


class Site:
    """A gateway with a location for each protocol."""

    def __init__(self, gateway, redis, backend):
        self.gateway, self.redis, self.backend = gateway, redis, backend
        self.port = free_port()
        self.secret = "01 " + "ab" * 32

    def start(self, main=MAIN, http=HTTP, level="info", events="", **parts):
        (self.gateway.directory / "secret").write_text(self.secret + "\n")
        for name in ("server", "eas", "web", "ews", "more", "servers"):
            http = http.replace(f"@{name}@", parts.pop(name, ""))
        assert not parts
        self.gateway.start(main=self.text(main), http=self.text(http),
                           level=level, events=events)
        self.settle()
        return self

    def text(self, text):
        return (text.replace("@redis@", self.redis.socket)
                .replace("@port@", str(self.port))
                .replace("@backend@", str(self.backend.port)))

    def settle(self):
        """The first lookups may find the connection still being made."""
        def ready():
            path = f"{EAS}?Cmd=Ping&User=nobody&DeviceId=NONE&DeviceType=x"
            reply = request(self.port, "POST", path,
                            {"Authorization": basic("nobody")}, b"")
            return reply.status != 503
        wait_until("the gateway reaches redis", ready)
        self.backend.requests.clear()

    def eas(self, device, user="alice", cmd="Sync", version="14.1",
            login=None, headers=(), method="POST", body=b"x", port=None):
        pairs = [("Authorization", basic(login or user)),
                 ("MS-ASProtocolVersion", version), *headers]
        path = f"{EAS}?Cmd={cmd}&User={user}&DeviceId={device}&DeviceType=Phone"
        return request(port or self.port, method, path, pairs, body)

    def get(self, path, headers=(), method="GET", body=None, **kwargs):
        return request(self.port, method, path, headers, body, **kwargs)

    def lines(self):
        path = self.gateway.directory / "verdict.log"
        return [line.split("|") for line in path.read_text().splitlines()]

    def last(self):
        names = ("uri", "remote_user", "verdict", "reason", "device", "user",
                 "group", "would_block", "cache", "id", "cmd", "device_id",
                 "device_type", "eas_user")
        time.sleep(0.05)      # the line is written behind the answer
        return dict(zip(names, self.lines()[-1]))

    def seen(self):
        return self.backend.requests


@pytest.fixture
def site(gateway, redis, backend):
    redis.seed()
    return Site(gateway, redis, backend)


def header(site, name, at=-1):
    return site.backend.header(site.seen()[at], name)


# What is let through


@pytest.mark.smoke
def test_compliant_device_gets_to_the_back_end(site):
    site.start()
    reply = site.eas("GOODPHONE")
    assert (reply.status, reply.body) == (200, b"backend")
    assert len(site.seen()) == 1
    assert site.seen()[0]["body"] == b"x"

    last = site.last()
    assert last["verdict"] == "allow" and last["reason"] == "compliant"
    assert last["device"] == "GOODPHONE" and last["user"] == "alice"
    assert last["group"] == "sales" and last["would_block"] == "-"
    assert last["cache"] == "bypass" and len(last["id"]) == 16
    assert last["cmd"] == "Sync" and last["device_id"] == "GOODPHONE"
    assert last["device_type"] == "Phone" and last["eas_user"] == "alice"
    assert last["remote_user"] == "alice"


def test_device_in_grace_gets_through(site):
    site.start()
    assert site.eas("GRACEPHONE").status == 200
    assert site.last()["reason"] == "in_grace"


def test_reporting_group_lets_through_and_says_so(site):
    site.start()
    assert site.eas("CAROLPHONE", user="carol").status == 200
    last = site.last()
    assert last["verdict"] == "allow" and last["reason"] == "report_only"
    assert last["would_block"] == "device_noncompliant"


def test_toggle_acts_on_the_next_request(site):
    site.start()
    assert site.eas("CAROLPHONE", user="carol", cmd="FolderSync").status == 200
    site.redis.group("pilot", mode="enforce")
    assert site.eas("CAROLPHONE", user="carol",
                    cmd="FolderSync").body != b"backend"
    site.redis.group("pilot", mode="off")
    assert site.eas("CAROLPHONE", user="carol").body == b"backend"


def test_break_glass_gets_through_with_any_device(site):
    site.start()
    assert site.eas("WHATEVER", user="breakglass").body == b"backend"
    assert site.last()["reason"] == "break_glass"


def test_fixed_device_passes_with_the_next_request(site):
    site.start()
    assert site.eas("BADPHONE").body != b"backend"
    site.redis.device("BADPHONE", state="compliant")
    assert site.eas("BADPHONE").body == b"backend"


def test_ungated_location_is_left_alone(site):
    site.start()
    pairs = {"Authorization": "Negotiate abc", "Cookie": "a=b",
             "X-Remote-User": "x"}
    assert site.get("/open/%2e%2e;x", pairs).status == 200
    for name, value in pairs.items():
        assert header(site, name) == [value]
    assert site.last()["verdict"] == "-"


# What the blocked are told


@pytest.mark.smoke
@pytest.mark.parametrize("cmd, body", [
    ("Sync", "03016A00454E033132390001" + "01"),
    ("FolderSync", "03016A000007564C033132390001" + "01"),
    ("Ping", "03016A00000D4547033132390001" + "01"),
    ("SendMail", "03016A0000154552033132390001" + "01"),
    ("Provision", "03016A00000E454B033132390001" + "01"),
])
def test_blocked_phone_is_told_in_wbxml(site, cmd, body):
    site.start()
    reply = site.eas("BADPHONE", cmd=cmd)
    assert reply.status == 200
    assert reply.body.hex().upper() == body
    assert reply.header("content-type") == "application/vnd.ms-sync.wbxml"
    assert reply.header("cache-control") == "no-store"
    assert site.seen() == []
    assert site.last()["verdict"] == "block"


@pytest.mark.parametrize("cmd", ["Sync", "Provision", "GetAttachment"])
def test_blocked_old_phone_gets_403(site, cmd):
    site.start()
    reply = site.eas("BADPHONE", cmd=cmd, version="12.1")
    assert (reply.status, reply.body) == (403, b"")
    assert site.seen() == []


def test_unknown_things_and_blocked_things_get_the_same_bytes(site):
    site.start()
    answers = set()
    for device, user in (("BADPHONE", "alice"), ("NOSUCH", "alice"),
                         ("BOBPHONE", "alice"), ("GOODPHONE", "stranger")):
        reply = site.get("/ews/", {"Authorization":
                                   basic(f"{user}#{device}")})
        assert reply.status == 403
        text = re.sub(r"t=\S+", "t=", reply.body.decode())
        answers.add(re.sub(r"Decision: \S+", "", text))
        headers = {k: v for k, v in reply.headers
                   if k not in ("date", "content-length")}
        answers.add(json.dumps(headers, sort_keys=True))
    assert len(answers) == 2, answers
    assert site.seen() == []


def test_blocked_navigation_is_led_to_the_portal(site):
    site.start()
    reply = site.get("/mail/?_task=mail", LOOK)
    assert reply.status == 303
    assert reply.header("location").startswith(
        "https://portal.example.com/compliance?t=")
    assert reply.header("cache-control") == "no-store"
    assert reply.header("referrer-policy") == "no-referrer"
    assert site.seen() == []

    assert site.get("/mail/", LOOK, method="HEAD").status == 303
    assert site.get("/mail/", LOOK, method="POST", body=b"a=b").status == 303
    assert site.get("/mail/", {"Accept": "text/html"}).status == 303


def test_blocked_frame_gets_a_page_that_leads_out_of_it(site):
    site.start()
    reply = site.get("/mail/", {"Sec-Fetch-Mode": "navigate",
                                "Sec-Fetch-Dest": "iframe"})
    assert reply.status == 403
    assert reply.header("content-type") == "text/html; charset=utf-8"
    assert 'target="_top"' in reply.body.decode()
    assert "https://portal.example.com/compliance?t=" in reply.body.decode()
    assert "default-src 'none'" in reply.header("content-security-policy")


def test_blocked_script_gets_problem_json(site):
    site.start()
    reply = site.get("/mail/?_remote=1", {"Sec-Fetch-Mode": "cors",
                                          "Sec-Fetch-Dest": "empty"})
    assert reply.status == 403
    assert reply.header("content-type") == "application/problem+json"
    problem = json.loads(reply.body)
    assert problem["status"] == 403 and problem["detail"] == BLOCKED
    assert "portal.example.com" in reply.body.decode()
    assert site.last()["id"] in reply.body.decode()


@pytest.mark.parametrize("path", ["/ews/exchange.asmx", "/dav/alice/"])
def test_blocked_program_gets_403_in_words(site, path):
    site.start()
    reply = site.get(path, {"Authorization": basic("alice#BADPHONE"),
                            **LOOK})
    assert reply.status == 403
    text = reply.body.decode()
    assert text.startswith(BLOCKED)
    assert "What to do: https://portal.example.com/compliance?t=" in text
    assert f"Decision: {site.last()['id']}" in text


def test_without_a_portal_the_blocked_are_told_in_place(site):
    site.start(main=MAIN.replace("compliance_portal_url", "#"))
    reply = site.get("/mail/", LOOK)
    assert reply.status == 403 and BLOCKED.replace("'", "&#39;") \
        in reply.body.decode()
    assert "href" not in reply.body.decode()


def test_repeated_blocks_of_a_device_are_delayed(site):
    site.start()
    times = []
    for _ in range(8):
        begin = time.monotonic()
        assert site.eas("BADPHONE", cmd="Ping").status == 200
        times.append(time.monotonic() - begin)
        if times[-1] > 0.5:
            break
    assert times[0] < 0.5, times
    assert times[-1] > 0.5, times

    # nothing is held: others are answered meanwhile, and who leaves may leave
    path = f"{EAS}?Cmd=Ping&User=alice&DeviceId=BADPHONE&DeviceType=Phone"
    with socket.create_connection(("127.0.0.1", site.port)) as s:
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: "
                  f"{basic('alice')}\r\nMS-ASProtocolVersion: 14.1\r\n"
                  "Content-Length: 0\r\n\r\n".encode())
        time.sleep(0.1)
        begin = time.monotonic()
        assert site.eas("GOODPHONE").body == b"backend"
        assert time.monotonic() - begin < 0.5


# Temporary failure


def test_store_down_is_a_temporary_failure_everywhere(site):
    site.start()
    site.redis.stop()

    reply = site.eas("GOODPHONE")
    assert reply.status == 503 and reply.header("retry-after") == "30"

    reply = site.get("/mail/", LOOK)
    assert reply.status == 503 and reply.header("retry-after") == "30"
    assert reply.header("content-type") == "text/html; charset=utf-8"

    reply = site.get("/ews/", {"Authorization": basic("alice#GOODPHONE")})
    assert reply.status == 503 and reply.header("retry-after") == "30"
    assert site.seen() == []
    assert site.last()["verdict"] == "tempfail"

    site.redis.start()
    site.redis.seed()
    wait_until("redis is used again",
               lambda: site.eas("GOODPHONE").body == b"backend")


# Credentials


def test_missing_credentials_are_asked_for_without_a_lookup(site):
    site.start(ews='compliance_challenge "Basic realm=\\"post\\"";')

    def commands():
        text = site.redis.cmd("INFO", "commandstats").decode()
        return re.search(r"cmdstat_hmget:calls=(\d+)", text)

    before = commands()
    for path in (f"{EAS}?Cmd=Sync&User=alice&DeviceId=A&DeviceType=b",
                 "/dav/", "/autodiscover/autodiscover.xml"):
        reply = site.get(path, method="POST", body=b"x")
        assert reply.status == 401
        assert reply.header("www-authenticate") == 'Basic realm="mail"'
        assert reply.header("cache-control") == "no-store"
    assert site.get("/ews/").header("www-authenticate") == 'Basic realm="post"'
    assert site.get(EAS, method="OPTIONS").status == 401
    assert (before and before[1]) == (commands() and commands()[1])
    assert site.seen() == []
    assert site.last()["verdict"] == "challenge"


@pytest.mark.parametrize("scheme", ["Negotiate YII=", "NTLM TlRMTVNTUAAB",
                                    "Digest username=\"alice\"", "Bearer abc"])
def test_schemes_that_cannot_be_judged_are_asked_for_again(site, scheme):
    site.start()
    reply = site.get("/ews/", {"Authorization": scheme})
    assert reply.status == 401
    assert reply.header("www-authenticate") == 'Basic realm="mail"'
    assert site.seen() == []


def test_back_end_gets_the_canonical_login_and_the_password(site):
    site.start()
    for login in ("ALICE@Example.com", "demo\\Alice", "alice"):
        pairs = [("Authorization", basic(login, "s3cret: x"))]
        path = f"{EAS}?Cmd=Sync&User=alice&DeviceId=GOODPHONE&DeviceType=P"
        assert site.get(path, pairs, "POST", b"").status == 200
        assert header(site, "authorization") == [basic("alice", "s3cret: x")]
        assert site.last()["remote_user"] == "alice"


def test_login_tag_names_the_device_and_goes_no_further(site):
    site.start()
    reply = site.get("/ews/", {"Authorization": basic("alice#goodphone")})
    assert reply.body == b"backend"
    assert header(site, "authorization") == [basic("alice")]
    assert site.last()["device"] == "GOODPHONE"
    assert site.last()["remote_user"] == "alice"


def test_eas_user_parameter_of_another_person_is_refused(site):
    site.start()
    assert site.eas("GOODPHONE", user="bob", login="alice").status == 400
    assert site.eas("GOODPHONE", user="demo%5Calice",
                    login="alice@example.com").status == 200
    assert len(site.seen()) == 1


def test_web_forwards_cookies_and_no_authorization(site):
    site.redis.group("default", mode="report")
    site.start()
    pairs = {"Cookie": "session=1", "Authorization": basic("alice")}
    assert site.get("/mail/", pairs).body == b"backend"
    assert header(site, "cookie") == ["session=1"]
    assert header(site, "authorization") == []


def test_programs_forward_authorization_and_no_cookie(site):
    site.start()
    site.eas("GOODPHONE", headers=[("Cookie", "session=1")])
    assert header(site, "cookie") == []
    assert header(site, "authorization") == [basic("alice")]
    site.get("/ews/", [("Cookie", "a=1"), ("X-One", "1"), ("Cookie", "b=2"),
                       ("Authorization", basic("alice#GOODPHONE")),
                       ("X-Two", "2")])
    assert header(site, "cookie") == []
    assert header(site, "x-one") == ["1"] and header(site, "x-two") == ["2"]


def test_identity_headers_of_a_client_are_stripped(site):
    site.start()
    names = ["X-Original-URL", "X-Rewrite-URL", "X-WebObjects-Remote-User",
             "X-WebObjects-Anything", "Remote-User", "X-Remote-User",
             "X-Forwarded-User", "X-Auth-Request-Email", "X-SSL-Client-Cert",
             "X-HTTP-Method-Override", "Proxy-Authorization",
             "X-CommonAccessToken"]
    pairs = [pair for name in names
             for pair in ((name, "bob"), (f"X-Kept-{name}", "1"))]
    assert site.eas("GOODPHONE", headers=pairs).body == b"backend"
    for name in names:
        assert header(site, name) == [], name
        assert header(site, f"X-Kept-{name}") == ["1"], name


def test_header_of_another_client_survives_many_removals(site):
    """Removal cuts the list in pieces: of more lines than a piece holds, in
    every place, exactly the right ones go."""
    site.start()
    for offset in range(4):
        pairs = [(f"X-Keep-{i}", str(i)) for i in range(offset)]
        for i in range(40):
            pairs.append(("Remote-User", "bob") if i % 3 else
                         (f"X-Line-{i}", str(i)))
        pairs += [("Remote-User", "bob")] * offset
        assert site.eas("GOODPHONE", headers=pairs).body == b"backend"
        got = {k: v for k, v in site.seen()[-1]["headers"]}
        assert "remote-user" not in got
        for name, value in pairs:
            if name != "Remote-User":
                assert got[name.lower()] == value
        assert len(header(site, "authorization")) == 1


# EAS


def test_canonical_query_is_what_is_forwarded_and_logged(site):
    site.start()
    path = (f"{EAS}?cmd=Sync&User=alice&DeviceId=%47oodphone&DeviceType=P"
            .replace("cmd", "Cmd"))
    reply = site.get(path, {"Authorization": basic("alice")}, "POST", b"")
    assert reply.body == b"backend"
    assert site.seen()[-1]["path"] == \
        f"{EAS}?Cmd=Sync&User=alice&DeviceId=Goodphone&DeviceType=P"
    assert site.last()["uri"] == site.seen()[-1]["path"]


def test_query_reaches_proxy_pass_with_a_uri_canonical_too(site):
    site.start(more="""
        location = /eas { compliance on; compliance_protocol eas;
            proxy_pass http://127.0.0.1:@backend@/SOGo/eas; }
        location = /var { compliance on; compliance_protocol eas;
            set $early $request_uri;
            proxy_pass http://127.0.0.1:@backend@$request_uri; }
    """.replace("@backend@", str(site.backend.port)))
    query = "?Cmd=Sync&User=alice&DeviceId=%47OODPHONE&DeviceType=P"
    canonical = query.replace("%47", "G")
    for path, to in (("/eas", "/SOGo/eas"), ("/var", "/var")):
        site.get(path + query, {"Authorization": basic("alice")}, "POST", b"")
        assert site.seen()[-1]["path"] == to + canonical


def test_base64_query_is_judged_and_forwarded_as_it_is(site):
    site.redis.device("APPLF17XK2ABHG7F", state="compliant", owner="alice")
    site.start()
    query = ("oQkJBBBBcHBsRjE3WEsyQUJIRzdGBNTDsqEGaVBob25lCBFhbGljZUBleGFtcGxl"
             "LmNvbQ==")
    reply = site.get(f"{EAS}?{query}", {"Authorization": basic("alice")},
                     "POST", b"")
    assert reply.body == b"backend"
    assert site.seen()[-1]["path"] == f"{EAS}?{query}"
    assert site.last()["device"] == "APPLF17XK2ABHG7F"
    site.redis.device("APPLF17XK2ABHG7F", state="noncompliant")
    reply = site.get(f"{EAS}?{query}", {"Authorization": basic("alice")},
                     "POST", b"")
    assert reply.body.hex().upper() == "03016A000007564C03313239000101"


def test_options_needs_no_device_and_loses_its_body(site):
    site.start()
    for headers, body in (((), None), ((), b"x" * 70000),
                          ([("Transfer-Encoding", "chunked")],
                           b"5\r\nhello\r\n0\r\n\r\n")):
        pairs = [("Authorization", basic("alice")), *headers]
        reply = site.get(EAS, pairs, "OPTIONS", body)
        assert reply.body == b"backend"
        assert site.seen()[-1]["body"] == b""
        assert header(site, "transfer-encoding") == []
        assert header(site, "content-length") in ([], ["0"])
    assert site.last()["cmd"] == "OPTIONS"

    site.redis.user("alice", groups="sales", blocked="1")
    assert site.get(EAS, {"Authorization": basic("alice")},
                    "OPTIONS").status == 403


def test_autodiscover_is_judged_by_the_user_alone(site):
    site.start()
    path = "/autodiscover/autodiscover.xml"
    pairs = {"Authorization": basic("alice@example.com")}
    assert site.get(path, pairs, "POST", b"<x/>").body == b"backend"
    assert header(site, "authorization") == [basic("alice")]
    pairs = {"Authorization": basic("stranger")}
    assert site.get(path, pairs, "POST", b"<x/>").status == 403


# Certificates


TLS = """
server {
    listen 127.0.0.1:@tls@ ssl http2;
    ssl_certificate @crt@;
    ssl_certificate_key @key@;
    ssl_client_certificate @ca@;
    ssl_verify_client @verify@;
    location /mail/ {
        compliance on;
        compliance_protocol web;
        @web@
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /ews/ {
        compliance on;
        compliance_protocol ews;
        compliance_negotiate certificate;
        compliance_user owner basic;
        proxy_pass http://127.0.0.1:@backend@;
    }
}
"""


def tls(site, certificates, verify="optional", web=""):
    site.tls = free_port()
    crt, key = certificates.server
    return (TLS.replace("@tls@", str(site.tls)).replace("@crt@", crt)
            .replace("@key@", key).replace("@ca@", certificates.ca)
            .replace("@verify@", verify).replace("@web@", web))


@pytest.fixture(scope="session")
def pair(certificates):
    return certificates.issue("goodphone")


def test_certificate_proves_the_device_and_its_owner(site, certificates, pair):
    site.redis.alias("cert", certificates.fingerprint(pair[0]), "GOODPHONE")
    site.start(http=HTTP + tls(site, certificates))
    context = certificates.client_context(pair)
    reply = request(site.tls, "GET", "/mail/", LOOK, context=context)
    assert reply.body == b"backend"
    last = site.last()
    assert last["device"] == "GOODPHONE" and last["user"] == "alice"
    assert last["reason"] == "compliant"

    bare = certificates.client_context()
    assert request(site.tls, "GET", "/mail/", LOOK,
                   context=bare).status == 303


def test_unverified_certificate_proves_nothing(site, certificates, pair,
                                               tmp_path):
    other = Certificates(tmp_path / "other").issue("goodphone")
    site.redis.alias("cert", certificates.fingerprint(other[0]), "GOODPHONE")
    site.start(http=HTTP + tls(site, certificates, "optional_no_ca"))
    context = certificates.client_context(other)
    assert request(site.tls, "GET", "/mail/", LOOK,
                   context=context).status == 303
    assert site.last()["device"] == "-"


def test_negotiate_is_taken_where_the_certificate_names_the_user(
        site, certificates, pair):
    site.redis.alias("cert", certificates.fingerprint(pair[0]), "GOODPHONE")
    site.backend.answer = lambda _: (401, {"WWW-Authenticate": "Negotiate"},
                                     b"")
    site.start(http=HTTP + tls(site, certificates))
    context = certificates.client_context(pair)
    pairs = {"Authorization": "Negotiate YII="}
    reply = request(site.tls, "GET", "/ews/", pairs, context=context)
    assert reply.status == 401
    assert reply.header("www-authenticate") == "Negotiate"
    assert header(site, "authorization") == ["Negotiate YII="]
    bare = certificates.client_context()
    reply = request(site.tls, "GET", "/ews/", pairs, context=bare)
    assert reply.status == 403


def test_negotiate_is_taken_out_of_the_back_ends_401(site):
    site.start()
    site.backend.answer = lambda _: (401, [
        ("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM"),
        ("WWW-Authenticate", 'NTLM, Basic realm="a, NTLM b", Negotiate abc=='),
        ("WWW-Authenticate", 'Bearer client_id="x", trusted="y"'),
    ], b"no")
    reply = site.get("/ews/", {"Authorization": basic("alice#GOODPHONE")})
    assert reply.status == 401 and len(site.seen()) == 1
    values = [v for k, v in reply.headers if k == "www-authenticate"]
    assert values == ['Basic realm="a, NTLM b"',
                      'Bearer client_id="x", trusted="y"']


# HTTP/2


def test_http2_is_gated_alike(site, certificates, pair):
    site.redis.alias("cert", certificates.fingerprint(pair[0]), "GOODPHONE")
    site.start(http=HTTP + tls(site, certificates))

    def curl(*args):
        run = subprocess.run(
            ["curl", "-sS", "--http2", "--cacert", certificates.ca, "-w",
             "%{http_version} %{http_code} %{redirect_url}", "-o", "/dev/null",
             *args, f"https://localhost:{site.tls}/mail/"],
            capture_output=True, text=True, timeout=20)
        assert run.returncode == 0, run.stderr
        return run.stdout
    good = curl("--cert", pair[0], "--key", pair[1], "-H", "Cookie: a=b",
                "-H", "Remote-User: bob")
    assert good.startswith("2 200")
    assert header(site, "cookie") == ["a=b"]
    assert header(site, "remote-user") == []
    blocked = curl("-H", "Sec-Fetch-Mode: navigate", "-H",
                   "Sec-Fetch-Dest: document", "-d", "x=" + "y" * 100000)
    assert blocked.startswith("2 303 https://portal.example.com/")


# Variables as sources


def test_device_and_user_the_admin_vouches_for(site):
    site.start(ews="compliance_device $http_x_device;"
                   "compliance_user $http_x_vouched;")
    pairs = {"X-Device": "goodphone", "X-Vouched": "ALICE@example.com",
             "Authorization": basic("breakglass")}
    assert site.get("/ews/", pairs).body == b"backend"
    assert header(site, "authorization") == []
    assert site.last()["user"] == "alice"
    pairs["X-Device"] = "badphone"
    assert site.get("/ews/", pairs).status == 403
    pairs["X-Device"] = "bad phone"
    assert site.get("/ews/", pairs).status == 400
    del pairs["X-Device"], pairs["X-Vouched"]
    assert site.get("/ews/", pairs).status == 401


# Login profiles


LOGIN = "compliance_login_profile roundcube;"
FORM = "application/x-www-form-urlencoded"


def login(site, name, context=None, port=None, **kwargs):
    body = kwargs.pop("body", f"_task=login&_user={name}&_pass=x".encode())
    pairs = {"Content-Type": FORM, **LOOK, **kwargs}
    return request(port or site.port, "POST", "/mail/?_task=login", pairs,
                   body, context=context)


def test_name_about_to_log_in_is_judged_too(site, certificates, pair):
    site.redis.alias("cert", certificates.fingerprint(pair[0]), "GOODPHONE")
    site.start(http=HTTP + tls(site, certificates, web=LOGIN))
    context = certificates.client_context(pair)

    reply = login(site, "alice", context, site.tls)
    assert reply.body == b"backend"
    assert site.seen()[-1]["body"] == b"_task=login&_user=alice&_pass=x"

    assert login(site, "ALICE%40example.com", context,
                 site.tls).body == b"backend"
    count = len(site.seen())
    for name in ("bob", "breakglass", "stranger"):
        reply = login(site, name, context, site.tls)
        assert reply.status == 303, name
    for body in (b"_user=alice&_user=bob&_pass=x",
                 b"_user[]=alice&_pass=x"):
        assert login(site, "", context, site.tls, body=body).status in (
            303, 400), body
    assert len(site.seen()) == count


def test_login_of_an_unproven_browser_is_judged_by_name(site):
    site.redis.group("default", mode="report")
    site.start(web=LOGIN)
    assert login(site, "carol").body == b"backend"
    assert login(site, "alice").status == 303
    assert login(site, "stranger").status == 303
    assert login(site, "carol", **{"Content-Encoding": "gzip"}).status == 400
    assert len(site.seen()) == 1


def test_a_query_that_names_who_logs_in_is_refused_without_a_body_too(site):
    site.redis.group("default", mode="report")
    site.start(web=LOGIN.replace("roundcube", "zimbra"))
    for path in ("/mail/?username=alice", "/mail/?a=b&username=alice"):
        assert request(site.port, "GET", path).status == 400, path
    assert request(site.port, "GET", "/mail/?name=alice").body == b"backend"
    assert len(site.seen()) == 1


def test_long_bodies_are_looked_through_whole(site):
    site.redis.group("default", mode="report")
    site.start(web=LOGIN + "client_max_body_size 2m;"
                           "client_body_buffer_size 1k;")
    pad = b"a=" + b"x" * 300000
    assert login(site, "", body=pad + b"&_user=carol&_pass=x").status == 200
    assert len(site.seen()[-1]["body"]) > 300000
    assert login(site, "", body=pad + b"&_user=alice&_pass=x").status == 303
    assert login(site, "", body=pad).status == 200
    # chunked, in pieces
    data = pad + b"&_user=alice&_pass=x"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(data[i:i + 7000]),
                                         data[i:i + 7000])
                      for i in range(0, len(data), 7000)) + b"0\r\n\r\n"
    reply = login(site, "", body=chunks, **{"Transfer-Encoding": "chunked"})
    assert reply.status == 303
    assert len(site.seen()) == 2


# Dry run


def test_dry_run_lets_through_what_it_would_stop(site):
    site.start(server="compliance_dry_run on;")
    assert site.eas("BADPHONE").body == b"backend"
    last = site.last()
    assert last["verdict"] == "allow" and last["reason"] == "report_only"
    assert last["would_block"] == "device_noncompliant"
    reply = site.get("/ews/", {"Authorization": "Negotiate YII="})
    assert reply.body == b"backend"
    assert header(site, "authorization") == ["Negotiate YII="]
    site.redis.stop()
    assert site.eas("GOODPHONE").body == b"backend"


# Clients that leave


def test_client_that_leaves_during_a_lookup_leaves_nothing(site):
    site.start(main=MAIN.replace("timeout=500ms", "timeout=2s"))
    site.redis.process.signal(19)                       # SIGSTOP
    path = f"{EAS}?Cmd=Sync&User=alice&DeviceId=GOODPHONE&DeviceType=P"
    data = (f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: "
            f"{basic('alice')}\r\nContent-Length: 0\r\n\r\n").encode()
    for _ in range(20):
        s = socket.create_connection(("127.0.0.1", site.port))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     b"\x01\x00\x00\x00\x00\x00\x00\x00")
        s.sendall(data)
        time.sleep(0.01)
        s.close()                                       # RST
    site.redis.process.signal(18)                       # SIGCONT
    wait_until("the gateway goes on",
               lambda: site.eas("GOODPHONE").body == b"backend")
    assert len(site.seen()) == 1


def test_http2_client_that_leaves_at_any_time_leaves_nothing(
        site, certificates, pair):
    site.redis.alias("cert", certificates.fingerprint(pair[0]), "BADPHONE")
    site.start(main=MAIN.replace("timeout=500ms", "timeout=2s"),
               http=HTTP + tls(site, certificates, web=LOGIN))

    def curl(seconds, *args):
        return subprocess.run(
            ["curl", "-sS", "--http2", "--cacert", certificates.ca, "--cert",
             pair[0], "--key", pair[1], "-m", str(seconds), "-o", "/dev/null",
             "-w", "%{http_code}", *args,
             f"https://localhost:{site.tls}/mail/?_task=login"],
            capture_output=True, text=True, timeout=20)
    for _ in range(4):                                  # until it is delayed
        curl(0.3)
    assert curl(0.3).returncode == 28                   # left while delayed
    assert curl(15).stdout == "403"
    site.redis.process.signal(19)                       # SIGSTOP
    for args in ((), ("-d", "_user=alice")):
        assert curl(0.3, *args).returncode == 28        # left during a lookup
    site.redis.process.signal(18)                       # SIGCONT
    wait_until("the gateway goes on",
               lambda: site.eas("GOODPHONE").body == b"backend")
    assert len(site.seen()) == 1


def test_reload_lets_waiting_requests_end(site):
    site.start()
    for _ in range(5):
        if site.eas("BADPHONE", cmd="Ping").status != 200:
            break
    path = f"{EAS}?Cmd=Ping&User=alice&DeviceId=BADPHONE&DeviceType=Phone"
    with socket.create_connection(("127.0.0.1", site.port)) as s:
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: "
                  f"{basic('alice')}\r\nMS-ASProtocolVersion: 14.1\r\n"
                  "Connection: close\r\nContent-Length: 0\r\n\r\n".encode())
        time.sleep(0.2)
        site.gateway.reload()
        s.settimeout(20)
        out = b""
        while chunk := s.recv(65536):
            out += chunk
    assert b"200 OK" in out and b"application/vnd.ms-sync.wbxml" in out
    wait_until("the old worker leaves",
               lambda: len(site.gateway.workers()) == 1)
    assert site.eas("GOODPHONE").body == b"backend"


def test_connection_goes_on_behind_a_blocked_request(site):
    site.start()
    path = f"{EAS}?Cmd=Sync&User=alice&DeviceId=%s&DeviceType=P"
    one = ("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n"
           "MS-ASProtocolVersion: 14.1\r\nContent-Length: 5\r\n%s\r\nhello")
    data = (one % (path % "BADPHONE", basic("alice"), "")
            + one % (path % "GOODPHONE", basic("alice"),
                     "Connection: close\r\n")).encode()
    out = raw(site.port, data)
    assert out.count(b"HTTP/1.1 200 OK") == 2
    assert out.endswith(b"backend")


def test_tls_session_that_is_resumed_keeps_its_certificate(site, certificates,
                                                           pair):
    site.redis.alias("cert", certificates.fingerprint(pair[0]), "GOODPHONE")
    site.start(http=HTTP + tls(site, certificates))
    context = certificates.client_context(pair)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = None
    for _ in range(2):
        sock = socket.create_connection(("127.0.0.1", site.tls))
        with context.wrap_socket(sock, server_hostname="localhost",
                                 session=session) as s:
            s.sendall(b"GET /mail/ HTTP/1.1\r\nHost: x\r\n"
                      b"Connection: close\r\n\r\n")
            out = b""
            while chunk := s.recv(65536):
                out += chunk
            session = s.session
        assert out.endswith(b"backend")


# Bearer tokens


class Issuer:
    """Signs tokens as an identity provider would."""

    def __init__(self, directory):
        self.key = str(directory / "issuer.key")
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"],
                       check=True, capture_output=True)
        out = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout",
                              "-modulus"], check=True, capture_output=True,
                             text=True).stdout
        modulus = bytes.fromhex(out.split("=")[1].strip())
        self.jwks = json.dumps({"keys": [{
            "kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256",
            "n": self.encode(modulus), "e": "AQAB"}]})

    @staticmethod
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def token(self, **claims):
        claims = {"iss": "https://id.example", "aud": "mail",
                  "exp": int(time.time()) + 300, **claims}
        text = ".".join(self.encode(json.dumps(part).encode()) for part in
                        ({"alg": "RS256", "kid": "1"}, claims))
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.key],
            input=text.encode(), check=True, capture_output=True).stdout
        return f"{text}.{self.encode(signature)}"


def test_bearer_token_names_the_user_or_is_asked_for_again(site, tmp_path):
    issuer = Issuer(tmp_path)
    (site.gateway.directory / "keys.json").write_text(issuer.jwks)
    site.start(ews="compliance_jwks @dir@/keys.json issuer=https://id.example "
                   "audience=mail claim=upn; compliance_device $http_x_device;")

    def ask(token, device="GOODPHONE"):
        return site.get("/ews/", {"Authorization": f"Bearer {token}",
                                  "X-Device": device})

    token = issuer.token(upn="ALICE@example.com")
    assert ask(token).body == b"backend"
    assert header(site, "authorization") == [f"Bearer {token}"]
    assert site.last()["user"] == "alice"
    assert ask(token, "BADPHONE").status == 403
    assert ask(issuer.token(upn="breakglass"), "BADPHONE").body == b"backend"
    for bad in (issuer.token(upn="alice", exp=int(time.time()) - 300),
                issuer.token(upn="alice", iss="https://evil.example"),
                issuer.token(upn="alice", aud="other"), issuer.token(),
                token[:-4] + "AAAA", token + "x", "a.b.c", ""):
        reply = ask(bad)
        assert reply.status == 401, bad
        assert reply.header("www-authenticate") == 'Basic realm="mail"'
    assert len(site.seen()) == 2


def test_login_over_http2_is_looked_through(site, certificates, pair):
    site.redis.group("default", mode="report")
    site.start(http=HTTP + tls(site, certificates, web=LOGIN))
    for name, code in (("carol", "200"), ("alice", "303")):
        run = subprocess.run(
            ["curl", "-sS", "--http2", "--cacert", certificates.ca, "-w",
             "%{http_version} %{http_code}", "-o", "/dev/null", "-H",
             "Sec-Fetch-Mode: navigate", "-H", "Sec-Fetch-Dest: document",
             "--data-binary", "a=" + "x" * 90000 + f"&_user={name}&_pass=x",
             f"https://localhost:{site.tls}/mail/?_task=login"],
            capture_output=True, text=True, timeout=20)
        assert run.stdout == f"2 {code}", run.stderr
    assert len(site.seen()) == 1
