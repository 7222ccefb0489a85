"""An HTTPS server on loopback that serves pages as Microsoft Graph and Jamf
Pro do, token endpoint included, and misbehaves where a test tells it to."""

import http.server
import json
import pathlib
import ssl
import threading
import time
import urllib.parse

CLIENT, SECRET = "client-7", "canary-client-secret~+/="
DEVICES = "/v1.0/deviceManagement/managedDevices"


def device(number, **fields):
    """One managedDevice, with the fields that a real one has beside ours."""
    record = {
        "id": f"3f9c{number:04x}-aaaa-4bbb-8ccc-{number:012x}",
        "userId": "0d1c", "deviceName": f"phone {number}",
        "managedDeviceOwnerType": "company",
        "enrolledDateTime": "2026-01-02T03:04:05Z",
        "lastSyncDateTime": "2026-11-20T08:00:00Z",
        "operatingSystem": "iOS", "complianceState": "compliant",
        "jailBroken": "False", "managementAgent": "mdm",
        "osVersion": "17.4.1", "easActivated": True,
        "easDeviceId": f"APPL{number:08X}",
        "easActivationDateTime": "0001-01-01T00:00:00Z",
        "azureADRegistered": True, "deviceEnrollmentType": "userEnrollment",
        "emailAddress": f"user{number}@example.com",
        "azureADDeviceId": "00000000-0000-0000-0000-000000000000",
        "deviceRegistrationState": "registered", "isSupervised": False,
        "exchangeAccessState": "none", "isEncrypted": True,
        "userPrincipalName": f"user{number}@example.com",
        "model": "iPhone 15", "manufacturer": "Apple", "imei": "",
        "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
        "serialNumber": f"F17X{number:06}", "androidSecurityPatchLevel": "",
        "partnerReportedThreatState": "unknown",
        "deviceHealthAttestationState": None,
    }
    record.update(fields)
    return record


class Graph:
    """pages: lists of records.  `before`: callables by path that answer in
    the place of the page, once each: (status, headers, body) or None."""

    def __init__(self, directory, certificates, pages, tls=True,
                 list_name="value"):
        self.pages, self.list_name = pages, list_name
        self.requests = []       # (method, path, authorization)
        self.tokens = []
        self.valid = None        # the token that is good now
        self.life = 3600
        self.before = []
        self.next_link = None    # callable(number) -> URL, or the usual
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificates = certificates
        graph = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.reply(*graph.get(self.path,
                                      self.headers.get("Authorization")))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.reply(*graph.post(self.path, body.decode()))

            def reply(self, status, headers, body):
                body = body if isinstance(body, bytes) else body.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.url = self.base + DEVICES
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificates.server)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True,
                do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever,
                         kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def credentials(self, **settings):
        lines = {"token_url": self.base + "/oauth/token", "client_id": CLIENT,
                 "client_secret": SECRET, "scope": "https://graph/.default",
                 "ca_file": self.certificates.ca}
        lines.update(settings)
        path = self.directory / "credentials"
        path.write_text("".join(f"{k} = {v}\n" for k, v in lines.items()
                                if v is not None))
        path.chmod(0o600)
        return str(path)

    def post(self, path, body):
        self.requests.append(("POST", path, None))
        form = dict(urllib.parse.parse_qsl(body))
        if form.get("client_secret") != SECRET \
                or form.get("client_id") != CLIENT \
                or form.get("grant_type") != "client_credentials":
            return 401, {}, json.dumps({
                "error": "invalid_client",
                "error_description": "canary-description " + body})
        self.valid = f"canary-token-{len(self.tokens)}"
        self.tokens.append(self.valid)
        return 200, {}, json.dumps({"access_token": self.valid,
                                    "expires_in": self.life,
                                    "token_type": "Bearer"})

    def get(self, path, authorization):
        self.requests.append(("GET", path, authorization))
        if authorization != f"Bearer {self.valid}":
            return 401, {}, '{"error":{"code":"InvalidAuthenticationToken"}}'
        if self.before:
            answer = self.before.pop(0)(path)
            if answer is not None:
                return answer
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
        if self.list_name == "results":
            number = int(query.get("page", 0))
            return 200, {}, json.dumps({
                "totalCount": sum(map(len, self.pages)),
                "results": self.pages[number] if number < len(self.pages)
                else []})
        number = int(query.get("$skiptoken", 0))
        page = {"@odata.context": "x", "@odata.count": 1,
                "value": self.pages[number]}
        if number + 1 < len(self.pages):
            page["@odata.nextLink"] = self.link(number + 1)
        return 200, {}, json.dumps(page)

    def link(self, number):
        if self.next_link:
            return self.next_link(number)
        return f"{self.url}?%24skiptoken={number}"

    def gets(self):
        return [path for method, path, _ in self.requests if method == "GET"]


def slow(seconds):
    def answer(path):
        time.sleep(seconds)
    return answer
