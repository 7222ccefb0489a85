"""The configurations of deploy/nginx as they are shipped: nothing but the
site's own names, ports and files is replaced before nginx reads them."""

import re
import shutil

import pytest

from harness import ROOT, Gateway, free_port, raw, request, wait_until

SITES = ["sogo", "roundcube-dovecot", "exchange", "zimbra"]


def install(gateway, redis, certificates, name):
    """Puts a site where nginx is to read it.  Returns its ports by number."""
    directory = gateway.directory
    shutil.copytree(ROOT / "deploy/nginx", directory / "compliance")
    crt, key = certificates.server
    for file, text in (("redis.password", "unused\n"),
                       ("compliance.secret", "1 " + "5a" * 32 + "\n")):
        (directory / file).write_text(text)
        (directory / file).chmod(0o600)

    ports = {}

    def port(match):
        number = ports.setdefault(int(match[2]), free_port())
        return f"{match[1]}127.0.0.1:{number}"

    modules = "".join(f"load_module {m};\n" for m in gateway.LOAD)
    for path in (directory / "compliance").rglob("*.conf"):
        text = path.read_text()
        text = re.sub(r"(?m)^load_module .*\n", "", text)
        text = re.sub(r"(?m)^\s*listen \[::\]:.*\n", "", text)
        # may be more than a container allows
        text = re.sub(r"(?m)^worker_(rlimit_nofile|processes) .*\n", "", text)
        text = re.sub(r"worker_connections \d+", "worker_connections 64", text)
        text = re.sub(r"(listen )(\d+)", port, text)
        for old, new in (
                ("/run/redis/redis.sock", redis.socket),
                (" user=gateway\n                 password_file="
                 "/etc/nginx/compliance-redis.password", ""),
                ("/etc/nginx/compliance.keys",
                 f"{directory}/compliance.secret"),
                ("/etc/nginx/tls/mail.example.com.pem", crt),
                ("/etc/nginx/tls/mail.example.com.key", key),
                ("/etc/nginx/tls/device-ca.pem", certificates.ca),
                ("/var/log/nginx/", f"{directory}/"),
                ("/run/nginx", f"{directory}/nginx"),
                ("user www-data;", "user root;\ndaemon off;"),
                ("server exchange.internal.example.com:443",
                 "server 127.0.0.1:1")):
            text = text.replace(old, new)
        path.write_text(text)

    gateway.conf.write_text(
        modules + (directory / "compliance" / f"{name}.conf").read_text())
    return ports


class Shipped(Gateway):
    def configure(self, **kwargs):
        pass


@pytest.fixture
def shipped(tmp_path):
    gateway = Shipped(tmp_path / "nginx")
    yield gateway
    gateway.stop()


@pytest.mark.parametrize("name", SITES)
def test_nginx_takes_it_without_a_word(shipped, redis, certificates, name):
    install(shipped, redis, certificates, name)
    status, out = shipped.check()
    assert status == 0, out
    assert not re.search(r"\[(warn|error|crit|emerg)\]", out), out


@pytest.mark.parametrize("name", SITES)
def test_it_denies_what_it_does_not_know_and_gates_what_it_does(
        shipped, redis, certificates, name):
    redis.seed()
    ports = install(shipped, redis, certificates, name)
    shipped.start()
    context = certificates.client_context()
    context.check_hostname = False

    def get(path, **headers):
        connection_headers = {"Host": "mail.example.com", **headers}
        return request(ports[443], "GET", path, headers=connection_headers,
                       context=named(context))

    path = {"sogo": "/SOGo/", "roundcube-dovecot": "/", "exchange": "/owa/",
            "zimbra": "/"}[name]
    wait_until("the gate has its store", lambda: get(
        path, Accept="text/html").status == 303)
    assert get(path, Accept="text/html").header("location").startswith(
        "https://mail.example.com/compliance/portal?t=")
    assert get("/compliance/portal").status == 200
    assert get("/unknown").status == 404
    plain = request(ports[80], "GET", "/x", headers={"Host": "evil.example"})
    assert plain.status == 301
    assert plain.header("location") == "https://mail.example.com/x"
    log = (shipped.directory / "compliance.log").read_text()
    assert '"verdict":"block"' in log and "?t=" not in log


def named(context):
    """Asks for mail.example.com, though the certificate is localhost's."""
    class Named:
        @staticmethod
        def wrap_socket(sock, server_hostname=None, **kwargs):
            return context.wrap_socket(
                sock, server_hostname="mail.example.com", **kwargs)
        check_hostname = False
        verify_mode = context.verify_mode
        post_handshake_auth = False
    return Named


def test_another_name_gets_no_certificate(shipped, redis, certificates):
    ports = install(shipped, redis, certificates, "sogo")
    shipped.start()
    with pytest.raises(OSError, match="(?i)unrecognized|handshake"):
        raw(ports[443], b"GET / HTTP/1.0\r\n\r\n",
            context=certificates.client_context())


def test_imap_asks_for_starttls_before_a_password(shipped, redis,
                                                  certificates):
    ports = install(shipped, redis, certificates, "roundcube-dovecot")
    shipped.start()
    answer = raw(ports[143], b"a CAPABILITY\r\nb LOGIN alice secret\r\n"
                 b"c LOGOUT\r\n", timeout=3)
    assert b"STARTTLS" in answer and b"LOGINDISABLED" in answer
    assert b"b OK" not in answer
