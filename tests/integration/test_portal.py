"""The remediation page: from a blocked request's link to the way back in, and
what it keeps from whom."""

import base64
import hashlib
import html
import html.parser
import pathlib
import re
import signal
import subprocess
import time
import urllib.parse

import pytest

from harness import ROOT, basic, free_port, raw, request, wait_until

KEY = "1 " + "5a" * 32
OTHER_KEY = "1 " + "a5" * 32
PORTAL = "/compliance/portal"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECRETS = ["Alice's", "Alice&#39;s", "Pixel", "BADPHONE", "alice", "SERIAL7"]


class Page(html.parser.HTMLParser):
    """What a browser makes of a page; parsing errors fail the test."""

    def __init__(self, response):
        super().__init__()
        self.tags, self.text, self.form, self.links = [], "", {}, []
        self.style, self.inside, self.open = "", [], []
        self.feed(response.body.decode())
        self.close()
        assert self.open == []
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag not in ("meta", "input"):
            self.open.append(tag)
        if tag == "input":
            self.form[attrs["name"]] = attrs["value"]
        if tag == "form":
            assert attrs == {"method": "post", "action": "?"}
        if tag == "a":
            self.links.append(attrs["href"])
        assert not any(name.startswith("on") or name == "style"
                       for name in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.text += data


@pytest.fixture(scope="session")
def sealer(tmp_path_factory):
    program = tmp_path_factory.mktemp("seal") / "seal_link"
    core = ROOT / "ngx_compliance_module/core"
    subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-I", core, "-o",
                    program, ROOT / "tests/integration/seal_link.c",
                    *sorted(core.glob("*.c")), "-ljansson", "-lutf8proc",
                    "-lcjose", "-lcrypto"], check=True)

    def seal(protocol="eas", reason="device_noncompliant", binding="owner",
             device="BADPHONE", user="alice", back="", age=0, key=KEY):
        return subprocess.run(
            [program, key, protocol, reason, binding, device, user, back,
             str(int(time.time()) + 900 - age)], check=True,
            capture_output=True, text=True).stdout.strip()
    return seal


class Portal:
    def __init__(self, gateway, redis, backend, certificates, seal):
        self.gateway, self.redis, self.backend = gateway, redis, backend
        self.certificates, self.seal = certificates, seal
        self.port, self.tls = free_port(), free_port()
        directory = pathlib.Path(gateway.directory)
        (directory / "compliance").symlink_to(ROOT / "deploy/nginx")
        (directory / "secret").write_text(KEY + "\n")
        crt, key = certificates.server
        gateway.start(
            main=f"""
compliance_redis unix:{redis.socket};
compliance_secret_file {directory}/secret;
compliance_portal_url https://localhost:{self.tls}{PORTAL};
""",
            http=f"""
include compliance/snippets/http.conf;
access_log {directory}/compliance.log compliance;
log_format everything '$request $args $request_uri $query_string $http_referer';
access_log {directory}/everything.log everything;
server {{
    listen 127.0.0.1:{self.port};
    listen 127.0.0.1:{self.tls} ssl;
    ssl_certificate {crt};
    ssl_certificate_key {key};
    ssl_client_certificate {certificates.ca};
    ssl_verify_client optional;
    error_page 400 403 404 405 410 429 503 /error;
    include compliance/locations/portal.conf;
    include compliance/locations/default-deny.conf;
    location /mail/ {{
        compliance on;
        compliance_protocol web;
        proxy_pass http://127.0.0.1:{backend.port};
    }}
    location = /error {{ return 200 "error page"; }}
}}
""", level="debug")
        wait_until("the portal has its store", lambda: self.get(
            self.seal(device="GOODPHONE")).status == 200)

    def ask(self, method, path, body=None, headers=(), pair=None):
        context = self.certificates.client_context(pair)
        return request(self.tls, method, path, headers=headers, body=body,
                       context=context)

    def get(self, token, **kwargs):
        return self.ask("GET", f"{PORTAL}?t={token}", **kwargs)

    def check_again(self, token, **kwargs):
        return self.ask("POST", PORTAL, body=f"t={token}".encode(),
                        headers=FORM, **kwargs)

    def client(self, name, device):
        pair = self.certificates.issue(name)
        self.redis.alias("cert", self.certificates.fingerprint(pair[0]),
                         device)
        return pair


@pytest.fixture
def portal(gateway, redis, backend, certificates, sealer):
    redis.seed()
    redis.device("BADPHONE", model="Pixel 8", serial="SERIAL7",
                 last_checkin=str(int(time.time()) - 3600))
    return Portal(gateway, redis, backend, certificates, sealer)


def hides(response, words=tuple(SECRETS)):
    text = response.body.decode()
    return [w for w in words if w in text]


def test_an_unproven_asker_sees_the_checks_and_the_steps(portal):
    response = portal.get(portal.seal())
    page = Page(response)
    assert response.status == 200
    assert "The system needs an update" in page.text
    assert "The storage is not encrypted" in page.text
    assert "Open Settings" in page.text and "testtesttesttest" in page.text
    assert page.tags.count("h1") == 1 and page.tags.count("ol") == 2
    assert hides(response) == []


def test_the_group_is_heard(portal):
    portal.redis.group("sales", support_contact="help <desk> & co, 112",
                       message="Ask \"Ann\"")
    body = portal.get(portal.seal()).body.decode()
    assert "help &lt;desk&gt; &amp; co, 112" in body
    assert "Ask &quot;Ann&quot;" in body or "Ask &#34;Ann&#34;" in body


def test_a_proven_asker_sees_the_device(portal):
    pair = portal.client("proven", "BADPHONE")
    response = portal.get(portal.seal(), pair=pair)
    page = Page(response)
    assert "Alice's Pixel" in page.text and "Pixel 8" in page.text
    assert "Last check-in" in page.text
    assert "SERIAL7" not in page.text and "alice" not in page.text


def test_the_certificate_of_another_device_proves_nothing(portal):
    pair = portal.client("another", "GOODPHONE")
    response = portal.get(portal.seal(), pair=pair)
    assert "needs an update" in Page(response).text
    assert hides(response) == []


def test_a_certificate_nobody_knows_proves_nothing(portal):
    response = portal.get(portal.seal(),
                          pair=portal.certificates.issue("nobody"))
    assert "needs an update" in Page(response).text
    assert hides(response) == []


@pytest.mark.parametrize("what", [
    dict(device="NOSUCHDEVICE", reason="device_unknown"),
    dict(device="", reason="device_unknown"),
    dict(user="nobody", reason="user_unknown"),
    dict(device="BOBPHONE", reason="owner_mismatch"),
    dict(user="bob"),
    dict(user="leaver", reason="user_blocked"),
])
def test_the_unknown_and_the_foreign_look_the_same(portal, what):
    portal.redis.user("leaver", groups="sales", blocked="1")
    portal.redis.device("BADPHONE", owner="alice")
    expected = portal.get(portal.seal(device="NEVERSEEN")).body.decode()
    token = portal.seal(**what)
    body = portal.get(token).body.decode()
    assert "This device is not enrolled" in body

    def plain(text):
        return re.sub(r'value="[^"]*"', "", text)
    assert plain(body) == plain(expected)


def test_check_again_says_still_blocked_and_when(portal):
    response = portal.check_again(portal.seal())
    page = Page(response)
    assert response.status == 200
    assert re.search(r"Still blocked, checked at \d\d:\d\d UTC", page.text)
    again = portal.check_again(page.form["t"])
    assert again.status == 200


def test_a_repaired_device_is_sent_back_where_it_came_from(portal):
    token = portal.seal(back="/mail/?a=1&b=%2f")
    portal.redis.device("BADPHONE", state="compliant")
    response = portal.check_again(token)
    assert response.status == 303
    assert response.header("location") == "/mail/?a=1&b=%2f"
    assert response.body == b""
    page = Page(portal.get(token))
    assert page.links == ["/mail/?a=1&b=%2f"]


def test_a_repaired_device_without_a_way_back_is_told(portal):
    token = portal.seal()
    portal.redis.device("BADPHONE", state="compliant")
    response = portal.check_again(token)
    page = Page(response)
    assert response.status == 200
    assert "Go back to your mail app" in page.text
    assert hides(response) == [] and page.form == {}


def test_a_device_enrolled_since_is_found_by_its_alias(portal):
    token = portal.seal(device="NEWPHONE", reason="device_unknown")
    assert "not enrolled" in Page(portal.get(token)).text
    portal.redis.device("MDM-17", state="compliant", owner="alice")
    portal.redis.alias("eas", "NEWPHONE", "MDM-17")
    assert "You're in" in Page(portal.get(token)).text


def test_what_was_proven_when_it_was_blocked_counts_at_check_again(portal):
    portal.redis.group("sales", min_binding="certificate",
                       allowed_clients="Outlook*")
    portal.redis.device("BADPHONE", state="compliant")
    assert "You're in" in Page(portal.get(portal.seal(
        binding="certificate"))).text
    assert "has not shown who it is" in Page(portal.get(portal.seal(
        binding="owner"))).text
    assert "This app may not be used" in Page(portal.get(portal.seal(
        binding="certificate", reason="client_not_allowed"))).text


def test_a_blocked_browser_gets_a_link_that_leads_back(portal):
    pair = portal.client("browser", "BADPHONE")
    navigate = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
                "Accept": "text/html"}
    response = portal.ask("GET", "/mail/inbox?x=1", headers=navigate,
                          pair=pair)
    assert response.status == 303
    link = urllib.parse.urlsplit(response.header("location"))
    assert link.path == PORTAL and portal.backend.requests == []

    page = Page(portal.ask("GET", f"{link.path}?{link.query}", pair=pair))
    assert "Alice's Pixel" in page.text
    portal.redis.device("BADPHONE", state="compliant")
    response = portal.check_again(page.form["t"], pair=pair)
    assert response.header("location") == "/mail/inbox?x=1"
    assert portal.ask("GET", "/mail/inbox?x=1", headers=navigate,
                      pair=pair).status == 200


def test_nothing_is_left_in_the_audit(portal):
    before = portal.redis.audit()
    portal.get(portal.seal())
    portal.check_again(portal.seal())
    time.sleep(0.3)
    assert portal.redis.audit() == before


def test_headers_leave_a_browser_no_freedom(portal):
    response = portal.get(portal.seal())
    policy = response.header("content-security-policy")
    parts = dict(p.strip().split(" ", 1) for p in policy.split(";"))
    style = Page(response).style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert parts == {"default-src": "'none'", "base-uri": "'none'",
                     "form-action": "'self'", "frame-ancestors": "'none'",
                     "style-src": f"'sha256-{digest}'"}
    assert "no-store" in response.header("cache-control")
    assert response.header("referrer-policy") == "no-referrer"
    assert response.header("x-content-type-options") == "nosniff"
    assert response.header("x-frame-options") == "DENY"
    assert "noindex" in response.header("x-robots-tag")
    assert response.header("content-type") == "text/html; charset=utf-8"
    assert len(response.body) < 50_000
    assert "http" not in Page(response).style


def test_every_page_has_the_same_headers(portal):
    seen = set()
    for status, response in {
        200: portal.ask("GET", PORTAL), 400: portal.get("forged"),
        410: portal.get(portal.seal(age=901)),
        405: portal.ask("PUT", PORTAL),
    }.items():
        assert response.status == status
        assert b"error page" not in response.body
        Page(response)
        seen.add((response.header("content-security-policy"),
                  response.header("referrer-policy"),
                  response.header("cache-control")))
    assert len(seen) == 1


def test_forged_links_look_alike(portal):
    good = portal.seal()
    swapped = good[:-2] + ("AA" if good[-2:] != "AA" else "BB")
    bodies = {(r.status, r.body) for r in map(portal.get, [
        "x", "A" * 40, "A" * 1534, "A" * 3000, swapped, good[:-1], good + "A",
        good[1:], good + "&t=" + good, "%41" + good[1:], "..", "<script>",
        portal.seal(key=OTHER_KEY), good + "%00"])}
    assert len(bodies) == 1
    assert bodies.pop()[0] == 400


def test_an_expired_link_says_how_to_get_a_new_one(portal):
    for response in (portal.get(portal.seal(age=901)),
                     portal.check_again(portal.seal(age=901))):
        assert response.status == 410
        assert "you get a new link" in Page(response).text
        assert hides(response) == []


def test_without_a_link_there_is_general_help(portal):
    for path in (PORTAL, PORTAL + "?", PORTAL + "?x=1"):
        page = Page(portal.ask("GET", path))
        assert "Device check" in page.text and page.form == {}


def test_head_has_no_body(portal):
    response = portal.ask("HEAD", f"{PORTAL}?t={portal.seal()}")
    assert response.status == 200 and response.body == b""


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH",
                                    "PROPFIND"])
def test_other_methods_are_refused(portal, method):
    response = portal.ask(method, PORTAL)
    assert response.status == 405
    assert response.header("allow") == "GET, HEAD, POST"


@pytest.mark.parametrize("headers, body", [
    ({}, "t=TOKEN"),
    ({"Content-Type": "text/plain"}, "t=TOKEN"),
    ({"Content-Type": "application/x-www-form-urlencodedx"}, "t=TOKEN"),
    ({"Content-Type": "multipart/form-data; boundary=x"}, "t=TOKEN"),
    ({"Content-Type": "application/json"}, '{"t":"TOKEN"}'),
    (FORM, ""),
    (FORM, "t=TOKEN&t=TOKEN"),
    (FORM, "t=TOKEN&x=" + "y" * 3000),
    (FORM, "x=TOKEN"),
])
def test_a_form_that_is_not_ours_is_refused(portal, headers, body):
    body = body.replace("TOKEN", portal.seal()).encode()
    response = portal.ask("POST", PORTAL, body=body, headers=headers)
    assert response.status == 400
    response = portal.ask("POST", PORTAL, body=b"x" * 100_000, headers=FORM)
    assert response.status == 413


def test_a_form_with_a_charset_or_in_pieces_is_read(portal):
    token = portal.seal()
    response = portal.ask(
        "POST", PORTAL, body=f"t={token}".encode(),
        headers={"Content-Type": FORM["Content-Type"] + "; charset=UTF-8"})
    assert response.status == 200 and b"Still blocked" in response.body
    body = f"t={token}"
    pieces = "".join(f"{len(p):x}\r\n{p}\r\n" for p in (
        body[:1], body[1:9], body[9:]))
    answer = raw(portal.port, (
        f"POST {PORTAL} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n{pieces}0\r\n\r\n").encode())
    assert b" 200 " in answer and b"Still blocked" in answer


def test_asking_too_often_is_limited_by_link_and_then_by_address(portal):
    token = portal.seal()
    statuses = [portal.check_again(token).status for _ in range(25)]
    assert 429 in statuses and statuses[0] == 200
    response = portal.check_again(token)
    assert response.status == 429 and response.header("retry-after") == "60"
    assert hides(response) == []


def test_redis_away_is_a_503_that_can_be_tried_again(portal):
    token = portal.seal()
    portal.redis.stop(signal.SIGKILL)
    for response in (portal.get(token), portal.check_again(token)):
        page = Page(response)
        assert response.status == 503
        assert response.header("retry-after")
        assert page.form["t"] == token
        assert hides(response) == []
    portal.redis.start()
    wait_until("the portal is back",
               lambda: portal.get(token).status == 200)


def test_no_log_holds_a_token(portal):
    tokens = [portal.seal(), portal.seal(age=901), "A" * 60]
    for token in tokens:
        portal.get(token)
        portal.check_again(token)
        portal.ask("PUT", f"{PORTAL}?t={token}")
        portal.ask("POST", f"{PORTAL}?t={token}", body=b"", headers=FORM)
    portal.gateway.stop()
    for log in pathlib.Path(portal.gateway.directory).glob("*.log"):
        text = log.read_text(errors="replace")
        assert text or log.name != "everything.log"
        for token in tokens:
            assert token[:40] not in text, log


def test_a_client_that_leaves_leaves_nothing_behind(portal):
    token = portal.seal()
    portal.redis.process.signal(signal.SIGSTOP)
    try:
        for _ in range(20):
            raw(portal.port, f"GET {PORTAL}?t={token} HTTP/1.1\r\n"
                f"Host: x\r\n\r\n".encode(), timeout=0.01)
    finally:
        portal.redis.process.signal(signal.SIGCONT)
    wait_until("the portal answers", lambda: portal.get(
        portal.seal(device="GOODPHONE")).status in (200, 429))


def test_the_portal_needs_a_store_and_keys(gateway):
    server = f"""server {{ listen 127.0.0.1:{free_port()};
        location = /p {{ compliance_portal; }} }}"""
    status, out = gateway.check(http=server)
    assert status != 0 and "compliance_redis" in out
    status, out = gateway.check(
        main="compliance_redis unix:/nonexistent.sock;", http=server)
    assert status != 0 and "compliance_secret_file" in out


@pytest.mark.parametrize("location, message", [
    ("compliance_portal; compliance_portal;", "duplicate"),
    ("compliance_portal on;", "invalid number of arguments"),
    ("proxy_pass http://127.0.0.1:1; compliance_portal;", "content handler"),
    ("compliance_portal; proxy_pass http://127.0.0.1:1;", "content handler"),
    ("compliance on; compliance_protocol web; compliance_portal;", "is gated"),
])
def test_a_bad_portal_location_is_refused(gateway, location, message):
    status, out = gateway.check(http=f"""server {{
        listen 127.0.0.1:{free_port()}; location = /p {{ {location} }} }}""")
    assert status != 0 and message in out
