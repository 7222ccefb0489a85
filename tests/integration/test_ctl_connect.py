"""Where compliancectl finds Redis: TLS with everything that can be wrong about
it, addresses, and the configuration files."""

import os
import pathlib
import socket
import subprocess

import pytest

from harness import Redis, free_port
from test_ctl import CTL, Ctl

NAMES = "DNS:localhost,IP:127.0.0.1"


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr


class Ca:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(mode=0o755)
        self.pem = folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                folder / "ca.key", "-out", self.pem, "-days", 9, "-subj",
                f"/CN={folder.name}")

    def issue(self, name, names=NAMES, days=9):
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, ext = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        ext.write_text(f"subjectAltName={names}\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey",
                self.folder / "ca.key", "-set_serial", "77", "-days", days,
                "-extfile", ext, "-out", cert)
        key.chmod(0o644)
        return cert, key


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    folder.chmod(0o755)
    return Ca(folder / "right"), Ca(folder / "wrong")


@pytest.fixture
def tls(tmp_path, ca):
    """tls(cert, key, ...) -> (Redis, its TLS port)"""
    started = []

    def start(cert, key, clients="no"):
        port = free_port()
        redis = Redis(tmp_path / "redis", extra=(
            "--tls-port", str(port), "--tls-cert-file", str(cert),
            "--tls-key-file", str(key), "--tls-ca-cert-file", str(ca[0].pem),
            "--tls-auth-clients", clients))
        started.append(redis)
        return Ctl(redis), port

    yield start
    for redis in started:
        redis.stop()


def fails(ctl, address, *args, code=3):
    return ctl("--redis", address, *args, "device", "list", redis=False,
               code=code)


def test_tls_carries_all_that_a_socket_does(tls, ca):
    ctl, port = tls(*ca[0].issue("server"))
    for address in (f"tls://localhost:{port}", f"rediss://127.0.0.1:{port}"):
        ctl("--redis", address, "--tls-ca", str(ca[0].pem), "device", "set",
            "D1", "state=compliant", redis=False)
    assert ctl.json("device", "get", "D1")["state"] == "compliant"
    for n in range(3000):
        ctl.redis.cmd("HSET", f"compliance:device:Y{n:05d}", "state",
                      "compliant", "name", "n" * 120)
    listed = ctl.run("--redis", f"tls://localhost:{port}", "--tls-ca",
                     str(ca[0].pem), "--json", "device", "list", "--scan",
                     "--limit", "0", redis=False)
    assert listed.stdout.count('"id"') == 3001, listed.stderr
    plain = ctl.run("--json", "device", "list", "--scan", "--limit", "0")
    assert plain.stdout == listed.stdout


def test_a_certificate_by_another_authority_is_refused(tls, ca):
    ctl, port = tls(*ca[0].issue("server"))
    error = fails(ctl, f"tls://localhost:{port}", "--tls-ca",
                  str(ca[1].pem))
    assert "certificate is refused" in error and "--tls-ca" in error
    # nor is it among those the system trusts
    assert "certificate is refused" in fails(ctl, f"tls://localhost:{port}")


def test_a_certificate_of_another_name_is_refused(tls, ca):
    ctl, port = tls(*ca[0].issue("server", "DNS:redis.example.com"))
    for host in ("localhost", "127.0.0.1"):
        error = fails(ctl, f"tls://{host}:{port}", "--tls-ca",
                      str(ca[0].pem))
        assert "mismatch" in error, error


def test_an_expired_certificate_is_refused(tls, ca):
    ctl, port = tls(*ca[0].issue("server", days=-1))
    error = fails(ctl, f"tls://localhost:{port}", "--tls-ca", str(ca[0].pem))
    assert "expired" in error, error


def test_redis_may_want_a_client_certificate(tls, ca):
    ctl, port = tls(*ca[0].issue("server"), clients="yes")
    cert, key = ca[0].issue("client")
    address = f"tls://localhost:{port}"
    ours = ("--tls-ca", str(ca[0].pem))
    error = fails(ctl, address, *ours)
    assert "--tls-cert" in error, error
    assert ctl("--redis", address, *ours, "--tls-cert", str(cert),
               "--tls-key", str(key), "device", "list", redis=False) \
        is not None
    wrong = ca[1].issue("stranger")
    fails(ctl, address, *ours, "--tls-cert", str(wrong[0]), "--tls-key",
          str(wrong[1]))
    assert "need each other" in fails(ctl, address, *ours, "--tls-cert",
                                      str(cert), code=2)
    assert "--tls-key" in fails(ctl, address, *ours, "--tls-cert",
                                str(cert), "--tls-key", str(wrong[1]))


def test_plain_text_where_tls_is_expected_gets_no_further(tls, ca):
    ctl, port = tls(*ca[0].issue("server"))
    error = fails(ctl, f"localhost:{port}")
    assert "lost Redis" in error, error
    # a server that speaks no TLS
    plain = Redis(ctl.redis.directory / "plain", tcp=True)
    try:
        error = fails(Ctl(plain), f"tls://127.0.0.1:{plain.port}")
        assert "TLS" in error or "timed out" in error, error
    finally:
        plain.stop()


def test_a_server_that_never_answers_is_late_and_named(ctl):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(5)
    port = server.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"tls://127.0.0.1:{port}"):
        error = fails(ctl, address, "--timeout", "200")
        assert str(port) in error and ("200 ms" in error
                                       or "timed out" in error)
    server.close()


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


@pytest.mark.parametrize("address", [
    "redis://bob:hunter2@localhost:6379", "rediss://:hunter2@h",
    "hunter2@localhost"])
def test_a_password_in_an_address_is_refused_and_not_repeated(ctl, address):
    error = fails(ctl, address, code=2)
    assert "--password-file" in error and "hunter2" not in error


@pytest.mark.parametrize("address", [
    "tls://", "localhost:0", "localhost:65536", "::1:6379", "[::1", "a b:1",
    "http://localhost:1", "unix:relative", "localhost:6379/1"])
def test_a_bad_address_is_refused(ctl, address):
    fails(ctl, address, code=2)


def test_a_tls_option_without_tls_is_not_passed_over(ctl, redis):
    error = fails(ctl, f"unix:{redis.socket}", "--tls-ca", "/x.pem", code=2)
    assert "tls://host:port" in error


# Configuration files


def config(tmp_path, text, name="c.conf", mode=0o644):
    path = pathlib.Path(tmp_path) / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_stronger_place_wins(ctl, redis, tmp_path):
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    config(home / ".config", f"# ours\n\n redis = unix:{redis.socket}\n"
           "prefix = fromfile:\r\n", "compliancectl.conf")
    env = {"HOME": str(home)}
    ctl("device", "set", "D1", "state=compliant", redis=False, env=env)
    assert redis.cmd("EXISTS", "fromfile:device:D1") == 1
    env["COMPLIANCE_PREFIX"] = "fromenv:"
    ctl("device", "set", "D1", "state=compliant", redis=False, env=env)
    assert redis.cmd("EXISTS", "fromenv:device:D1") == 1
    ctl("--prefix", "given:", "device", "set", "D1", "state=compliant",
        redis=False, env=env)
    assert redis.cmd("EXISTS", "given:device:D1") == 1
    other = config(tmp_path, "prefix = other:\n")
    ctl("--config", str(other), "device", "set", "D1", "state=compliant",
        env={"HOME": str(home)})
    assert redis.cmd("EXISTS", "other:device:D1") == 1


@pytest.mark.parametrize("text, says", [
    ("redis unix:/x\n", ":1: there is no '='"),
    ("\nredos = x\n", ":2: unknown name \"redos\"; did you mean \"redis\""),
    ("db =\n", ":1: \"db\" has no value"),
    ("db = 1\ndb = 2\n", ":2: \"db\" stands there twice"),
    ("json = yes\n", ":1: unknown name \"json\""),
    ("config = /x\n", ":1: unknown name \"config\""),
])
def test_a_mistake_in_a_file_is_named_with_its_line(ctl, tmp_path, text, says):
    path = config(tmp_path, text)
    error = ctl("--config", str(path), "device", "list", code=2)
    assert f"{path}{says}" in error


def test_a_file_that_others_can_write_is_not_read(ctl, tmp_path):
    path = config(tmp_path, "db = 3\n", mode=0o666)
    assert "chmod" in ctl("--config", str(path), "device", "list", code=2)
    path = config(tmp_path, "db = 3\n", mode=0o660)
    assert "chmod" in ctl("--config", str(path), "device", "list", code=2)
    if os.geteuid() == 0:
        path = config(tmp_path, "db = 3\n")
        os.chown(path, 65534, 65534)
        assert "chown" in ctl("--config", str(path), "device", "list", code=2)


def test_a_missing_file_that_was_named_is_an_error(ctl):
    assert "/no/such" in ctl("--config", "/no/such", "device", "list", code=2)
