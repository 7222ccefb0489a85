"""Real servers for the integration tests: Redis, the gateway's nginx, and an
HTTP back end that records what reaches it.  Everything listens on 127.0.0.1 or
a unix socket in a directory of its own, and stop() leaves no process behind.

NGINX_UNDER_TEST=path names another nginx binary (a static or sanitizer build
has the modules in it: then no load_module line is written)."""

import base64
import contextlib
import http.client
import http.server
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
NGINX = os.environ.get("NGINX_UNDER_TEST", "/usr/sbin/nginx")
STATIC = "NGINX_UNDER_TEST" in os.environ
CTL = BUILD / "compliancectl"

# What no log may hold, whatever the test was about.
BAD_LOG = re.compile(r"\[(alert|emerg)\]|AddressSanitizer|LeakSanitizer"
                     r"|runtime error:|SUMMARY: .*Sanitizer")


def free_port():
    """A port below the range that the kernel takes for outgoing connections,
    so that none of those sits on it when its server starts."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def wait_until(what, probe, timeout=10.0, step=0.02):
    """Polls probe() until it is true; AssertionError names `what`."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = probe()
        if value:
            return value
        time.sleep(step)
    raise AssertionError(f"not within {timeout} s: {what}")


def connectable(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(1)
        with contextlib.suppress(OSError):
            s.connect(address)
            return True
    return False


class Process:
    """A server in a process group of its own."""

    def __init__(self, args, log, **kwargs):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(
                [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True, **kwargs)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def stop(self, number=signal.SIGTERM, timeout=10):
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                self.popen.send_signal(signal.SIGCONT)
                self.popen.send_signal(number)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    # last: its name hides the module from what follows in the class
    def signal(self, number):
        self.popen.send_signal(number)


class RedisError(Exception):
    pass


class Redis:
    """A private redis-server on a unix socket (and, if asked for, a port)."""

    def __init__(self, directory, tcp=False, extra=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.socket = str(self.directory / "redis.sock")
        self.port = free_port() if tcp else 0
        self.extra = list(extra)
        self.process = None
        self.connection = None
        self.start()

    def start(self):
        self.process = Process(
            ["redis-server", "--port", self.port, "--bind", "127.0.0.1",
             "--unixsocket", self.socket, "--unixsocketperm", "777",
             "--save", "", "--appendonly", "no", "--dir", self.directory,
             *self.extra], self.directory / "redis.log")
        wait_until("redis answers", self._ready)

    def _ready(self):
        if not self.process.alive():
            raise AssertionError("redis-server ended:\n"
                                 + self.process.log.read_text()[-2000:])
        return connectable(self.socket)

    def stop(self, number=signal.SIGTERM):
        self.close()
        self.process.stop(number)

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def cmd(self, *args):
        """One command; bytes, int, list or None.  Error replies raise."""
        if self.connection is None:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(10)
            s.connect(self.socket)
            self.connection = s
            self.file = s.makefile("rb")
        out = [b"*%d\r\n" % len(args)]
        for arg in args:
            arg = arg if isinstance(arg, bytes) else str(arg).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
        try:
            self.connection.sendall(b"".join(out))
            return self._reply()
        except OSError:
            self.close()
            raise

    def _reply(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            data = self.file.read(int(rest) + 2)
            return data[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self._reply()
                                               for _ in range(int(rest))]
        raise RedisError(f"unexpected reply {line!r}")

    # The records a test needs, as any writer would make them.

    def device(self, device_id, **fields):
        self.cmd("HSET", f"compliance:device:{device_id}",
                 *[x for pair in fields.items() for x in pair])

    def alias(self, kind, value, device_id):
        self.cmd("SET", f"compliance:alias:{kind}:{value}", device_id)

    def user(self, name, aliases=(), **fields):
        self.cmd("HSET", f"compliance:user:{name}",
                 *[x for pair in (fields or {"groups": ""}).items()
                   for x in pair])
        for alias in aliases:
            self.cmd("SET", f"compliance:alias:user:{alias}", name)
        if fields.get("break_glass") == "1":
            self.cmd("SADD", "compliance:index:break_glass:1", name)

    def group(self, name, **fields):
        self.cmd("SADD", "compliance:groups", name)
        if fields:
            self.cmd("HSET", f"compliance:group:{name}",
                     *[x for pair in fields.items() for x in pair])

    def audit(self):
        """Every audit record, oldest first, as JSON text."""
        records = []
        for key in self.cmd("KEYS", "compliance:audit:*"):
            for _, fields in self.cmd("XRANGE", key, "-", "+"):
                records.append(fields[1].decode())
        return records

    def seed(self):
        """The cast: alice of sales (enforce) with a compliant, a
        non-compliant and a grace device, carol of pilot (report), and the
        break-glass account."""
        self.group("default", mode="enforce", unknown_user="block",
                   unknown_device="block")
        self.group("sales", mode="enforce")
        self.group("pilot", mode="report")
        self.user("alice", aliases=("alice@example.com", "demo\\alice"),
                  groups="sales")
        self.user("bob", groups="sales")
        self.user("carol", groups="pilot")
        self.user("breakglass", break_glass="1")
        self.device("GOODPHONE", state="compliant", owner="alice",
                    platform="ios", name="Alice's iPhone")
        self.device("BADPHONE", state="noncompliant", owner="alice",
                    platform="android", reasons="os_outdated,encryption_off",
                    name="Alice's Pixel")
        self.device("GRACEPHONE", state="grace", owner="alice",
                    grace_until=str(int(time.time()) + 86400))
        self.device("BOBPHONE", state="compliant", owner="bob")
        self.device("CAROLPHONE", state="noncompliant", owner="carol")


class Backend:
    """Records every request; answers 200 "backend" or what `answer` says."""

    def __init__(self):
        self.requests = []
        self.answer = None    # callable(request) -> (status, headers, body)
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = {"method": self.command, "path": self.path,
                           "headers": [(k.lower(), v) for k, v
                                       in self.headers.items()],
                           "body": self.rfile.read(length)}
                backend.requests.append(request)
                status, headers, body = 200, {}, b"backend"
                if backend.answer:
                    status, headers, body = backend.answer(request)
                self.send_response(status)
                pairs = (headers.items() if isinstance(headers, dict)
                         else headers)
                for name, value in pairs:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.handle_any
                raise AttributeError(name)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def header(request, name):
        return [v for k, v in request["headers"] if k == name.lower()]


class Certificates:
    """A test CA, a server certificate for localhost, client certificates."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca = self._path("ca.crt")
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                  "-subj", "/CN=test CA", "-keyout", self._path("ca.key"),
                  "-out", self.ca)
        self.server = self.issue("localhost", "DNS:localhost,IP:127.0.0.1")

    def _path(self, name):
        return str(self.directory / name)

    def _run(self, *args, **kwargs):
        subprocess.run(["openssl", *args], check=True, capture_output=True,
                       **kwargs)

    def issue(self, name, san=None):
        """(certificate, key) paths of a certificate with that CN."""
        crt, key, csr = (self._path(f"{name}.{e}") for e in
                         ("crt", "key", "csr"))
        self._run("req", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", key, "-out", csr)
        extra = self._path(f"{name}.ext")
        pathlib.Path(extra).write_text(
            f"subjectAltName={san}\n" if san else "basicConstraints=CA:FALSE\n")
        self._run("x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey",
                  self._path("ca.key"), "-CAcreateserial", "-days", "30",
                  "-extfile", extra, "-out", crt)
        return crt, key

    def fingerprint(self, crt):
        out = subprocess.run(
            ["openssl", "x509", "-in", crt, "-noout", "-fingerprint",
             "-sha256"], check=True, capture_output=True, text=True).stdout
        return out.split("=")[1].strip().replace(":", "").lower()

    def client_context(self, pair=None):
        context = ssl.create_default_context(cafile=self.ca)
        if pair:
            context.load_cert_chain(*pair)
        return context


class Gateway:
    """nginx with the modules.  main, http and mail are configuration text;
    `@dir@` in them is this gateway's directory."""

    LOAD = [] if STATIC else [
        "/usr/lib/nginx/modules/ngx_mail_module.so",
        BUILD / "ngx_http_compliance_module.so",
        BUILD / "ngx_mail_compliance_module.so",
    ]

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.error_log = self.directory / "error.log"
        self.access_log = self.directory / "access.log"
        self.conf = self.directory / "nginx.conf"
        self.process = None
        self.allowed = []     # patterns of [alert] lines a test provokes

    def configure(self, main="", http="", mail="", workers=1, level="info",
                  events=""):
        d = self.directory
        # The standard 50 ms are for servers, not for a test machine of two
        # processors; a test of timeouts sets its own.
        main = re.sub(r"(compliance_redis (?![^;]*timeout=)[^;]*);",
                      r"\1 connect_timeout=1s timeout=1s;", main)
        load = "".join(f"load_module {m};\n" for m in self.LOAD)
        temp = "".join(f"    {m}_temp_path {d}/tmp_{m};\n" for m in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = f"""{load}
user root;
daemon off;
worker_processes {workers};
pid {d}/nginx.pid;
error_log {self.error_log} {level};
events {{ worker_connections 1024; {events} }}
{main}
"""
        if http:
            text += f"""
http {{
{temp}
    access_log {self.access_log};
    # A decision must not rest on a variable's length.
    variables_hash_bucket_size 128;
{http}
}}
"""
        if mail:
            text += f"\nmail {{\n{mail}\n}}\n"
        self.conf.write_text(text.replace("@dir@", str(d)))

    @staticmethod
    def environment(leaks=True):
        """For a sanitizer build; another ignores it."""
        return dict(os.environ, ASAN_OPTIONS=f"detect_leaks={int(leaks)}",
                    LSAN_OPTIONS="print_suppressions=0:suppressions="
                    + str(ROOT / "tests/static/lsan.supp"))

    def check(self, **kwargs):
        """nginx -t: (exit status, output)."""
        self.configure(**kwargs)
        run = subprocess.run(
            [NGINX, "-t", "-e", str(self.error_log), "-p", str(self.directory),
             "-c", str(self.conf)], capture_output=True, text=True, timeout=30,
            # under -t nginx leaves its memory to the kernel
            env=self.environment(leaks=False), stdin=subprocess.DEVNULL)
        return run.returncode, run.stdout + run.stderr

    def start(self, **kwargs):
        if kwargs:
            self.configure(**kwargs)
        self.process = Process(
            [NGINX, "-e", self.error_log, "-p", self.directory, "-c",
             self.conf], self.directory / "nginx.out",
            env=self.environment())
        ports = [int(p) for p in re.findall(
            r"listen\s+127\.0\.0\.1:(\d+)", self.conf.read_text())]
        wait_until("nginx listens", lambda: self._ready(ports), timeout=20)
        return self

    def _ready(self, ports):
        if not self.process.alive():
            raise AssertionError(
                "nginx ended:\n" + self.log()[-3000:]
                + (self.directory / "nginx.out").read_text()[-3000:])
        return all(connectable(("127.0.0.1", p)) for p in ports)

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def workers(self):
        """Process ids of the workers, shutting down ones included."""
        out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid",
                              str(self.process.pid)],
                             capture_output=True, text=True).stdout
        return [int(line.split()[0]) for line in out.splitlines()
                if "worker" in line]

    def log(self):
        return (self.error_log.read_text(errors="replace")
                if self.error_log.exists() else "")

    def stop(self):
        """Ends nginx and fails on anything alarming in its logs."""
        if self.process is None:
            return
        self.process.stop(signal.SIGQUIT if STATIC else signal.SIGTERM)
        self.process = None
        text = self.log() + (self.directory / "nginx.out").read_text(
            errors="replace")
        bad = [line for line in text.splitlines() if BAD_LOG.search(line)
               and not any(re.search(a, line) for a in self.allowed)]
        assert not bad, "alarming log lines:\n" + "\n".join(bad[:20])


def basic(user, password="secret"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers      # list of (lower-case name, value)
        self.body = body

    def header(self, name):
        return next((v for k, v in self.headers if k == name.lower()), None)


def request(port, method, path, headers=(), body=None, context=None,
            timeout=15):
    """One HTTP request with the path sent exactly as given.  headers: a dict
    or a list of pairs (which may repeat a name)."""
    if context:
        connection = http.client.HTTPSConnection(
            "localhost", port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port,
                                                timeout=timeout)
    # Spellings that http.client would refuse are what the tests are about.
    connection._validate_path = lambda url: None
    pairs = headers.items() if isinstance(headers, dict) else headers
    names = {k.lower() for k, _ in pairs}
    try:
        connection.putrequest(method, path, skip_host="host" in names,
                              skip_accept_encoding=True)
        for name, value in pairs:
            connection.putheader(name, value)
        if body is not None and "content-length" not in names \
                and "transfer-encoding" not in names:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        return Response(reply.status,
                        [(k.lower(), v) for k, v in reply.getheaders()],
                        reply.read())
    finally:
        connection.close()


def raw(port, data, timeout=10, context=None, shutdown=False):
    """Sends bytes, returns all that comes until the peer closes or falls
    silent for `timeout` seconds."""
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    if context:
        s = context.wrap_socket(s, server_hostname="localhost")
    out = b""
    with s:
        s.sendall(data)
        if shutdown:
            s.shutdown(socket.SHUT_WR)
        with contextlib.suppress(socket.timeout, ConnectionError):
            while chunk := s.recv(65536):
                out += chunk
    return out


def have(program):
    return shutil.which(program) is not None
