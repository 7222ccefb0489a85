"""A real slapd on loopback with a configuration, a database and a throw-away
certificate of its own; and a server that speaks just enough LDAP to do what
slapd cannot: Active Directory's rule for nested groups and its long member
lists in parts."""

import base64
import contextlib
import pathlib
import socket
import subprocess
import threading

from harness import Process, connectable, free_port, wait_until

SUFFIX = "dc=example,dc=com"
READER = f"cn=reader,{SUFFIX}"
PASSWORD = "canary-ldap-Tr0ub4dor"

CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/msuser.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {dir}/slapd.pid
TLSCACertificateFile {ca}
TLSCertificateFile {crt}
TLSCertificateKeyFile {key}
{more}
database mdb
suffix "{suffix}"
rootdn "cn=root,{suffix}"
rootpw {password}
directory {dir}/db
maxsize 1073741824
dbnosync
index objectClass eq
index uid,cn,member eq
sizelimit size.soft=500 size.hard=500 size.pr={page} size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""

TOP = f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: {READER}
objectClass: person
cn: reader
sn: reader
userPassword: {PASSWORD}

dn: ou=people,{SUFFIX}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{SUFFIX}
objectClass: organizationalUnit
ou: groups

"""


def ldif(dn, **attributes):
    lines = [f"dn: {dn}"]
    for name, values in attributes.items():
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if value.isascii() and value == value.strip():
                lines.append(f"{name}: {value}")
            else:
                coded = base64.b64encode(value.encode()).decode()
                lines.append(f"{name}:: {coded}")
    return "\n".join(lines) + "\n\n"


def person(uid, base=f"ou=people,{SUFFIX}", **attributes):
    return ldif(f"uid={uid},{base}", objectClass="inetOrgPerson", uid=uid,
                cn=attributes.pop("cn", uid), sn=uid, **attributes)


def person_dn(uid):
    return f"uid={uid},ou=people,{SUFFIX}"


def group(cn, members, **attributes):
    return ldif(f"cn={cn},ou=groups,{SUFFIX}", objectClass="groupOfNames",
                cn=cn, member=members, **attributes)


def group_dn(cn):
    return f"cn={cn},ou=groups,{SUFFIX}"


class Slapd:
    def __init__(self, directory, certificates, entries="", more="",
                 page=1000):
        self.directory = pathlib.Path(directory)
        (self.directory / "db").mkdir(parents=True)
        self.certificates = certificates
        self.port, self.tls_port = free_port(), free_port()
        crt, key = certificates.server
        self.conf = self.directory / "slapd.conf"
        self.conf.write_text(CONF.format(
            dir=self.directory, ca=certificates.ca, crt=crt, key=key,
            suffix=SUFFIX, password=PASSWORD, reader=READER, more=more,
            page=page))
        self.load(TOP + entries)
        self.password_file = self.directory / "password"
        self.password_file.write_text(PASSWORD + "\n")
        self.password_file.chmod(0o600)
        self.process = None
        self.start()

    def load(self, text):
        """Into the database while slapd is not running."""
        done = subprocess.run(
            ["/usr/sbin/slapadd", "-q", "-f", self.conf], input=text,
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    def start(self):
        self.process = Process(
            ["/usr/sbin/slapd", "-d", "0", "-f", self.conf, "-h",
             f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"],
            self.directory / "slapd.log")
        wait_until("slapd answers", self._ready, timeout=30)

    def _ready(self):
        assert self.process.alive(), self.process.log.read_text()[-2000:]
        return connectable(("127.0.0.1", self.port)) \
            and connectable(("127.0.0.1", self.tls_port))

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def change(self, text):
        """An LDIF of changes, as the administrator of the directory."""
        done = subprocess.run(
            ["ldapmodify", "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D",
             f"cn=root,{SUFFIX}", "-w", PASSWORD], input=text,
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def add(self, text):
        done = subprocess.run(
            ["ldapadd", "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D",
             f"cn=root,{SUFFIX}", "-w", PASSWORD], input=text,
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def replace(self, dn, **attributes):
        parts = [f"dn: {dn}", "changetype: modify"]
        for name, values in attributes.items():
            values = values if isinstance(values, (list, tuple)) else [values]
            parts.append(f"replace: {name}")
            parts += [f"{name}: {value}" for value in values]
            parts.append("-")
        self.change("\n".join(parts) + "\n")

    def delete(self, *dns):
        self.change("".join(f"dn: {dn}\nchangetype: delete\n\n"
                            for dn in dns))

    def settings(self, **settings):
        """The settings file; None leaves a line out, a list repeats it."""
        lines = {
            "preset": "openldap",
            "url": f"ldaps://127.0.0.1:{self.tls_port}",
            "ca_file": self.certificates.ca,
            "bind_dn": READER,
            "password_file": self.password_file,
            "user_base": f"ou=people,{SUFFIX}",
        }
        lines.update(settings)
        return write_settings(self.directory / "directory.conf", lines)


def write_settings(path, lines):
    text = "# made by a test\n"
    for key, values in lines.items():
        for value in values if isinstance(values, list) else [values]:
            if value is not None:
                text += f"{key.replace('__', '.')} = {value}\n"
    pathlib.Path(path).write_text(text)
    return str(path)


# BER, as far as LDAP needs it (RFC 4511).


def tlv(tag, *content):
    data = b"".join(content)
    if len(data) < 128:
        return bytes([tag, len(data)]) + data
    length = len(data).to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(length)]) + length + data


def octets(value, tag=0x04):
    return tlv(tag, value if isinstance(value, bytes) else value.encode())


def integer(value, tag=0x02):
    return tlv(tag, bytes([value]))


def parse(data, at=0):
    """(tag, content, end)"""
    tag, length, at = data[at], data[at + 1], at + 2
    if length & 0x80:
        n = length & 0x7F
        length, at = int.from_bytes(data[at:at + n], "big"), at + n
    return tag, data[at:at + length], at + length


def parts(data):
    out, at = [], 0
    while at < len(data):
        tag, content, at = parse(data, at)
        out.append((tag, content))
    return out


class FakeDirectory:
    """answer(base, scope, filter text as bytes, attributes, controls) gives
    [(dn, {name: [values]})], or an integer: an error's result code."""

    def __init__(self, answer):
        self.answer = answer
        self.searches = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def stop(self):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError, IndexError), client:
                self._talk(client)

    def _talk(self, client):
        data = b""
        while True:
            more = client.recv(65536)
            if not more:
                return
            data += more
            while len(data) > 6:
                try:
                    _, message, end = parse(data)
                except IndexError:
                    break
                if end > len(data):
                    break
                data = data[end:]
                if not self._message(client, parts(message)):
                    return

    def _message(self, client, message):
        number, (operation, content) = message[0][1], message[1]
        send = lambda *body: client.sendall(
            tlv(0x30, tlv(0x02, number), *body))
        result = lambda tag, code: tlv(tag, integer(code, 0x0A), octets(""),
                                       octets(""))
        if operation == 0x60:      # bind
            send(result(0x61, 0))
        elif operation == 0x63:    # search
            fields = parts(content)
            base, scope = fields[0][1].decode(), fields[1][1][0]
            names = [v.decode() for _, v in parts(fields[7][1])]
            self.searches.append((base, scope, fields[6], names))
            entries = self.answer(base, scope, fields[6][1], names)
            code = entries if isinstance(entries, int) else 0
            for dn, attributes in [] if code else entries:
                send(tlv(0x64, octets(dn), tlv(0x30, *(
                    tlv(0x30, octets(name),
                        tlv(0x31, *(octets(v) for v in values)))
                    for name, values in attributes.items()))))
            send(result(0x65, code))
        else:
            return operation != 0x42   # unbind
        return True
