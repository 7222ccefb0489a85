"""import intune and import jamf: from files, and over HTTPS from a server that
throttles, breaks, forgets its tokens and points elsewhere."""

import json
import os
import time

import pytest

from graph_lab import CLIENT, DEVICES, SECRET, Graph, device, slow
from harness import Certificates
from test_ctl import Ctl, members, record, written


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


@pytest.fixture
def graph(tmp_path, certificates):
    servers = []

    def start(pages, **options):
        servers.append(Graph(tmp_path / f"graph{len(servers)}", certificates,
                             pages, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def load(ctl, source, *options, code=0, what="intune", timeout=120):
    """The report, and what was said beside it."""
    done = ctl.run("--json", "import", what, source, *options,
                   timeout=timeout)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "canary" not in done.stdout + done.stderr
    report = json.loads(done.stdout) if done.stdout else None
    return report, done.stderr


def save(tmp_path, *pages):
    path = tmp_path / "pages.json"
    path.write_text("\n".join(json.dumps(p) for p in pages))
    return str(path)


def stored(redis, number):
    return record(redis, "device:" + device(number)["id"].upper())


def inventory(redis, number):
    key = "compliance:inventory:" + device(number)["id"].upper()
    return json.loads(redis.cmd("GET", key))


def devices(redis):
    return len(redis.cmd("KEYS", "compliance:device:*"))


# What a record becomes


def test_a_managed_device_becomes_a_device(ctl, redis, tmp_path):
    redis.user("alice", aliases=["user1@example.com"], groups="")
    report, _ = load(ctl, save(tmp_path, {"value": [device(1)]}))
    assert report["created"] == 1 and report["source"] == "intune"
    found = stored(redis, 1)
    assert found["state"] == "compliant"
    assert found["mdm_state"] == "compliant"
    assert found["owner"] == "alice"
    assert found["platform"] == "ios"
    assert found["os_version"] == "17.4.1"
    assert found["model"] == "iPhone 15"
    assert found["name"] == "phone 1"
    assert found["management"] == "mdm"
    assert "risk" not in found           # which reads as unknown
    assert found["last_checkin"] == found["updated"] == "1795161600"
    assert "grace_until" not in found
    name = device(1)["id"].upper().encode()
    assert redis.cmd("GET", "compliance:alias:eas:APPL00000001") == name
    assert redis.cmd("GET", "compliance:alias:serial:F17X000001") == name
    assert inventory(redis, 1) == {
        "os_version": "17.4.1", "encrypted": True, "supervised": False,
        "jailbroken": False, "last_checkin": 1795161600,
        "ownership": "company", "registration": "registered",
        "management_agent": "mdm", "enrollment": "userEnrollment",
        "manufacturer": "Apple", "model": "iPhone 15"}

    before = written(redis)
    report, _ = load(ctl, save(tmp_path, {"value": [device(1)]}))
    assert report["unchanged"] == 1
    assert written(redis) - before <= 2      # what it keeps of the run itself


FUTURE = "2099-01-01T00:00:00Z"


@pytest.mark.parametrize("fields, expected", [
    ({"complianceState": "nonCompliant"}, {"state": "noncompliant"}),
    ({"complianceState": "COMPLIANT"}, {"state": "compliant"}),
    ({"complianceState": "inGracePeriod",
      "complianceGracePeriodExpirationDateTime": FUTURE},
     {"state": "grace", "grace_until": "4070908800"}),
    ({"complianceState": "inGracePeriod"}, {"state": "noncompliant"}),
    ({"complianceState": "conflict"}, {"state": "noncompliant"}),
    ({"complianceState": "error"}, {"state": "noncompliant"}),
    ({"complianceState": "configManager"}, {"mdm_state": "unknown"}),
    ({"complianceState": "unknown"}, {"mdm_state": "unknown"}),
    ({"complianceState": " compliant"}, {"mdm_state": "unknown"}),
    ({"complianceState": "compliantish"}, {"mdm_state": "unknown"}),
    ({"complianceState": None}, {"mdm_state": "unknown"}),
    ({"complianceState": 1}, {"mdm_state": "unknown"}),
    ({"partnerReportedThreatState": "secured"}, {"risk": "none"}),
    ({"partnerReportedThreatState": "lowSeverity"}, {"risk": "low"}),
    ({"partnerReportedThreatState": "MEDIUMSEVERITY"}, {"risk": "medium"}),
    ({"partnerReportedThreatState": "highSeverity"}, {"risk": "high"}),
    ({"partnerReportedThreatState": "compromised"}, {"risk": "high"}),
    ({"partnerReportedThreatState": "activated"}, {"risk": "unknown"}),
    ({"partnerReportedThreatState": "deactivated"}, {"risk": "unknown"}),
    ({"partnerReportedThreatState": "misconfigured"}, {"risk": "unknown"}),
    ({"partnerReportedThreatState": "unresponsive"}, {"risk": "unknown"}),
    ({"partnerReportedThreatState": "splendid"}, {"risk": "unknown"}),
    ({"managementAgent": "eas"}, {"management": "none"}),
    ({"managementAgent": "msSense"}, {"management": "none"}),
    ({"managementAgent": "unknown"}, {"management": "none"}),
    ({"managementAgent": "configurationManagerClientMdm"},
     {"management": "mdm"}),
    ({"operatingSystem": "Windows 10"}, {"platform": "windows"}),
    ({"operatingSystem": "AndroidForWork"}, {"platform": "android"}),
    ({"operatingSystem": "iOS", "model": "iPad Pro"}, {"platform": "ipados"}),
    ({"operatingSystem": "macOS"}, {"platform": "macos"}),
    ({"operatingSystem": "Linux (ubuntu)"}, {"platform": "linux"}),
    ({"userPrincipalName": ""}, {"owner": "user1@example.com"}),
    ({"lastSyncDateTime": "0001-01-01T00:00:00Z"}, {"last_checkin": None}),
    ({"operatingSystem": "Palm"}, {"platform": None}),
])
def test_values_are_read_on_the_safe_side(ctl, redis, tmp_path, fields,
                                          expected):
    load(ctl, save(tmp_path, {"value": [device(1, **fields)]}))
    found = stored(redis, 1)
    found.setdefault("risk", "unknown")    # absent reads so
    assert {k: found.get(k) for k in expected} == expected
    if expected.get("mdm_state") == "unknown":
        assert found["state"] not in ("compliant", "grace")


def test_what_the_policies_ask_for(ctl, redis, tmp_path):
    load(ctl, save(tmp_path, {"value": [
        device(1, operatingSystem="Windows", jailBroken="Unknown",
               isEncrypted=False, managedDeviceOwnerType="unknown",
               partnerReportedThreatState="highSeverity",
               deviceHealthAttestationState={"bitLockerStatus": "On",
                                             "secureBoot": "Disabled"},
               windowsProtectionState={"realTimeProtectionEnabled": True}),
        device(2, operatingSystem="Android", jailBroken="True",
               androidSecurityPatchLevel="2026-10-01")]}))
    windows, android = inventory(redis, 1), inventory(redis, 2)
    assert windows["encrypted"] is False and windows["bitlocker"] is True
    assert windows["secure_boot"] is False and windows["antivirus"] is True
    assert windows["threat_level"] == "high"
    assert "jailbroken" not in windows and "ownership" not in windows
    assert android["jailbroken"] is True
    assert android["security_patch"] == "2026-10-01"
    assert "threat_level" not in android


def test_records_that_are_none_are_told_and_the_rest_goes_in(ctl, redis,
                                                             tmp_path):
    report, error = load(ctl, save(
        tmp_path, {"value": [device(1), {"deviceName": "x"}, 7]},
        {"value": [device(2, easDeviceId="not an id!"), device(3)]}))
    assert report["refused"] == 3 and report["created"] == 2
    assert "page 1, record 2: refused: it has no id" in error
    assert "page 1, record 3" in error and "page 2, record 1" in error
    assert devices(redis) == 2


# Over HTTPS


def test_pages_are_followed_with_a_token(ctl, redis, graph):
    server = graph([[device(i) for i in range(p * 10, p * 10 + 10)]
                    for p in range(5)])
    report, _ = load(ctl, server.url, "--credentials", server.credentials(),
                     "--full")
    assert report["created"] == 50 and report["complete"] is True
    assert devices(redis) == 50
    assert len(server.tokens) == 1 and len(server.gets()) == 5
    for _, _, authorization in server.requests[1:]:
        assert authorization == f"Bearer {server.tokens[0]}"

    # a full list retires what it no longer has
    server.pages = server.pages[:4] + [server.pages[4][:9]]
    report, _ = load(ctl, server.url, "--credentials", server.credentials(),
                     "--full")
    assert report["retired"] == 1 and report["unchanged"] == 49
    assert stored(redis, 49)["state"] == "retired"


def test_throttling_is_obeyed_and_told(ctl, redis, graph):
    server = graph([[device(1)], [device(2)]])
    asked = []

    def busy(status, after):
        def answer(path):
            asked.append(time.monotonic())
            return status, {"Retry-After": after}, "busy"
        return answer

    server.before = [busy(429, "1"), lambda p: None, busy(503, "2"),
                     lambda p: (500, {}, "oops")]
    begun = time.monotonic()
    report, error = load(ctl, server.url, "--credentials",
                         server.credentials())
    assert report["created"] == 2
    assert time.monotonic() - begun >= 3
    assert "busy (429) and asks to wait 1 s" in error
    assert "busy (503) and asks to wait 2 s" in error


def test_a_wait_without_reason_is_not_obeyed(ctl, redis, graph):
    server = graph([[device(1)], [device(2)]])
    server.before = [lambda p: None,
                     lambda p: (429, {"Retry-After": "86400"}, "")]
    report, error = load(ctl, server.url, "--credentials",
                         server.credentials(), code=5)
    assert report["created"] == 1 and "asks to wait too long" in error


def test_an_expired_token_is_renewed_once(ctl, redis, graph):
    server = graph([[device(1)], [device(2)], [device(3)]])

    def expire(path):
        server.valid = None
        return server.get(path, "Bearer old")

    server.before = [lambda p: None, expire]
    report, _ = load(ctl, server.url, "--credentials", server.credentials())
    assert report["created"] == 3
    assert len(server.tokens) == 2

    # one that it never accepts ends in the second refusal
    def never(path):
        server.before.insert(0, never)
        return 401, {}, ""

    server.requests.clear()
    server.before = [never]
    _, error = load(ctl, server.url, "--credentials", server.credentials(),
                    code=5)
    assert "does not accept the token" in error
    assert len(server.gets()) == 2


def test_a_token_near_its_end_is_renewed_before(ctl, redis, graph):
    server = graph([[device(1)], [device(2)], [device(3)]])
    server.life = 30
    report, _ = load(ctl, server.url, "--credentials", server.credentials())
    assert report["created"] == 3 and len(server.tokens) == 3


@pytest.mark.parametrize("body", [
    '{"value": [{"id": "3f9', "", "<html>busy</html>",
    '{"error": {"code": "x"}}', '{"value": {}}'])
def test_a_broken_page_is_asked_for_again(ctl, redis, graph, body):
    server = graph([[device(1)], [device(2)]])
    server.before = [lambda p: None] + [lambda p: (200, {}, body)] * 2
    report, _ = load(ctl, server.url, "--credentials", server.credentials(),
                     "--full")
    assert report["created"] == 2 and report["complete"] is True


def test_a_page_that_stays_broken_keeps_the_rest_and_retires_nothing(
        ctl, redis, graph):
    server = graph([[device(1), device(4)], [device(2)], [device(3)]])
    load(ctl, server.url, "--credentials", server.credentials(), "--full")
    assert devices(redis) == 3 + 1
    server.pages = [[device(1, osVersion="18.0"), device(5)], [device(2)],
                    [device(3)]]

    def broken(path):
        if "skiptoken=1" in path:
            server.before.insert(0, broken)
            return 200, {}, '{"value": [{"id": "3f'
        server.before.insert(0, broken)
        return None

    server.before = [broken]
    report, error = load(ctl, server.url, "--credentials",
                         server.credentials(), "--full", code=5)
    assert "the source is broken: page 2: it is no JSON" in error
    assert "no device was retired" in error
    assert report["complete"] is False and report["retired"] == 0
    assert stored(redis, 1)["os_version"] == "18.0"
    assert "state" in stored(redis, 5)
    assert stored(redis, 4)["state"] == "compliant"
    assert len([p for p in server.gets() if "skiptoken=1" in p]) == 1 + 3


@pytest.mark.parametrize("link", [
    "https://evil.example.com/v1.0/deviceManagement/managedDevices?x=1",
    "http://127.0.0.1:{port}/v1.0/deviceManagement/managedDevices",
    "https://127.0.0.1:1/v1.0/deviceManagement/managedDevices",
    "https://127.0.0.1:{port}@evil.example.com/",
    "https://127.0.0.1.evil.example.com:{port}/",
    "file:///etc/passwd", "//evil.example.com/", "not a url"])
def test_a_next_page_elsewhere_is_not_followed(ctl, redis, graph, link):
    server = graph([[device(1)], [device(2)]])
    other = graph([[device(9)]])
    server.next_link = lambda n: link.format(port=server.port)
    report, error = load(ctl, server.url, "--credentials",
                         server.credentials(), "--full", code=5)
    assert "is on another host" in error and "is not followed" in error
    assert report["created"] == 1 and devices(redis) == 1
    assert other.requests == [] and len(server.gets()) == 1


def test_another_server_on_this_machine_gets_no_token(ctl, redis, graph):
    server, other = graph([[device(1)], [device(2)]]), graph([[device(9)]])
    server.next_link = lambda n: other.url
    load(ctl, server.url, "--credentials", server.credentials(), code=5)
    server.next_link = None
    server.before = [lambda p: (302, {"Location": other.url}, "")]
    _, error = load(ctl, server.url, "--credentials", server.credentials(),
                    code=5)
    assert "redirects to another host" in error
    assert other.requests == []


def test_a_redirect_on_the_same_host_is_followed_but_not_for_ever(
        ctl, redis, graph):
    server = graph([[device(1)]])
    server.before = [lambda p: (307, {"Location": DEVICES + "?moved=1"}, "")]
    report, _ = load(ctl, server.url, "--credentials", server.credentials())
    assert report["created"] == 1
    server.before = [lambda p: (307, {"Location": DEVICES}, "")] * 20
    _, error = load(ctl, server.url, "--credentials", server.credentials(),
                    code=5)
    assert "redirects again and again" in error


def test_pages_in_a_circle_end(ctl, redis, graph):
    server = graph([[device(1)], [device(2)]])
    server.next_link = lambda n: server.url + "?%24skiptoken=" + str(n % 2)
    server.pages.append([device(3)])
    _, error = load(ctl, server.url, "--credentials", server.credentials(),
                    code=5)
    assert "lead in a circle" in error


def test_a_slow_server_ends_in_the_timeout(ctl, redis, graph):
    server = graph([[device(1)], [device(2)]])
    server.before = [lambda p: None] + [slow(4)] * 6
    begun = time.monotonic()
    report, error = load(ctl, server.url, "--credentials",
                         server.credentials(timeout="1s"), code=5)
    assert time.monotonic() - begun < 60
    assert "gives it longer" in error and report["created"] == 1


def test_an_endless_page_is_cut_off(ctl, redis, graph):
    server = graph([[device(1)]])
    server.before = [lambda p: (200, {}, b"x" * (40 * 1024 * 1024))]
    _, error = load(ctl, server.url, "--credentials", server.credentials(),
                    code=5)
    assert "larger than 32 MiB" in error
    assert len(server.gets()) == 1


@pytest.mark.parametrize("change, code, says", [
    ({"client_secret": "canary-wrong"}, 5, "no token: invalid_client"),
    ({"ca_file": "@other"}, 5, "ca_file of the credentials file"),
    ({"ca_file": None}, 5, "ca_file of the credentials file"),
    ({"token_url": "https://127.0.0.1:1/token"}, 5, "no token"),
    ({"token_url": "http://login.example.com/token"}, 2, "https://"),
    ({"client_id": None}, 2, "go together"),
    ({"canary": "canary"}, 2, "no such setting"),
    ({"timeout": "soon"}, 2, "timeout expects a span"),
    ({"tenant": "a/../b"}, 2, "neither an id nor a domain"),
])
def test_credentials_that_do_not_work_are_named_and_never_shown(
        ctl, redis, graph, tmp_path, change, code, says):
    server = graph([[device(1)]])
    if change.get("ca_file") == "@other":
        change = {"ca_file": Certificates(tmp_path / "other").ca}
    _, error = load(ctl, server.url, "--credentials",
                    server.credentials(**change), code=code)
    assert says in error
    assert devices(redis) == 0
    assert server.gets() == []


def test_a_secret_that_others_can_read_is_not_used(ctl, redis, graph):
    server = graph([[device(1)]])
    path = server.credentials()
    for mode in (0o644, 0o604, 0o660):
        os.chmod(path, mode)
        _, error = load(ctl, server.url, "--credentials", path, code=2)
        assert "chmod 640" in error
    os.chmod(path, 0o640)
    load(ctl, server.url, "--credentials", path)
    assert devices(redis) == 1


@pytest.mark.parametrize("url, says", [
    ("http://graph.microsoft.com/v1.0/x", "must begin with https://"),
    ("http://127.0.0.1:1/x", "must begin with https://"),
    ("https://user:pass@graph.microsoft.com/x", "holds a user name"),
    ("https://", "URL"),
])
def test_urls_that_are_not_taken(ctl, redis, url, says):
    _, error = load(ctl, url, code=2)
    assert says in error


def test_http_is_for_this_machine_and_asked_for(ctl, redis, graph):
    server = graph([[device(1)], [device(2)]], tls=False)
    report, _ = load(ctl, server.url, "--credentials",
                     server.credentials(plain="yes"))
    assert report["created"] == 2
    _, error = load(ctl, "http://graph.example.com/x", "--credentials",
                    server.credentials(plain="yes"), code=2)
    assert "must begin with https://" in error


def test_since_asks_for_what_synchronised_lately(ctl, redis, graph):
    server = graph([[device(1)]])
    load(ctl, server.url + "?%24top=5", "--credentials", server.credentials(),
         "--since", "2026-11-01")
    assert server.gets()[0].endswith(
        "?%24top=5&%24filter=lastSyncDateTime%20ge%202026-11-01T00:00:00Z")
    _, error = load(ctl, server.url, "--since", "2026-11-01", "--full", code=2)
    assert "leave --full out" in error


def test_a_dry_run_writes_nothing_and_a_run_fetches_once(ctl, redis, graph):
    server = graph([[device(1)], [device(2)]])
    report, _ = load(ctl, server.url, "--credentials", server.credentials(),
                     "--dry-run")
    assert report["created"] == 2 and devices(redis) == 0
    load(ctl, server.url, "--credentials", server.credentials())
    server.requests.clear()
    server.pages = [[device(1, osVersion="18")], [device(2)]]
    # compared first, then written: out of what was fetched once
    report, _ = load(ctl, server.url, "--credentials", server.credentials())
    assert report["changed"] == 1
    assert len(server.gets()) == 2


# Jamf


def computer(number, **general):
    return {
        "id": str(number), "udid": f"UDID-{number}",
        "general": {"name": f"mac {number}", "supervised": True,
                    "lastContactTime": "2026-11-20T08:00:00.123Z",
                    "remoteManagement": {"managed": True}, **general},
        "hardware": {"make": "Apple", "model": "MacBook Pro (14-inch)",
                     "serialNumber": f"C02X{number:06}"},
        "operatingSystem": {"name": "macOS", "version": "15.1",
                            "fileVault2Status": "BOOT_ENCRYPTED"},
        "userAndLocation": {"username": f"user{number}",
                            "email": f"user{number}@example.com"},
        "security": {"sipStatus": "ENABLED", "firewallEnabled": False,
                     "gatekeeperStatus": "APP_STORE_AND_IDENTIFIED_DEVELOPERS",
                     "secureBootLevel": "FULL_SECURITY"},
        "extensionAttributes": [{"name": "Disk Health", "values": ["good"]},
                                {"name": "mdm_reasons", "values": ["x"]}],
    }


def test_jamf_computers_come_page_by_page(ctl, redis, graph):
    server = graph([[computer(1), computer(2)], [computer(3)]],
                   list_name="results")
    report, _ = load(ctl, server.base + "/api/v1/computers-inventory"
                     "?section=GENERAL&page-size=2", "--credentials",
                     server.credentials(scope=None), "--full", what="jamf")
    assert report["created"] == 3 and report["source"] == "jamf"
    assert server.gets()[1:] == [
        "/api/v1/computers-inventory?section=GENERAL&page-size=2&page=1",
        "/api/v1/computers-inventory?section=GENERAL&page-size=2&page=2"]
    mac = record(redis, "device:UDID-1")
    assert mac["platform"] == "macos" and mac["owner"] == "user1"
    assert mac["os_version"] == "15.1" and mac["management"] == "mdm"
    assert mac["last_checkin"] == "1795161600"
    assert "mdm_state" not in mac and mac["state"] != "compliant"
    assert redis.cmd("GET", "compliance:alias:serial:C02X000001") == b"UDID-1"
    assert json.loads(redis.cmd("GET", "compliance:inventory:UDID-1")) == {
        "os_version": "15.1", "model": "MacBook Pro (14-inch)",
        "manufacturer": "Apple", "last_checkin": 1795161600,
        "firewall": False, "supervised": True, "system_integrity": True,
        "gatekeeper": True, "secure_boot": True, "encrypted": True,
        "disk_health": "good"}


def test_jamf_mobile_devices_of_both_interfaces(ctl, redis, tmp_path):
    new = {"mobileDeviceId": "1", "deviceType": "iOS",
           "hardware": {"serialNumber": "F17A", "model": "iPhone 15"},
           "general": {"udid": "00008110-A", "displayName": "Alice's",
                       "osVersion": "17.4", "managed": True,
                       "supervised": False,
                       "lastInventoryUpdateDate": "2026-11-20T08:00:00Z"},
           "userAndLocation": {"username": "alice"},
           "security": {"passcodePresent": True, "passcodeCompliant": False,
                        "hardwareEncryption": 3, "jailBreakDetected": False}}
    classic = {"mobile_device": {
        "general": {"udid": "0000BEEF", "serial_number": "F17B",
                    "os_version": "16.1", "device_name": "Bob's",
                    "managed": False, "model": "iPad (9th)", "os_type": "iOS",
                    "exchange_activesync_device_identifier": "APPLEAS77",
                    "last_inventory_update_epoch": 1795161600000},
        "location": {"username": "bob"},
        "security": {"passcode_present": "true", "hardware_encryption": "1",
                     "jailbreak_detected": "Yes"}}}
    path = tmp_path / "mobile.json"
    path.write_text(json.dumps({"totalCount": 1, "results": [new]}) + "\n"
                    + json.dumps({"results": [classic]}))
    report, _ = load(ctl, str(path), what="jamf")
    assert report["created"] == 2
    phone = record(redis, "device:00008110-A")
    assert phone["platform"] == "ios" and phone["owner"] == "alice"
    assert phone["name"] == "Alice's" and phone["management"] == "mdm"
    tablet = record(redis, "device:0000BEEF")
    assert tablet["platform"] == "ipados" and tablet["management"] == "none"
    assert tablet["last_checkin"] == "1795161600"
    assert redis.cmd("GET", "compliance:alias:eas:APPLEAS77") == b"0000BEEF"
    kept = lambda i: json.loads(redis.cmd("GET", f"compliance:inventory:{i}"))
    assert kept("00008110-A")["encrypted"] is True
    assert kept("00008110-A")["passcode_compliant"] is False
    assert kept("00008110-A")["jailbroken"] is False
    assert kept("0000BEEF")["encrypted"] is False
    assert kept("0000BEEF")["passcode"] is True
    assert kept("0000BEEF")["jailbroken"] is True
