"""Attacks on the HTTP gate: credentials beside credentials, redirects behind a
block, spellings, duplicates, spoofed headers, names nobody knows.  None of it
reaches the back end, and no credential reaches a log."""

import re
import socket
import time

import pytest

from harness import basic, free_port, raw, request, wait_until
from test_http_gate import EAS, LOOK, MAIN, Site, header

QUERY = "?Cmd=Sync&User=alice&DeviceId=%s&DeviceType=Phone"


@pytest.fixture
def site(gateway, redis, backend):
    redis.seed()
    return Site(gateway, redis, backend)


# Another's credentials


def test_break_glass_credentials_beside_a_session_cookie_gain_nothing(site):
    site.start()
    pairs = {"Authorization": basic("breakglass"), "Cookie": "alice=1", **LOOK}
    assert site.get("/mail/", pairs).status == 303
    pairs = {"Authorization": basic("carol"), "Cookie": "alice=1", **LOOK}
    assert site.get("/mail/", pairs).status == 303
    assert site.seen() == []


def test_another_device_id_than_ones_own_gains_nothing(site):
    site.start()
    assert site.eas("BOBPHONE").body != b"backend"
    assert site.eas("GOODPHONE", user="bob").body != b"backend"
    assert site.eas("GOODPHONE", user="carol", login="carol").status == 200
    assert [r["path"] for r in site.seen()] == [
        EAS + "?Cmd=Sync&User=carol&DeviceId=GOODPHONE&DeviceType=Phone"]


def test_two_devices_in_one_request_are_ambiguous(site):
    site.start(eas="compliance_device eas login_tag;")
    path = EAS + QUERY % "GOODPHONE"
    pairs = [("Authorization", basic("alice#BADPHONE"))]
    assert site.get(path, pairs, "POST", b"").status == 400
    assert site.seen() == []


@pytest.mark.parametrize("name", [
    "nobody", "alice2", "ALICE@other.example", "alice@example.com.evil",
    "other\\alice", "alic\u00e9"])
def test_name_without_a_record_is_blocked(site, name):
    site.start()
    pairs = [("Authorization", basic(name))]
    path = f"{EAS}?Cmd=Sync&DeviceId=GOODPHONE&DeviceType=P&User=" \
        + name.replace("\\", "%5C").replace("\u00e9", "%C3%A9")
    reply = site.get(path, [*pairs, ("MS-ASProtocolVersion", "14.1")],
                     "POST", b"")
    assert reply.body != b"backend"
    assert site.last()["reason"] == "user_unknown"
    assert site.seen() == []


@pytest.mark.parametrize("name", [
    "alice ", " alice", "alice.", "ali\x01ce", "alice\x7f", "*", "al*", "",
    "alice#GOODPHONE#BADPHONE", "alice#", "#GOODPHONE", "alice\x00",
    "alice\u0000bob", "\u200balice", "a" * 300])
def test_name_that_is_no_name_is_refused(site, name):
    site.start()
    for path in ("/ews/", EAS + QUERY.replace("User=alice&", "") % "GOODPHONE"):
        reply = site.get(path, {"Authorization": basic(name)}, "POST", b"")
        assert reply.status in (400, 403), (path, reply.status)
    assert site.seen() == []


@pytest.mark.parametrize("value", [
    "Basic", "Basic ", "Basic !!!!", "Basic YWxpY2U6eA", "Basic YWxpY2U6eA==x",
    "Basic YWxpY2U=", "Basic YWxpY2U6eB==", "Basic YWxp Y2U6eA==",
    "Basic YWxpY2U6eA==, Basic YnJlYWtnbGFzczp4", "Basic\tYWxpY2U6eA==",
    "Basic " + "A" * 20000])
def test_credentials_that_two_servers_could_read_in_two_ways(site, value):
    site.start(server="large_client_header_buffers 4 32k;")
    reply = site.get("/dav/", {"Authorization": value})
    assert reply.status in (400, 401), reply.status
    assert site.seen() == []


@pytest.mark.parametrize("headers", [
    [("Authorization", basic("alice#GOODPHONE")),
     ("Authorization", basic("breakglass"))],
    [("MS-ASProtocolVersion", "14.1"), ("MS-ASProtocolVersion", "12.1")],
    [("User-Agent", "a"), ("User-Agent", "b")],
    [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Mode", "cors")],
    [("Content-Type", "a/b"), ("Content-Type", "c/d")],
])
def test_judged_header_given_twice_is_refused(site, headers):
    site.start()
    path = EAS + QUERY % "GOODPHONE"
    if headers[0][0] != "Authorization":
        headers = [("Authorization", basic("alice")), *headers]
    assert site.get(path, headers, "POST", b"").status == 400
    assert site.seen() == []


@pytest.mark.parametrize("name", [
    "Remote_User", "X_Remote-User", "X_WebObjects_Remote_User",
    "X_Original_URL", "x_rewrite_url", "X-WebObjects_Remote-User",
    "X.Remote.User"])
def test_underscores_do_not_hide_an_identity_header(site, name):
    site.start(server="underscores_in_headers on; "
                      "ignore_invalid_headers off;")
    reply = site.eas("GOODPHONE", headers=[(name, "bob"), ("X_Other", "1")])
    assert reply.body == b"backend"
    assert header(site, name) == []
    assert header(site, "X_Other") == ["1"]
    assert site.eas("GOODPHONE",
                    headers=[("MS_ASProtocolVersion", "2.5")]).status == 400


def test_default_servers_settings_let_no_identity_header_through(site):
    """Header lines in front of Host are read under the default server's."""
    site.start(http="""
        server {
            listen 127.0.0.1:@port@ default_server;
            underscores_in_headers on;
            return 404;
        }
        server {
            listen 127.0.0.1:@port@;
            server_name gated;
            location / {
                compliance on; compliance_protocol ews;
                proxy_pass http://127.0.0.1:@backend@;
            }
            location /Microsoft-Server-ActiveSync { return 200; }
        }
    """)
    pairs = [("X_Remote_User", "bob"), ("Host", "gated"),
             ("Authorization", basic("alice#GOODPHONE"))]
    assert site.get("/", pairs).body == b"backend"
    assert header(site, "X_Remote_User") == []


# Queries


@pytest.mark.parametrize("query", [
    "Cmd=Sync&User=alice&DeviceId=GOODPHONE&DeviceId=BADPHONE&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=BADPHONE&DeviceId=GOODPHONE&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=GOODPHONE&deviceid=BADPHONE&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=GOODPHONE&Device%49d=BADPHONE&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=GOODPHONE&DeviceType=P?DeviceId=BADPHONE",
    "Cmd=Sync?Cmd=Sync&User=alice&DeviceId=GOODPHONE&DeviceType=P",
    "Cmd=Sync&Cmd=Ping&User=alice&DeviceId=GOODPHONE&DeviceType=P",
    "Cmd=Sync&User=alice&User=bob&DeviceId=GOODPHONE&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=GOOD%00PHONE&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=GOOD-PHONE&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=GOODPHONE%0d%0aX:y&DeviceType=P",
    "Cmd=NoSuch&User=alice&DeviceId=GOODPHONE&DeviceType=P",
    "User=alice&DeviceId=GOODPHONE&DeviceType=P",
    "Cmd=Sync&User=alice&DeviceId=GOODPHONE&DeviceType=P#x",
    "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l&DeviceId=GOODPHONE",
    "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25lx", "jAAJBAp2MTQw", "=", "&", "",
])
def test_query_that_could_be_read_in_two_ways_is_refused(site, query):
    site.start()
    reply = site.get(f"{EAS}?{query}", {"Authorization": basic("alice")},
                     "POST", b"")
    assert reply.status == 400, reply.status
    assert site.seen() == []
    assert site.last()["verdict"] == "bad_request"


def test_query_written_by_set_is_what_is_judged(site):
    """What the back end gets is judged, not what the client sent."""
    site.start(more="""
        location /rewritten {
            compliance on; compliance_protocol eas;
            set $args "Cmd=Sync&User=alice&DeviceId=BADPHONE&DeviceType=P";
            proxy_pass http://127.0.0.1:@backend@;
        }
    """.replace("@backend@", str(site.backend.port)))
    reply = site.get("/rewritten" + QUERY % "GOODPHONE", {
        "Authorization": basic("alice"), "MS-ASProtocolVersion": "14.1"},
        "POST", b"")
    assert reply.body != b"backend"
    assert site.seen() == []


@pytest.mark.parametrize("path", [
    "/mail//x", "/mail/./x", "/mail/../mail/x", "/mail/%2e%2e/mail/x",
    "/mail/x%2fy", "/mail/x%5cy", "/mail/x\\y", "/mail/x;y", "/mail/x%252fy",
    "/mail/x%u0065", "/mail/x%00", "/mail/x.", "/mail/x%20", "/mail/x::$DATA",
    "/mail/x~1", "/mail/x%", "/mail/%ff", "/mail/x#y", "/mail/x%c0%af"])
def test_path_that_could_be_read_in_two_ways_is_refused(site, path):
    site.redis.group("default", mode="off", unknown_user="allow")
    site.start()
    assert site.get("/mail/x").body == b"backend"
    assert site.get(path).status == 400
    assert len(site.seen()) == 1


def test_request_line_with_a_host_is_judged_like_any_other(site):
    site.start()
    for target in (f"http://evil{EAS}{QUERY % 'BADPHONE'}",
                   f"http://127.0.0.1{EAS}{QUERY % 'BADPHONE'}"):
        out = raw(site.port, (f"POST {target} HTTP/1.1\r\nHost: x\r\n"
                              f"Authorization: {basic('alice')}\r\n"
                              "MS-ASProtocolVersion: 14.1\r\n"
                              "Content-Length: 0\r\nConnection: close\r\n\r\n"
                              ).encode())
        assert b"application/vnd.ms-sync.wbxml" in out
    assert site.seen() == []


@pytest.mark.parametrize("head", [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: -1\r\n", "Content-Length: 5 5\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Content-Length : 5\r\n",
])
def test_body_framed_in_two_ways_smuggles_nothing(site, head):
    site.start()
    inner = (f"POST {EAS}{QUERY % 'BADPHONE'} HTTP/1.1\r\nHost: x\r\n"
             f"Authorization: {basic('alice')}\r\nContent-Length: 0\r\n\r\n")
    out = raw(site.port, (
        f"POST {EAS}{QUERY % 'GOODPHONE'} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {basic('alice')}\r\n{head}\r\n0\r\n\r\n{inner}"
    ).encode(), timeout=1)
    assert b"HTTP/1.1" in out
    assert not any("BADPHONE" in r["path"] or b"BADPHONE" in r["body"]
                   for r in site.seen())


# Redirects behind a block


REDIRECTS = """
    error_page 400 401 403 404 413 500 502 503 504 @fallback;
    error_page 303 = @fallback;
    recursive_error_pages on;
    location @fallback { proxy_pass http://127.0.0.1:@backend@; }
"""


def test_error_page_does_not_lead_a_blocked_request_to_the_back_end(site):
    site.start(server=REDIRECTS.replace("@backend@", str(site.backend.port)),
               main=MAIN.replace("compliance_portal_url", "#"))
    assert site.eas("BADPHONE").body != b"backend"
    assert site.eas("BADPHONE", version="12.1").status == 403
    assert site.get("/ews/", {"Authorization":
                              basic("alice#BADPHONE")}).status == 403
    assert site.get("/mail/", LOOK).status == 403
    assert site.get("/mail//").status == 400
    assert site.get("/ews/").status == 401
    site.redis.stop()
    assert site.eas("GOODPHONE").status == 503
    assert site.seen() == []


def test_satisfy_any_does_not_pass_by_the_gate(site):
    site.start(server="satisfy any; allow all; deny none.invalid;"
               .replace(" deny none.invalid;", ""))
    assert site.eas("BADPHONE").body != b"backend"
    assert site.get("/ews/", {"Authorization":
                              basic("alice#BADPHONE")}).status == 403
    assert site.seen() == []
    assert site.eas("GOODPHONE").body == b"backend"


def test_redirect_into_a_gated_location_is_judged(site):
    more = """
        location /static/ { root /nowhere; error_page 404 = /mail/; }
        location /named/ { root /nowhere; error_page 404 = @gated; }
        location @gated {
            compliance on; compliance_protocol web;
            proxy_pass http://127.0.0.1:@backend@;
        }
        location /tried/ { root /nowhere; try_files $uri /ews/x; }
        location /accel/ { proxy_pass http://127.0.0.1:@backend@; }
    """.replace("@backend@", str(site.backend.port))
    site.start(more=more)
    assert site.get("/static/x", LOOK).status == 303
    assert site.get("/named/x", LOOK).status == 303
    assert site.get("/tried/x").status == 401
    assert site.seen() == []

    site.backend.answer = lambda _: (200, {"X-Accel-Redirect": "/mail/x"}, b"")
    assert site.get("/accel/x", LOOK).status == 303
    assert [r["path"] for r in site.seen()] == ["/accel/x"]


def test_redirect_of_an_allowed_request_keeps_its_decision_or_is_judged_anew(
        site):
    site.start(more="""
        location = /one {
            compliance on; compliance_protocol ews;
            root /nowhere; try_files $uri @two;
        }
        location @two {
            compliance on; compliance_protocol ews;
            proxy_pass http://127.0.0.1:@backend@;
        }
        location = /three {
            compliance on; compliance_protocol ews;
            root /nowhere; try_files $uri @four;
        }
        location @four {
            compliance on; compliance_protocol web;
            proxy_pass http://127.0.0.1:@backend@;
        }
    """.replace("@backend@", str(site.backend.port)))
    good = {"Authorization": basic("alice#GOODPHONE"), "Cookie": "a=b"}
    assert site.get("/one", good).body == b"backend"
    assert header(site, "authorization") == [basic("alice")]
    assert site.last()["device"] == "GOODPHONE"
    assert site.get("/three", {**good, **LOOK}).status == 303
    assert site.get("/one", {"Authorization":
                             basic("alice#BADPHONE")}).status == 403
    assert len(site.seen()) == 1


def test_body_too_large_leads_nowhere(site):
    site.redis.group("default", mode="report")
    server = REDIRECTS.replace("@backend@", str(site.backend.port))
    site.start(server=server + "client_max_body_size 1k;",
               web="compliance_login_profile roundcube;",
               more="""
        location @gated { compliance on; compliance_protocol web;
            proxy_pass http://127.0.0.1:@backend@; }
    """.replace("@backend@", str(site.backend.port)))
    body = b"5000\r\n" + b"x" * 0x5000 + b"\r\n0\r\n\r\n"
    reply = site.get("/mail/?_task=login", {
        "Transfer-Encoding": "chunked",
        "Content-Type": "application/x-www-form-urlencoded"}, "POST", body)
    assert reply.status == 413
    assert site.seen() == []


def test_body_that_an_earlier_location_read_is_looked_through_too(site):
    site.redis.group("default", mode="report")
    site.start(more="""
        location /first/ {
            compliance on; compliance_protocol web;
            client_body_buffer_size 8k;
            proxy_intercept_errors on;
            error_page 404 = @second;
            proxy_pass http://127.0.0.1:@backend@;
        }
        location @second {
            compliance on; compliance_protocol web;
            compliance_login_profile roundcube;
            proxy_pass http://127.0.0.1:@backend@;
        }
    """.replace("@backend@", str(site.backend.port)))
    answers = []
    site.backend.answer = lambda r: answers.pop(0)

    def login(name, pad=b""):
        answers[:] = [(404, {}, b""), (200, {}, b"in")]
        site.seen().clear()
        return site.get("/first/?_task=login", {
            "Content-Type": "application/x-www-form-urlencoded", **LOOK},
            "POST", b"_user=%s&_pass=x" % name + pad).status, len(site.seen())
    assert login(b"carol") == (200, 2)
    assert login(b"alice") == (303, 1)
    assert login(b"carol", b"&x=" + b"y" * 30000) == (400, 1)   # in a file


def test_conditional_request_gets_the_same_answer(site):
    site.start(server="error_page 412 /open/;")
    for name in ("If-Unmodified-Since", "If-Modified-Since"):
        reply = site.eas("BADPHONE", headers=[
            (name, "Thu, 01 Jan 1970 00:00:00 GMT")])
        assert reply.header("content-type") == "application/vnd.ms-sync.wbxml"
    assert site.eas("BADPHONE", headers=[("If-Match", '"x"'),
                                         ("Range", "bytes=0-1")]).status == 200
    assert site.seen() == []


# Subrequests


def test_subrequest_asks_for_no_more_than_its_main_request_may(site):
    site.start(more="""
        location /ssi/ { ssi on; ssi_types *;
            proxy_pass http://127.0.0.1:@backend@; }
        location /asked/ { auth_request /ews/ask;
            proxy_pass http://127.0.0.1:@backend@; }
        location /mirrored/ { mirror /ews/mirror;
            proxy_pass http://127.0.0.1:@backend@; }
        location /ewsasked/ { compliance on; compliance_protocol ews;
            auth_request /ews/ask; proxy_pass http://127.0.0.1:@backend@; }
    """.replace("@backend@", str(site.backend.port)))
    pairs = {"Authorization": basic("alice#GOODPHONE")}

    site.backend.answer = lambda r: (
        200, {"Content-Type": "text/html"},
        b'<!--# include virtual="/mail/x" --><!--# include '
        b'virtual="/ews/x" -->' if r["path"] == "/ssi/" else b"backend")
    site.get("/ssi/", pairs)
    assert [r["path"] for r in site.seen()] == ["/ssi/"]

    assert site.get("/asked/", pairs).status == 403
    assert site.get("/mirrored/", pairs).status == 200
    time.sleep(0.1)
    assert [r["path"] for r in site.seen()] == ["/ssi/", "/mirrored/"]

    assert site.get("/ewsasked/", pairs).body == b"backend"
    assert site.get("/ewsasked/", {"Authorization":
                                   basic("alice#BADPHONE")}).status == 403
    assert [r["path"] for r in site.seen()[2:]] == ["/ews/ask", "/ewsasked/"]


def test_gate_without_a_protocol_denies_what_ends_up_there(site):
    site.start(http="""
        server {
            listen 127.0.0.1:@port@;
            location /Microsoft-Server-ActiveSync { return 200; }
        }
        server {
            listen 127.0.0.1:@other@;
            compliance on;
            root @dir@;
            location /eas { compliance_protocol eas; }
        }
    """.replace("@other@", str(other := free_port())))
    (site.gateway.directory / "file").write_text("x")
    assert request(other, "GET", "/file").status == 503


# Logs


CANARIES = ("canary-password", "CANARYTAG", "canary-cookie", "canary-token",
            "canary-second")


@pytest.mark.parametrize("level, events", [
    ("info", ""), ("debug", ""), ("debug", "debug_connection 127.0.0.1;")])
def test_no_log_holds_a_credential(site, level, events):
    site.redis.device("CANARYTAGPHONE", state="compliant", owner="alice")
    site.redis.group("pilot", mode="report")
    site.start(level=level, events=events,
               web="compliance_login_profile roundcube;",
               server="error_log @dir@/server.log debug;",
               servers="""
    server { listen 127.0.0.1:@port@; server_name second;
             error_log @dir@/second.log debug;
             location /closed { return 404; } }
    """)
    password = "canary-password"
    tag = "alice#CANARYTAGPHONE"

    def auth(name):
        return ("Authorization", basic(name, password))

    cookie = ("Cookie", "session=canary-cookie")
    encoded = [basic(n, password)[6:] for n in ("alice", tag, "breakglass")]
    site.eas("GOODPHONE", login="alice", headers=[cookie])
    for headers in ([auth("alice"), cookie], [auth(tag), cookie],
                    [auth("alice#CANARYTAG#2")], [auth(tag), auth(tag)],
                    [auth("alice#CANARYTAG.badmac")],
                    [("Authorization", "Bearer canary-token")],
                    [("Authorization", "Negotiate canary-token")],
                    [("Proxy-Authorization", "Basic canary-token")]):
        for path in ("/ews/", "/mail/", "/open/", EAS + QUERY % "GOODPHONE",
                     "/dav/", "/autodiscover/autodiscover.xml"):
            site.get(path, headers, "POST", b"x")
        site.get("/closed", [("Host", "second"), *headers])
        # refused by nginx itself, before the gate
        site.get("/ews/", [*headers, ("Content-Length", "bad")], "POST", b"x")
    site.get("/mail/?_task=login",
             {"Content-Type": "application/x-www-form-urlencoded"}, "POST",
             b"_user=carol&_pass=canary-second")
    site.redis.stop()
    site.get("/ews/", [auth(tag), cookie])

    time.sleep(0.1)
    texts = {p.name: p.read_text(errors="replace")
             for p in site.gateway.directory.glob("*.log")}
    assert set(texts) >= {"error.log", "server.log", "second.log",
                          "verdict.log"}
    for name, text in texts.items():
        for canary in (*CANARIES, *encoded):
            found = [line for line in text.splitlines()
                     if canary in line and not (
                         canary == "CANARYTAG" and "CANARYTAGPHONE" in line
                         and "alice#" not in line)]
            assert not found, f"{canary} in {name}: {found[0][:300]}"
        assert "alice#" not in text, name
    assert len(texts["server.log"]) > 1000 or level == "info"


def test_no_audit_record_and_no_key_holds_a_credential(site):
    site.start()
    pairs = {"Authorization": basic("alice#BADPHONE", "canary-password"),
             "Cookie": "x=canary-cookie", "User-Agent": "agent\"\\\x7f"}
    link = site.get("/ews/", pairs).body.decode()
    token = re.search(r"t=(\S+)", link)[1]
    wait_until("the audit", lambda: site.redis.audit())
    dump = "\n".join(site.redis.audit()) + repr(site.redis.cmd("KEYS", "*"))
    for canary in ("canary", "alice#", token, basic("alice")[6:]):
        assert canary not in dump
        assert canary not in site.gateway.log()


# Load and leavers


def test_many_clients_that_leave_at_every_stage_leave_nothing(site):
    site.redis.group("default", mode="report")
    site.start(web="compliance_login_profile roundcube;",
               events="")
    request_line = f"POST {EAS}{QUERY % 'BADPHONE'} HTTP/1.1\r\nHost: x\r\n"
    whole = (request_line + f"Authorization: {basic('alice')}\r\n"
             "MS-ASProtocolVersion: 14.1\r\nContent-Length: 400\r\n\r\nhalf")
    form = ("POST /mail/?_task=login HTTP/1.1\r\nHost: x\r\nContent-Length: "
            "500\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
            "_user=ali")
    for data in (request_line, whole, form) * 20:
        s = socket.create_connection(("127.0.0.1", site.port))
        s.sendall(data.encode())
        time.sleep(0.005)
        s.close()
    assert site.eas("GOODPHONE").body == b"backend"
    assert len(site.seen()) == 1
