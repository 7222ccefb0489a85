"""A certificate authority for tests: one server certificate for localhost, client certificates by name.

P-256 keys, made with the openssl command. Keys are readable by root only, the CA certificate by all.
"""

import base64
import hashlib
import os
import re
import subprocess

from lab_process import LabError, program

DAYS = "30"
SERVER_NAMES = "DNS:localhost,DNS:gateway.example.com,IP:127.0.0.1,IP:::1"


class Pki:
    def __init__(self, directory):
        self.directory = directory
        self.ca = f"{directory}/ca.pem"
        self.server_cert = f"{directory}/server.pem"
        self.server_key = f"{directory}/server.key"

    def create(self):
        """Makes the CA and the server's certificate where they are missing."""
        os.makedirs(self.directory, mode=0o755, exist_ok=True)
        os.chmod(self.directory, 0o755)
        if not os.path.exists(self.ca):
            self._openssl("req", "-x509", *self._new_key("ca"), "-out", self.ca, "-days", DAYS,
                          "-subj", "/CN=Compliance lab CA",
                          "-addext", "basicConstraints=critical,CA:TRUE",
                          "-addext", "keyUsage=critical,keyCertSign,cRLSign")
            os.chmod(self.ca, 0o644)
        if not os.path.exists(self.server_cert):
            self._issue("server", "localhost", "serverAuth", SERVER_NAMES)

    def client(self, name):
        """(certificate, key) of the client, issued on first use."""
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or name in ("ca", "server"):
            raise LabError(f'a client certificate cannot be called "{name}"')
        cert, key = f"{self.directory}/{name}.pem", f"{self.directory}/{name}.key"
        if not os.path.exists(cert):
            self._issue(name, name, "clientAuth", f"DNS:{name}")
        return cert, key

    def pkcs12(self, name, password="demo"):
        """The client's certificate and key in one file, as browsers import it."""
        cert, key = self.client(name)
        path = f"{self.directory}/{name}.p12"
        if not os.path.exists(path):
            self._openssl("pkcs12", "-export", "-in", cert, "-inkey", key, "-name", name,
                          "-passout", f"pass:{password}", "-out", path)
        return path

    @staticmethod
    def fingerprint(cert):
        """SHA-256 of the DER in lower-case hex: the value of alias:cert:<value>."""
        with open(cert) as f:
            pem = f.read()
        body = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.DOTALL)
        if not body:
            raise LabError(f"{cert} holds no certificate")
        return hashlib.sha256(base64.b64decode(body.group(1))).hexdigest()

    def _new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{self.directory}/{name}.key")

    def _issue(self, name, subject, usage, names):
        request = f"{self.directory}/{name}.csr"
        extensions = f"{self.directory}/{name}.ext"
        with open(extensions, "w") as f:
            f.write(f"basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n"
                    f"extendedKeyUsage={usage}\nsubjectAltName={names}\n")
        self._openssl("req", "-new", *self._new_key(name), "-out", request,
                      "-subj", f"/CN={subject}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca,
                      "-CAkey", f"{self.directory}/ca.key",
                      "-set_serial", str(int.from_bytes(os.urandom(8), "big") | 1),
                      "-days", DAYS, "-extfile", extensions,
                      "-out", f"{self.directory}/{name}.pem")
        os.unlink(request)
        os.unlink(extensions)
        os.chmod(f"{self.directory}/{name}.pem", 0o644)

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run([program("openssl"), *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise LabError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
