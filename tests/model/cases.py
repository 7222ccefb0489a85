"""The decision table: every combination of the inputs that bear on one
another, block by block, and a seeded sample of the whole space.  What a case
is stands in model.py."""

import itertools
import random

import model

NOW = 1_800_000_000
MINE = model.bucket(model.USER)
SAMPLE = 20_000

PAST, FUTURE = str(NOW - 5000), str(NOW + 5000)

BASE = dict(
    protocol="eas", identity="ok", device_free=False, dry_run=False,
    source="credential", address="192.0.2.1", device_type="iPhone",
    user_agent="Apple-iPhone14C2/2102.80", claim="asserted",
    # the device's record
    device="recorded", state="compliant", grace_until=None, owner="alice",
    risk=None, management=None, override=None, override_until=None,
    last_checkin=None,
    # the user's
    user="recorded", membership="g1", break_glass="0", blocked=None,
    emergency=(),
    # groups: g1, g2 and default
    groups="known", unknown_user="allow", default_mode="report",
    mode="enforce", enforce_from=None, rollout_percent=None, protocols=None,
    deny_protocols=None, require=None, max_risk=None, max_checkin_age=None,
    unknown_device=None, min_binding=None, allowed_clients=None,
    exempt_networks=None,
    mode2="report", require2=None, deny2=None, binding2=None, risk2=None,
    vouched=None,
)

SPACE = dict(
    protocol=["eas", "ews", "dav", "web", "imap"],
    identity=["ok"] * 18 + ["malformed", "ambiguous"],
    device_free=[False, False, False, True],
    dry_run=[False, False, False, True],
    source=["credential", "credential", "owner", "login", "none"],
    address=["192.0.2.1", "10.1.2.3", "2001:db8::7", None],
    device_type=["iPhone", "Outlook", None],
    user_agent=["Apple-iPhone14C2/2102.80", "Outlook-iOS/2.0", None],
    claim=[None, "asserted", "asserted", "secret", "certificate"],
    device=["recorded", "recorded", "recorded", "missing", "unanswered"],
    state=["compliant", "noncompliant", "grace", "unknown", "retired",
           "COMPLIANT", " compliant"],
    grace_until=[None, PAST, str(NOW), FUTURE, "soon"],
    owner=["alice", "alice", "bob", ""],
    risk=[None, "none", "low", "medium", "high", "unknown", "LOW"],
    management=[None, "mdm", "mam", "none", "MDM"],
    override=[None, None, "block", "grace", "none", "", "allow"],
    override_until=[None, "0", PAST, str(NOW), FUTURE, "never"],
    last_checkin=[None, str(NOW - 100), str(NOW - 3600), str(NOW - 3601),
                  str(NOW + 86400), str(NOW + 86401), "yesterday"],
    user=["recorded"] * 5 + ["missing", "unanswered"],
    membership=["", "g1", "g2", "g1,g2", "g2,g1", "gone", "gone,g1",
                "g1,g1", "default,g2"],
    break_glass=["0", "0", "0", "1", "yes"],
    blocked=[None, None, None, "0", "", "1", "no"],
    emergency=[(), ("alice",), ("bob",)],
    groups=["known"] * 9 + ["unanswered"],
    unknown_user=["allow", "block", "Allow"],
    default_mode=["off", "report", "enforce"],
    mode=["off", "report", "enforce", "Off"],
    enforce_from=[None, PAST, str(NOW), str(NOW + 1), FUTURE],
    rollout_percent=[None, "0", str(MINE), str(MINE + 1), "100"],
    protocols=[None, "eas,ews,web", "imap,dav"],
    deny_protocols=[None, None, "eas", "web,imap", "all"],
    require=[None, "compliant", "managed", "known", "any"],
    max_risk=[None, "any", "none", "low", "medium", "high", "some"],
    max_checkin_age=[None, "0", "3600"],
    unknown_device=[None, "block", "allow", "deny"],
    min_binding=[None, "asserted", "owner", "secret", "certificate", "x"],
    allowed_clients=[None, "", "iphone*", "*Outlook*", "Nokia?,iPhone",
                     "Nokia*"],
    exempt_networks=[None, "10.0.0.0/8", "2001:db8::/32, 192.0.2.0/24"],
    mode2=["off", "report", "enforce"],
    require2=[None, "managed", "known"],
    deny2=[None, "eas"],
    binding2=[None, "asserted", "certificate"],
    risk2=[None, "low"],
    vouched=[None] * 5 + [("secret", True), ("certificate", False),
                          ("asserted", True)],
)

BLOCKS = {
    "what a device is, and what a group requires": dict(
        state=SPACE["state"][:6], grace_until=[None, PAST, str(NOW), FUTURE],
        require=["compliant", "managed", "known"],
        management=[None, "mdm", "mam", "none"],
        override=[None, "block", "grace", "allow"],
        override_until=[None, PAST, str(NOW), FUTURE]),
    "how surely it is that device, and whose": dict(
        claim=[None, "asserted", "secret", "certificate"],
        owner=["alice", "bob", ""],
        min_binding=["asserted", "owner", "secret", "certificate"],
        unknown_device=["block", "allow"],
        device=["recorded", "missing", "unanswered"],
        exempt_networks=[None, "192.0.2.0/24"],
        device_free=[False, True], protocol=["eas", "ews"]),
    "risk and contact": dict(
        risk=[None, "none", "low", "medium", "high", "LOW"],
        max_risk=["any", "none", "low", "medium", "high"],
        last_checkin=SPACE["last_checkin"], max_checkin_age=[None, "3600"],
        override=[None, "grace"], exempt_networks=[None, "192.0.2.1"]),
    "scope, schedule, share and membership": dict(
        mode=["off", "report", "enforce"],
        enforce_from=[None, str(NOW), str(NOW + 1)],
        rollout_percent=["0", str(MINE), str(MINE + 1), "100"],
        protocols=["all", "eas", "imap"], deny_protocols=[None, "eas"],
        state=["compliant", "noncompliant"],
        mode2=["off", "report", "enforce"],
        membership=["", "g1", "g1,g2", "g2,g1", "gone,g1"]),
    "who is asking, and by what right": dict(
        user=["recorded", "missing", "unanswered"], break_glass=["0", "1"],
        blocked=[None, "1"], source=["credential", "owner", "login", "none"],
        claim=[None, "asserted", "secret", "certificate"],
        owner=["alice", "bob", ""],
        device=["recorded", "missing", "unanswered"],
        unknown_user=["allow", "block"], override=[None, "block"],
        emergency=[(), ("alice",)], protocol=["web"]),
    "which client": dict(
        allowed_clients=SPACE["allowed_clients"],
        device_type=["iPhone", "Nokia3", None],
        user_agent=["Apple-iPhone14C2/2102.80", "Outlook-iOS/2.0", None],
        management=[None, "mam", "mdm"], require=["managed", "known"],
        device=["recorded", "missing"], unknown_device=["block", "allow"],
        address=["192.0.2.1", "10.1.2.3"], exempt_networks=["10.0.0.0/8"]),
    "what a link vouches for": dict(
        vouched=[None, ("asserted", False), ("owner", True),
                 ("secret", False), ("certificate", True)],
        claim=[None, "asserted", "secret", "certificate"],
        device=["recorded", "missing", "unanswered"],
        owner=["alice", "bob", ""],
        min_binding=["asserted", "owner", "secret", "certificate"],
        allowed_clients=["", "Nokia*"], management=["mam"],
        require=["managed"]),
    "from where": dict(
        address=["192.0.2.1", "10.1.2.3", "2001:db8::7", None],
        exempt_networks=[None, "10.0.0.0/8", "::/0", "0.0.0.0/0",
                         "2001:db8::/32, 192.0.2.0/24"],
        state=["compliant", "noncompliant", "retired"],
        deny_protocols=[None, "eas"], override=[None, "block", "grace"],
        blocked=[None, "1"], owner=["alice", "bob"]),
    "two groups that disagree": dict(
        mode=["off", "report", "enforce"], mode2=["off", "report", "enforce"],
        default_mode=["report", "enforce"],
        membership=["g1,g2", "g2,g1", "default,g2"],
        state=["compliant", "noncompliant", "grace"],
        grace_until=[FUTURE], require=["compliant", "known"],
        deny_protocols=[None, "eas"], deny2=[None, "eas"],
        binding2=[None, "certificate"], risk2=[None, "low"],
        device=["recorded", "missing", "unanswered"]),
    "who may not be read at all": dict(
        identity=["ok", "malformed", "ambiguous"], dry_run=[False, True],
        groups=["known", "unanswered"],
        device=["recorded", "missing", "unanswered"],
        user=["recorded", "unanswered"], break_glass=["0", "1"],
        state=["compliant", "noncompliant"], mode=["off", "report", "enforce"],
        protocol=["eas", "web"]),
}


def stored(values, **renamed):
    """The fields of a record that are there at all."""
    return {field: values[name] for field, name in renamed.items()
            if values[name] is not None}


def case(values):
    device = None
    if values["device"] == "recorded":
        device = stored(values, state="state", grace_until="grace_until",
                        owner="owner", risk="risk", management="management",
                        override="override", override_until="override_until",
                        last_checkin="last_checkin")
    elif values["device"] == "missing":
        device = {}
    user = None
    if values["user"] == "recorded":
        user = stored(values, groups="membership", break_glass="break_glass",
                      blocked="blocked")
    elif values["user"] == "missing":
        user = {}
    groups = None
    if values["groups"] == "known":
        groups = {
            "default": stored(values, mode="default_mode",
                              unknown_user="unknown_user"),
            "g1": stored(values, **{n: n for n in (
                "mode", "enforce_from", "rollout_percent", "protocols",
                "deny_protocols", "require", "max_risk", "max_checkin_age",
                "unknown_device", "min_binding", "allowed_clients",
                "exempt_networks")}),
            "g2": stored(values, mode="mode2", require="require2",
                         deny_protocols="deny2", min_binding="binding2",
                         max_risk="risk2")}
    out = {name: values[name] for name in (
        "protocol", "identity", "device_free", "dry_run", "source", "address",
        "device_type", "user_agent", "claim", "emergency", "vouched")}
    out.update(now=NOW, device=device, user=user, groups=groups)
    return out


def product(block):
    names = list(block)
    for combination in itertools.product(*block.values()):
        yield case({**BASE, **dict(zip(names, combination))})


def sample(n):
    # a fixed seed: the table is the same in every run
    source = random.Random(20261124)
    for _ in range(n):
        yield case({name: source.choice(choices)
                    for name, choices in SPACE.items()})


def all_cases():
    for block in BLOCKS.values():
        yield from product(block)
    yield from sample(SAMPLE)
