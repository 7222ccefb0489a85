"""The directives at the top of nginx.conf: what is wrong with them is said at
`nginx -t`, by name and with the way out, and nothing is connected to."""

import pytest

HTTP = "    server { listen 127.0.0.1:@port@; }"
REDIS = "compliance_redis unix:/nowhere/redis.sock;"
KEY = "1 " + "5a" * 32

BAD = {
    "compliance_redis;": "invalid number of arguments",
    "compliance_redis unix:;": 'no path in the unix domain socket in "unix:"',
    "compliance_redis db=1;": "names no server",
    "compliance_redis 127.0.0.1:6379 127.0.0.1:6380;": "a second server",
    "compliance_redis 127.0.0.1:6379/x;": 'in "127.0.0.1:6379/x" of "compliance_redis"',
    "compliance_redis 127.0.0.1:99999;": "invalid port",
    "compliance_redis no-such-host.invalid:6379;": "host not found",
    "compliance_redis 127.0.0.1 frobnicate=1;":
        'unknown parameter "frobnicate=1"',
    "compliance_redis 127.0.0.1 db=;": '"db=" of "compliance_redis" has no',
    "compliance_redis 127.0.0.1 db=-1;": "invalid db=-1",
    "compliance_redis 127.0.0.1 db=1x;": "invalid db=1x",
    "compliance_redis 127.0.0.1 db=1 db=2;": '"db=" of "compliance_redis" is',
    "compliance_redis 127.0.0.1 timeout=0;": "invalid timeout=0",
    "compliance_redis 127.0.0.1 timeout=20s;": "from 1ms to 10000ms",
    "compliance_redis 127.0.0.1 timeout=fast;": "invalid timeout=fast",
    "compliance_redis 127.0.0.1 connect_timeout=1h;":
        "invalid connect_timeout=1h",
    "compliance_redis 127.0.0.1 timeout=1s timeout=1s;": "given twice",
    "compliance_redis 127.0.0.1 user=gateway;": "no password_file=",
    "compliance_redis 127.0.0.1 password_file=nowhere;":
        "cannot open the password file",
    "compliance_redis 127.0.0.1 password_file=empty;": "is empty",
    "compliance_redis 127.0.0.1 password_file=.;": "is not a file",
    "compliance_redis 127.0.0.1 password_file=large;": "more than 1024 bytes",
    f"{REDIS} {REDIS}": '"compliance_redis" directive is duplicate',
    "compliance_prefix 'a b:';": 'invalid prefix "a b:"',
    "compliance_prefix '';": "invalid prefix",
    "compliance_prefix a*:;": 'invalid prefix "a*:"',
    f"compliance_prefix {'x' * 65};": "1 to 64",
    "compliance_prefix a:; compliance_prefix a:;": "duplicate",
    "compliance_node 'a b';": 'invalid name "a b"',
    "compliance_node a:b;": 'invalid name "a:b"',
    "compliance_node a; compliance_node b;": "duplicate",
    "compliance_zone state 1x;": 'invalid size "1x" of the zone "state"',
    "compliance_zone state 4k;": "or more, such as 1m",
    "compliance_zone state -1;": 'invalid size "-1"',
    "compliance_zone state;": "invalid number of arguments",
    "compliance_zone a 1m; compliance_zone b 1m;": "duplicate",
    "compliance_secret_file nowhere;": 'of "compliance_secret_file"',
    "compliance_secret_file empty;": "compliance_secret_file",
    "compliance_secret_file short;": '"compliance_secret_file", line 2',
    "compliance_secret_file garbage;": '"compliance_secret_file", line 1',
    "compliance_secret_file large;": "at most 4096 bytes",
    "compliance_secret_file good; compliance_secret_file good;": "duplicate",
    "compliance_portal_url /compliance;": "give an absolute one",
    "compliance_portal_url ftp://x/;": "give an absolute one",
    "compliance_portal_url https:///x;": "give an absolute one",
    "compliance_portal_url https://x/?a=b;": "without a query",
    "compliance_portal_url 'https://x/#a';": "without a query",
    "compliance_portal_url 'https://x/\"><script>';": "invalid URL",
    "compliance_portal_url 'https://x/a b';": "invalid URL",
    "compliance_portal_url https://x/; compliance_portal_url https://x/;":
        "duplicate",
    "compliance_audit_queue 0;": "from 1 to 1000000",
    "compliance_audit_queue 5000000;": "from 1 to 1000000",
    "compliance_audit_queue many;": 'invalid number "many"',
    "compliance_audit_queue 5; compliance_audit_queue 5;": "duplicate",
    "compliance_audit_maxlen 1;": "from 1000 to",
    "compliance_log_level loud;": 'invalid value "loud"',
    "compliance_log_level info; compliance_log_level info;": "duplicate",
}


@pytest.fixture
def files(gateway):
    directory = gateway.directory

    def write(name, text, mode=0o600):
        (directory / name).write_text(text)
        (directory / name).chmod(mode)

    write("empty", "")
    write("large", "# " + "x" * 5000 + "\n" + KEY + "\n")
    write("short", "# too short a key\n1 5a5a\n")
    write("garbage", "hello\n")
    write("good", KEY + "\n")
    write("open", KEY + "\n", 0o644)
    write("group", KEY + "\n", 0o640)
    return gateway


@pytest.mark.parametrize("text", BAD, ids=lambda t: t[:60])
def test_a_bad_directive_is_refused(files, text):
    status, out = files.check(main=text)
    assert status != 0, out
    assert BAD[text] in out, out
    assert "[emerg]" in out


def good(files, main):
    status, out = files.check(main=main)
    assert status == 0, out
    return out


def test_everything_at_once_is_taken(files):
    out = good(files, """
        compliance_redis unix:/nowhere/redis.sock user=gateway
            password_file=good db=3 connect_timeout=20ms timeout=1s;
        compliance_prefix site1:;
        compliance_node gw-1.example;
        compliance_zone state 64k;
        compliance_secret_file good;
        compliance_portal_url https://mail.example.com/compliance/;
        compliance_audit_queue 100;
        compliance_audit_maxlen 5000;
        compliance_log_level warn;
    """)
    assert "[warn]" not in out


def test_nothing_at_all_is_taken(files):
    good(files, "")


@pytest.mark.parametrize("main, name", [
    (f"{REDIS} compliance_secret_file open;", "compliance_secret_file"),
    ("compliance_redis 127.0.0.1 password_file=open;", "compliance_redis"),
])
def test_a_secret_that_others_may_read_is_warned_of(files, main, name):
    out = good(files, main)
    assert "[warn]" in out and name in out and "0640" in out
    assert "5a5a" not in out
    assert "[warn]" not in good(files, main.replace("open", "group"))


def test_links_that_cannot_be_sealed_are_warned_of(files):
    out = good(files, f"{REDIS} compliance_portal_url https://x.example/;")
    assert "[warn]" in out and "compliance_secret_file" in out


@pytest.mark.parametrize("body, name", [
    ("compliance on; compliance_protocol eas;", "compliance on"),
    ("compliance_portal;", "compliance_portal"),
])
def test_a_gate_without_a_store_is_refused(files, body, name):
    status, out = files.check(main="compliance_secret_file good;", http=f"""
    server {{ listen 127.0.0.1:1; location / {{ {body} }} }}""")
    assert status != 0
    assert name in out and "compliance_redis" in out, out


def test_the_master_asks_nothing_under_nginx_t(files, redis):
    before = redis.cmd("INFO", "stats")
    good(files, f"compliance_redis unix:{redis.socket};")
    after = redis.cmd("INFO", "stats")

    def connections(text):
        return [line for line in text.splitlines()
                if line.startswith(b"total_connections_received")]

    assert connections(before) == connections(after)
