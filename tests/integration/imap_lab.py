"""What the IMAP tests share: a back end that records the logins that reach it,
a real Dovecot, a client that sends exactly the bytes it is told to, and the
gateway's configuration."""

import re
import select
import socket
import socketserver
import sys
import threading
import time

import pytest

from harness import ROOT, free_port

sys.path.insert(0, str(ROOT / "tests" / "lab"))
from lab import Lab  # noqa: E402

PASSWORD = "c4naryPassw0rd"
PORTAL = "https://portal.example/fix"
SECRET = "1 " + "5a" * 32


class FakeImap:
    """An IMAP back end that takes LOGIN with two literals, as nginx's proxy
    sends it.  `logins` are (tag, name, password); `lines` what came then."""

    def __init__(self):
        self.logins = []
        self.lines = []
        self.refuse = set()       # passwords answered with NO
        self.delay = 0            # seconds before the LOGIN's last answer
        self.before_ok = b""      # untagged lines before the OK
        fake = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b"* OK fake\r\n")
                match = re.fullmatch(rb"(\S+) LOGIN \{(\d+)\}\r\n",
                                     self.rfile.readline())
                if not match:
                    return
                self.wfile.write(b"+ name\r\n")
                name = self.rfile.read(int(match[2]))
                size = re.fullmatch(rb" \{(\d+)\}\r\n", self.rfile.readline())
                self.wfile.write(b"+ password\r\n")
                password = self.rfile.read(int(size[1]))
                assert self.rfile.readline() == b"\r\n"
                fake.logins.append((match[1], name, password))
                time.sleep(fake.delay)
                if password in fake.refuse:
                    self.wfile.write(match[1] + b" NO [AUTHENTICATIONFAILED] "
                                     b"wrong\r\n")
                    return
                self.wfile.write(fake.before_ok + match[1]
                                 + b" OK logged in\r\n")
                while line := self.rfile.readline():
                    fake.lines.append(line)
                    tag, command = line.split()[:2]
                    if command.upper() == b"LOGOUT":
                        self.wfile.write(b"* BYE\r\n" + tag + b" OK bye\r\n")
                        return
                    self.wfile.write(tag + b" OK did " + command + b"\r\n")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True,
                         kwargs={"poll_interval": 0.05}).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake():
    server = FakeImap()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def dovecot():
    """The lab with its Dovecot; every user's password is PASSWORD."""
    lab = Lab(users={name: PASSWORD for name in
                     ("alice", "bob", "carol", "breakglass")})
    try:
        lab.start("dovecot")
        lab.dovecot.deliver("alice", "Hello from the lab")
        yield lab
    finally:
        lab.destroy()


class Imap:
    """A connection: bytes out, lines in."""

    def __init__(self, port, context=None, greeting=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""            # everything that came
        self.seen = 0             # how much of it was asked for
        if context:
            self.secure(context)
        if greeting:
            assert self.line().startswith("* OK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def secure(self, context):
        self.socket = context.wrap_socket(self.socket,
                                          server_hostname="localhost")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self.got += data
        return data

    def line(self):
        """The next line without its end; "" at the end of the connection."""
        while b"\n" not in self.got[self.seen:]:
            if not self._more():
                break
        end = self.got.find(b"\n", self.seen)
        end = len(self.got) if end < 0 else end + 1
        line = self.got[self.seen:end]
        self.seen = end
        return line.decode("latin-1").rstrip("\r\n")

    def until(self, tag):
        """Lines up to the tagged one, or to the end."""
        lines = []
        while line := self.line():
            lines.append(line)
            if line.startswith(tag + " "):
                break
        return lines

    def ask(self, text, tag="a"):
        self.send(text)
        return self.until(tag)

    def rest(self):
        """Everything up to the end of the connection."""
        while self._more():
            pass
        rest = self.got[self.seen:].decode("latin-1")
        self.seen = len(self.got)
        return rest

    def silent(self, seconds):
        """Nothing comes, and nobody closes, for that long."""
        if self.seen < len(self.got):
            return False
        return not select.select([self.socket], [], [], seconds)[0]


def main(redis, directory, **more):
    """The main-context directives of a gateway.  Timeouts that a busy machine
    keeps; those of Redis itself are tested elsewhere."""
    secret = directory / "secret"
    directory.mkdir(parents=True, exist_ok=True)
    secret.write_text(SECRET + "\n")
    lines = {"compliance_redis": f"unix:{redis.socket} connect_timeout=400ms"
                                 " timeout=400ms",
             "compliance_portal_url": PORTAL,
             "compliance_secret_file": secret, **more}
    return "".join(f"{name} {value};\n" for name, value in lines.items())


def server(port, *lines, listen=""):
    body = "".join(f"        {line};\n" for line in lines)
    return (f"    server {{\n        listen 127.0.0.1:{port} {listen};\n"
            f"        protocol imap;\n{body}    }}\n")


class Gate:
    """A started gateway with a plain port (and, with certificates, a TLS one
    and two with STARTTLS) in front of `upstream`."""

    def __init__(self, gateway, redis, upstream, certificates=None,
                 level="debug", extra=(), mail="", main_more=None, **kwargs):
        self.gateway, self.redis = gateway, redis
        self.port, self.tls, self.starttls, self.only = (free_port()
                                                         for _ in range(4))
        lines = ["compliance on", f"compliance_upstream {upstream}", *extra]
        text = mail + server(self.port, *lines)
        if certificates:
            crt, key = certificates.server
            lines += [f"ssl_certificate {crt}", f"ssl_certificate_key {key}",
                      f"ssl_client_certificate {certificates.ca}",
                      "ssl_verify_client optional"]
            text += server(self.tls, *lines, listen="ssl")
            text += server(self.starttls, *lines, "starttls on")
            text += server(self.only, *lines, "starttls only")
        gateway.start(main=main(redis, gateway.directory, **(main_more or {})),
                      mail=text, level=level, **kwargs)

    def connect(self, **kwargs):
        return Imap(self.port, **kwargs)

    def login(self, name, password=PASSWORD, port=None):
        """The answer to one LOGIN: its lines up to the tagged one."""
        with Imap(port or self.port) as imap:
            return imap.ask(f'a LOGIN "{name}" "{password}"\r\n')


def allowed(lines):
    return lines[-1].startswith("a OK")


def blocked(lines):
    return lines[-1].startswith("a NO [ALERT] ") and PORTAL + "?t=" in lines[-1]
