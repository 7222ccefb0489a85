"""Every spelling of every gated path of deploy/nginx/locations, against a back
end that records what reaches it.  Where everybody is blocked, nothing may
reach it; where one protocol is denied, nothing may that any back end could
read as a path of that protocol."""

import pathlib
import re
import socket
import urllib.parse

import pytest

from harness import ROOT, Backend, basic, free_port, wait_until

LOCATIONS = ROOT / "deploy/nginx/locations"

# A path for every gated location of a file, and what protocol it is.
SITES = {
    "sogo": {
        "/Microsoft-Server-ActiveSync": "eas",
        "/SOGo/Microsoft-Server-ActiveSync": "eas",
        "/SOGo/dav": "dav",
        "/SOGo/dav/alice/Calendar/personal/": "dav",
        "/SOGo": "web",
        "/SOGo/": "web",
        "/SOGo/connect": "web",
        "/SOGo/so/alice/Mail/view": "web",
        "/SOGo/alice/view": "web",
    },
    "roundcube": {
        "/": "web",
        "/index.php": "web",
        "/skins/elastic/styles/styles.min.css": "web",
        "/program/js/app.min.js": "web",
    },
    "exchange": {
        "/Microsoft-Server-ActiveSync": "eas",
        "/Microsoft-Server-ActiveSync/default.eas": "eas",
        "/autodiscover/autodiscover.xml": "autodiscover",
        "/autodiscover/autodiscover.json/v1.0/alice@example.com":
            "autodiscover",
        "/EWS/Exchange.asmx": "ews",
        "/ews/Services.wsdl": "ews",
        "/OAB/8e3f0f2e-6b0a-4d83-a3b1-9a5d6c1d8f10/oab.xml": "ews",
        "/mapi/emsmdb": "mapi",
        "/mapi/nspi/": "mapi",
        "/rpc/rpcproxy.dll": "mapi",
        "/owa/": "web",
        "/owa/auth.owa": "web",
    },
    "zimbra": {
        "/Microsoft-Server-ActiveSync": "eas",
        "/Autodiscover/Autodiscover.xml": "autodiscover",
        "/ews/Exchange.asmx": "ews",
        "/dav/alice/Calendar/": "dav",
        "/principals/users/alice/": "dav",
        "/": "web",
        "/zimbra/mail": "web",
        "/h/search": "web",
        "/service/soap/SearchRequest": "web",
        "/service/home/~/": "web",
    },
}

# Never reachable, by nobody: paths beside the gated ones.
DENIED = {
    "sogo": ["/SOGo/so/Microsoft-Server-ActiveSync",
             "/SOGo/so/alice/Microsoft-Server-ActiveSync",
             "/SOGo/dav/Microsoft-Server-ActiveSync",
             "/SOGo/Microsoft-Server-ActiveSync/default.eas",
             "/SOGo/dav/connect", "/SOGo/so/connect", "/SOGo/so/casProxy",
             "/SOGo/so/saml2-signon-post", "/SOGo/casProxy",
             "/SOGo/saml2-metadata", "/SOGo/connect/", "/sogo/so/x",
             "/Autodiscover/Autodiscover.xml", "/unknown"],
    "roundcube": ["/installer/", "/installer/index.php", "/config/config.inc.php",
                  "/logs/errors.log", "/temp/x", "/SQL/sqlite.initial.sql",
                  "/bin/update.sh", "/.htaccess", "/plugins/a/a.php",
                  "/plugins/a/a.php/x.css", "/program/include/rcmail.php",
                  "/index.php/x.css", "/plugins/../index.php", "/composer.json",
                  "/INDEX.PHP", "/skins/.htaccess", "/unknown"],
    "exchange": ["/ecp", "/ecp/", "/ECP/default.aspx", "/powershell",
                 "/PowerShell/", "/api/v2.0/me", "/PushNotifications/x",
                 "/owa/healthcheck.htm", "/mapi/healthcheck.htm",
                 "/ews/exchange.asmx/wssecurity", "/mapi/", "/oab/",
                 "/autodiscover/autodiscover.svc/wssecurity", "/aspnet_client/",
                 "/rpc/", "/unknown"],
    "zimbra": ["/zimbraAdmin", "/zimbraAdmin/", "/service/admin/soap",
               "/service/preauth", "/service/spnego", "/service/extension/x",
               "/service/certauth", "/Zimbra/mail", "/unknown"],
}

BEFORE = ["/", "/.", "/%2e", "/x/..", "/x/%2e%2e", "/x%2f..", "/x/..%2f",
          "/x/..%5c", "/;", "/;x", "/..;", "/%2f", "\\", "/\\", "/%5c", "/%00",
          "/%09", "/x/..;", "/..%252f", "/%ef%bc%8f"]
SLASHES = ["//", "\\", "%2f", "%2F", "%5c", "%252f", "%255c", "/./", "/%2e/",
           "/x/../", "/x/%2e%2e/", ";/", ";x=y/", "%ef%bc%8f", "%c0%af",
           "/\\", "%u002f", "/%20/", "/%00/"]
AFTER = [".", "%2e", "..", "%20", "%20.", "/", "//", "/.", "/..", ";", ";x",
         ";.css", "/;.css", "::$DATA", "::%24INDEX_ALLOCATION", ":$I30", "~1",
         "~1.css", "%00", "%00.css", "%3f", "%3fx=y", "%23", "#x", "/x.css",
         "/.css", ".css", "/x.php/y.css", "%0a", "%0d%0a", "%09", "%u002e",
         "%252e", "/%2e%2e", "/..%2f..%2f", "%c0%ae", "\\", "%5c", "\\..\\"]
LETTER = [lambda c: f"%{ord(c):02x}", lambda c: f"%{ord(c):02X}",
          lambda c: f"%25{ord(c):02x}", lambda c: f"%u{ord(c):04x}",
          lambda c: f"%25u{ord(c):04x}", lambda c: f"%c1%{ord(c) & 0xbf:02x}",
          lambda c: "%ef%bd%" + f"{0x40 + (ord(c) & 0x3f):02x}"]


def spellings(path, ungated):
    """Raw request targets that somebody could read as this path."""
    yield path
    yield from (path.lower(), path.upper(), path.swapcase(), path.title())

    for before in BEFORE:
        yield before + path
    for after in AFTER:
        yield path + after
        yield path.rstrip("/") + after + "/"

    for at in [m.start() for m in re.finditer("/", path)]:
        for slash in SLASHES:
            yield path[:at] + slash + path[at + 1:]

    letters = [m.start() for m in re.finditer("[A-Za-z]", path)]
    for at in (letters[:1] + letters[len(letters) // 2:][:1] + letters[-1:]):
        for spell in LETTER:
            yield path[:at] + spell(path[at]) + path[at + 1:]
    for spell in LETTER:
        yield re.sub("[A-Za-z]", lambda m: spell(m[0]), path)

    for word in path.split("/"):
        if len(word) > 8:
            yield path.replace(word, word[:6] + "~1")
            yield path.replace(word, word[:6].upper() + "~1")

    for prefix in ungated:
        up = prefix.count("/")
        for dots in ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..;/", "..\\",
                     "..%5c", "..%252f"):
            yield prefix + "/" + dots * up + path.lstrip("/")
            yield prefix + dots * up + path.lstrip("/")

    yield "http://other.example" + path
    yield path + "?x=/../" + path


def blocks(name):
    """(modifier, pattern, text) of every location of a file."""
    text = (LOCATIONS / f"{name}.conf").read_text()
    return re.findall(r"^location (=|\^~|~\*|~)? ?(\S+) \{\n(.*?)^\}", text,
                      re.M | re.S)


def ungated_prefixes(name):
    return sorted({pattern.rstrip("/") for modifier, pattern, text
                   in blocks(name)
                   if "gate-" not in text and modifier in ("=", "^~", "")})


def takes(modifier, pattern, path):
    if modifier == "=":
        return path == pattern
    if modifier in ("~", "~*"):
        return re.search(pattern, path, re.I if modifier == "~*" else 0)
    return path.startswith(pattern)


def readings(target):
    """Paths that a careless back end could read in a request's target."""
    path = re.sub(r"^[a-z]+://[^/]*", "", target)
    path = re.split(r"[?#]", path)[0]
    for _ in range(3):
        path = re.sub(r"%u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), path)
        decoded = urllib.parse.unquote(path, errors="replace")
        for text in {path, decoded}:
            text = text.replace("\\", "/").split("\0")[0]
            for cut in {text, re.sub(r";[^/]*", "", text)}:
                parts = []
                for part in cut.split("/"):
                    part = re.sub(r"(::?\$.*)$", "", part).rstrip(". ") \
                        if part not in (".", "..") else part
                    if part == "..":
                        parts = parts[:-1]
                    elif part not in ("", "."):
                        parts.append(part)
                yield "/" + "/".join(parts).lower()
        path = decoded


PROTOCOLS = {
    "eas": r"/microsoft-server-activesync|/micros~1",
    "autodiscover": r"^/autodiscover(/|$)",
    "ews": r"^/(ews|oab)(/|$)",
    "mapi": r"^/(mapi|rpc|rpcwithcert)(/|$)",
    "dav": r"^/(sogo/dav|dav|principals)(/|$)",
    "web": r"^/(owa|sogo(?!/dav(/|$)|/microsoft-)|index\.php|zimbra|h|service)"
           r"(/|$)",
}


class Client:
    """Keeps its connection while the server does; sends targets as they are."""

    def __init__(self, port):
        self.port = port
        self.socket = None

    def send(self, method, target, headers):
        lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        data = (f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n"
                f"{lines}\r\n").encode("latin-1")
        for attempt in (0, 1):
            if self.socket is None:
                self.socket = socket.create_connection(
                    ("127.0.0.1", self.port), timeout=20)
            try:
                self.socket.sendall(data)
                return self.receive()
            except ConnectionError:
                self.close()
                if attempt:
                    raise
        return None

    def receive(self):
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise ConnectionResetError
            data += chunk
        head, body = data.split(b"\r\n\r\n", 1)
        length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
        chunked = b"transfer-encoding: chunked" in head.lower()
        while (len(body) < int(length[1]) if length
               else chunked and not body.endswith(b"0\r\n\r\n")):
            chunk = self.socket.recv(65536)
            if not chunk:
                break
            body += chunk
        if b"connection: close" in head.lower():
            self.close()
        return int(head.split()[1])

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None


class Site:
    def __init__(self, name, gateway, redis, certificates, merge):
        self.name, self.redis, self.backend = name, redis, Backend()
        self.port = free_port()
        tls = free_port()
        directory = pathlib.Path(gateway.directory)
        (directory / "compliance").symlink_to(ROOT / "deploy/nginx")
        (directory / "secret").write_text("1 " + "5a" * 32 + "\n")
        crt, key = certificates.server
        upstreams = "".join(
            f"upstream compliance_{n} {{ server 127.0.0.1:"
            f"{tls if n == 'exchange' else self.backend.port}; }}\n"
            for n in SITES)
        gateway.start(
            main=f"""
compliance_redis unix:{redis.socket};
compliance_secret_file {directory}/secret;
compliance_portal_url http://127.0.0.1:{self.port}/compliance/portal;
""",
            http=f"""
include /etc/nginx/mime.types;
# nginx never frees the last session of a peer: a leak, for a sanitizer build
proxy_ssl_session_reuse off;
{upstreams}
server {{
    listen 127.0.0.1:{self.port};
    merge_slashes {merge};
    include compliance/locations/{name}.conf;
    include compliance/locations/portal.conf;
    include compliance/locations/default-deny.conf;
}}
server {{
    listen 127.0.0.1:{tls} ssl;
    merge_slashes off;
    ssl_certificate {crt};
    ssl_certificate_key {key};
    location / {{ proxy_pass http://127.0.0.1:{self.backend.port}; }}
}}
""", level="notice")
        self.client = Client(self.port)
        self.number = 0

    def ask(self, target, device=None, method="GET"):
        self.number += 1
        query = ("Cmd=Sync&User=alice&DeviceType=X&DeviceId="
                 + (device or f"D{self.number:07d}"))
        return self.client.send(
            method, target + ("" if "?" in target else "?" + query),
            {"Authorization": basic("alice"), "Cookie": "session=alice",
             "MS-ASProtocolVersion": "14.1", "Accept": "text/html",
             "Content-Length": "0", "User-Agent": "test"})

    def reached(self):
        paths = [r["path"] for r in self.backend.requests]
        self.backend.requests.clear()
        return paths

    def targets(self):
        ungated = ungated_prefixes(self.name)
        for path in list(SITES[self.name]) + DENIED[self.name]:
            yield from spellings(path, ungated)


@pytest.fixture
def site(gateway, redis, certificates, request):
    name, merge = request.param
    redis.seed()
    site = Site(name, gateway, redis, certificates, merge)
    wait_until("the gate has its store", lambda: site.ask(
        next(iter(SITES[name]))) not in (502, 503))
    site.reached()
    yield site
    site.client.close()
    site.backend.stop()


EVERY = [(name, merge) for name in SITES for merge in ("on", "off")]
ONCE = [(name, "off") for name in SITES]


@pytest.mark.parametrize("name", SITES)
def test_every_gated_location_has_a_sample_and_every_proxy_is_gated(name):
    first = {}
    for modifier, pattern, text in blocks(name):
        gated = "compliance/snippets/gate-" in text
        assert gated == ("proxy_pass" in text), pattern
        assert not (gated and re.search(r"^\s*(return|rewrite|if)\b", text,
                                        re.M)), pattern
        assert gated or "compliance off;" in text, pattern
        if gated:
            first[(modifier, pattern)] = [
                p for p in SITES[name] if takes(modifier, pattern, p)]
    assert all(first.values()), first
    whole = (LOCATIONS / f"{name}.conf").read_text()
    assert whole.count("proxy_pass") == sum(
        "proxy_pass" in text for _, _, text in blocks(name))


@pytest.mark.parametrize("site", EVERY, indirect=True, ids="-".join)
def test_no_spelling_reaches_the_back_end_of_who_is_blocked(site):
    site.redis.user("alice", groups="sales", blocked="1")
    for path in SITES[site.name]:
        assert site.ask(path) not in (404, 502), path
    assert site.reached() == []
    for target in dict.fromkeys(site.targets()):
        site.ask(target)
        assert site.reached() == [], target


@pytest.mark.parametrize("site", ONCE, indirect=True, ids="-".join)
def test_what_is_allowed_reaches_the_back_end_as_it_was_judged(site):
    site.redis.group("default", mode="off")
    site.redis.group("sales", mode="off")
    for path in SITES[site.name]:
        assert site.ask(path, device="GOODPHONE") == 200, path
        seen = [p.split("?")[0] for p in site.reached()]
        expected = path
        if site.name == "sogo" and path.startswith("/Microsoft"):
            expected = "/SOGo" + path
        assert seen == [expected], path


@pytest.mark.parametrize("site", ONCE, indirect=True, ids="-".join)
def test_no_spelling_of_a_denied_path_reaches_the_back_end(site):
    site.redis.group("default", mode="off")
    site.redis.group("sales", mode="off")
    for path in DENIED[site.name]:
        assert site.ask(path, device="GOODPHONE") in (301, 302, 400, 404), path
        assert site.reached() == [], path


@pytest.mark.parametrize("site", ONCE, indirect=True, ids="-".join)
def test_no_spelling_leads_from_an_open_protocol_to_a_denied_one(site):
    for protocol in sorted(set(SITES[site.name].values())):
        others = ",".join(p for p in PROTOCOLS if p != protocol)
        for group in ("default", "sales"):
            site.redis.group(group, mode="enforce", deny_protocols=protocol,
                             protocols=others, unknown_device="allow",
                             min_binding="asserted", require="known")
        paths = [p for p, of in SITES[site.name].items() if of == protocol]
        ungated = ungated_prefixes(site.name)
        for path in paths + DENIED[site.name]:
            for target in dict.fromkeys(spellings(path, ungated)):
                site.ask(target)   # a device of its own: no delay
                for seen in site.reached():
                    for reading in readings(seen):
                        assert not re.search(PROTOCOLS[protocol], reading), (
                            protocol, target, seen)


@pytest.mark.parametrize("site", [("sogo", "off")], indirect=True,
                         ids="-".join)
def test_static_files_are_read_only_and_stay_in_their_folder(site):
    folder = "/SOGo.woa/WebServerResources"
    assert site.ask(folder + "/js/Common.js") == 200
    assert site.ask(folder + "/js/Common.js", method="POST") in (403, 405)
    for dots in ("../", "..%2f", "%2e%2e/", "..%5c", "..;/"):
        for depth in (1, 2, 7):
            status = site.ask(f"{folder}/{dots * depth}etc/passwd")
            assert status in (400, 404), (dots, depth)
    assert site.reached() == []
