"""Who is in the demo: users, groups and devices, written with compliancectl as an admin would."""

import subprocess
import time
from dataclasses import dataclass

from lab_process import LabError

USERS = {"alice": "alice-demo", "bob": "bob-demo", "carol": "carol-demo",
         "breakglass": "breakglass-demo"}
DOMAIN = "example.com"
USER, GROUP, BREAK_GLASS = "alice", "sales", "breakglass"
GRACE_S = 7 * 86400
CREDENTIAL, WEB = "credential", "web"


@dataclass(frozen=True)
class Device:
    key: str            # in the names of build/demo/env
    label: str          # over its column of the table
    id: str
    user: str
    fields: tuple       # empty: not enrolled
    enters: tuple       # CREDENTIAL, WEB: the kinds of access that let it in


def devices(now=None):
    now = int(now or time.time())
    common = (f"last_checkin={now}", "management=mdm", "source=demo")
    return (
        Device("COMPLIANT", "compliant", "DEMOIPHONE01", USER,
               ("state=compliant", f"owner={USER}", "platform=ios", "os_version=17.5.1",
                "model=iPhone 15", "name=Alice's iPhone", "risk=none", *common), (CREDENTIAL, WEB)),
        Device("NONCOMPLIANT", "non-compliant", "DEMOPIXEL02", USER,
               ("state=noncompliant", f"owner={USER}", "platform=android", "os_version=12",
                "model=Pixel 5", "name=Alice's Pixel", "reasons=os_outdated,encryption_off",
                "risk=medium", *common), ()),
        Device("UNKNOWN", "unknown", "DEMOSTRANGER03", USER, (), ()),
        Device("GRACE", "in grace", "DEMOMACBOOK04", USER,
               ("state=grace", f"owner={USER}", "platform=macos", "os_version=13.6",
                "model=MacBook Air", "name=Alice's MacBook", "reasons=os_outdated",
                f"grace_until={now + GRACE_S}", "risk=low", *common), (CREDENTIAL, WEB)),
        # Break-glass follows from the password that the back end checks; on the web also from the
        # account's own certificate.
        Device("BREAK_GLASS", "break-glass", "DEMORESCUE05", BREAK_GLASS,
               ("state=noncompliant", f"owner={BREAK_GLASS}", "platform=windows",
                "os_version=10.0.19045", "model=ThinkPad", "name=Rescue laptop",
                "reasons=antivirus_off", *common), (CREDENTIAL, WEB)),
    )


def commands(pki):
    """The arguments of every compliancectl call that seeds the demo."""
    # first, for nothing is enforced without one
    yield ("user", "set", BREAK_GLASS, "break_glass=1", "display_name=Emergency access")
    yield ("group", "set", "default", "mode=enforce", "unknown_user=block", "unknown_device=block",
           "support_contact=helpdesk@example.com")
    yield ("group", "set", GROUP, "mode=enforce", "support_contact=helpdesk@example.com")
    yield ("group", "set", "pilot", "mode=report")
    yield ("user", "set", "alice", f"groups={GROUP}", "display_name=Alice Archer")
    yield ("user", "set", "bob", f"groups={GROUP}", "display_name=Bob Baker")
    yield ("user", "set", "carol", "groups=pilot", "display_name=Carol Cook")
    for name in USERS:
        yield ("user", "alias", name, f"{name}@{DOMAIN}")
    yield ("user", "alias", "alice", "demo\\alice")
    for device in devices():
        if device.fields:
            cert, _ = pki.client(device.id)
            yield ("device", "set", device.id, *device.fields)
            yield ("device", "alias", device.id, "cert", pki.fingerprint(cert))


def seed(ctl, pki):
    for arguments in commands(pki):
        done = subprocess.run([ctl, *arguments], capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            raise LabError(f"compliancectl {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
