"""The decision once more, written from docs/decisions.md and the data model
alone, and for reading rather than for speed: it looks at every objection of
every group and then picks.  The decision table holds it against decide.c.

A case is a dict:

  now, protocol, identity ("ok", "malformed", "ambiguous"), device_free,
  dry_run, source ("credential", "owner", "login", "none"), address (text or
  None), device_type, user_agent
  claim    None, "asserted", "secret" or "certificate": how the one device
           that is presented is proven
  device   its stored record, a dict of texts; {}: there is none; None: the
           store did not say
  user     the stored record of "alice", as above
  groups   name -> stored settings; None: the store did not say
  emergency   names that the groups' snapshot keeps as break-glass
  vouched     (binding, client): what a portal link vouches for, or None
"""

import fnmatch
import ipaddress

DAY = 86400
PROTOCOLS = ["eas", "web", "ews", "mapi", "dav", "autodiscover", "imap", "pop3",
             "smtp"]
STATES = ["compliant", "noncompliant", "grace", "unknown", "retired"]
RISKS = ["none", "low", "medium", "high"]
BINDINGS = ["none", "asserted", "owner", "secret", "certificate"]
USER = "alice"

# The order in which a group looks, what an exempt network lifts (E), what an
# admin's grace lifts (G), and what is about the device's record (D).
OBJECTIONS = [
    ("protocol_denied", ""),
    ("client_not_allowed", "E"),
    ("binding_too_weak", "DE"),
    ("owner_mismatch", "DE"),
    ("device_unknown", "DE"),
    ("device_retired", "D"),
    ("device_out_of_contact", "DEG"),
    ("risk_too_high", "DEG"),
    ("device_noncompliant", "DEG"),
]

DEFAULTS = {
    "mode": "report", "enforce_from": "0", "rollout_percent": "100",
    "protocols": "all", "deny_protocols": "none", "require": "compliant",
    "max_risk": "any", "max_checkin_age": "0", "unknown_device": "block",
    "min_binding": "owner", "allowed_clients": "", "exempt_networks": "",
    "unknown_user": "allow",
}

# What reads as what admits least, where a stored value cannot be read.
CHOICES = {
    "mode": (["off", "report", "enforce"], "enforce"),
    "require": (["compliant", "managed", "known"], "compliant"),
    "max_risk": (["any", *RISKS], "none"),
    "unknown_device": (["block", "allow"], "block"),
    "min_binding": (BINDINGS[1:], "certificate"),
    "unknown_user": (["block", "allow"], "block"),
}


def bucket(name):
    """Where a user stands in every rollout: FNV-1a, folded, of 100."""
    if not name:
        return 0
    value = 0xcbf29ce484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return (value ^ (value >> 32)) % 100


def settings(stored):
    out = dict(DEFAULTS, **stored)
    for name, (known, strictest) in CHOICES.items():
        if out[name] not in known:
            out[name] = strictest
    return out


def scope(text):
    if text == "all":
        return set(PROTOCOLS)
    return set() if text in ("none", "") else set(text.split(","))


def number(text, unreadable=0):
    if text is None:
        return 0
    return int(text) if text.isascii() and text.isdigit() else unreadable


class Device:
    """What the presented device is known to be."""

    def __init__(self, case):
        record = case["device"]
        self.free = case["device_free"]
        self.claimed = case["claim"] is not None and not self.free
        # nobody is looked up whose request cannot be read; and a store that
        # fails in the first round is not asked where a certificate leads
        if case["identity"] != "ok" or (
                case["claim"] == "certificate" and record
                and case["user"] is None
                and case["source"] in ("credential", "login")):
            record = None
        self.answered = record is not None or not self.claimed
        self.present = bool(record) and self.claimed
        record = (record or {}) if self.present else {}
        self.owner = record.get("owner", "")
        self.state = record.get("state")
        self.state = self.state if self.state in STATES else "unknown"
        self.risk = record.get("risk")
        self.management = record.get("management")
        self.grace_until = number(record.get("grace_until"))
        self.last_checkin = number(record.get("last_checkin"))
        override = record.get("override", "")
        if override in ("", "none"):
            self.override = None
        else:
            self.override = "grace" if override == "grace" else "block"
        self.override_until = number(
            record.get("override_until"),
            unreadable=1 if self.override == "grace" else 0)

    def overridden(self, what, now):
        return (self.present and not self.free and self.override == what
                and (self.override_until == 0 or now < self.override_until))


def binding(case, device, user):
    """What the claim proves, or one rung more where the owner asks."""
    if not device.claimed or not device.answered:
        return "none"
    rung = case["claim"]
    if device.present and case["vouched"]:
        rung = max(rung, case["vouched"][0], key=BINDINGS.index)
    if rung == "asserted" and device.present and owns(device, user):
        return "owner"
    return rung


def owns(device, user):
    return device.present and device.owner != "" and device.owner == user


def matches(pattern, text):
    if text is None or len(text) > 512:
        return False
    pattern = pattern.lower().replace("[", "[[]")
    return fnmatch.fnmatchcase(text.lower(), pattern)


def listed(case, group):
    if case["vouched"] and case["vouched"][1]:
        return True
    patterns = [p.strip() for p in group["allowed_clients"].split(",") if p]
    return any(matches(p, case[member]) for p in patterns
               for member in ("device_type", "user_agent"))


def exempt(case, group):
    if not case["address"] or not group["exempt_networks"]:
        return False
    address = ipaddress.ip_address(case["address"])
    networks = [ipaddress.ip_network(n.strip())
                for n in group["exempt_networks"].split(",")]
    return any(address in n for n in networks if n.version == address.version)


def objects(reason, case, group, device, user, rung):
    """Does the group object for this reason?"""
    now = case["now"]
    strong = BINDINGS.index(rung)
    wanted = BINDINGS.index(group["min_binding"])

    if reason == "protocol_denied":
        return case["protocol"] in scope(group["deny_protocols"])
    if reason == "client_not_allowed":
        return group["allowed_clients"] != "" and not listed(case, group)
    if reason == "binding_too_weak":
        if group["min_binding"] in ("secret", "certificate"):
            return strong < wanted
        return (group["min_binding"] == "owner" and device.present
                and device.owner == "" and strong < wanted)
    if reason == "owner_mismatch":
        return (wanted >= BINDINGS.index("owner") and device.present
                and device.owner != "" and device.owner != user)
    if reason == "device_unknown":
        return not device.present and group["unknown_device"] == "block"

    if not device.present:
        return False
    if reason == "device_retired":
        return device.state == "retired"
    if reason == "device_out_of_contact":
        age = number(group["max_checkin_age"])
        if age == 0:
            return False
        last = device.last_checkin
        return last == 0 or last > now + DAY or now - last > age
    if reason == "risk_too_high":
        if group["max_risk"] == "any":
            return False
        return (device.risk not in RISKS
                or RISKS.index(device.risk) > RISKS.index(group["max_risk"]))
    if reason == "device_noncompliant":
        if group["require"] == "known":
            return False
        if group["require"] == "managed":
            if device.management == "mdm":
                return False
            return not (device.management == "mam"
                        and group["allowed_clients"] != ""
                        and listed(case, group))
        if device.state == "compliant":
            return False
        return not (device.state == "grace" and device.grace_until > now)
    raise AssertionError(reason)


def judge(case, group, device, user, rung):
    """(verdict, reason) of one group."""
    exempted = exempt(case, group)
    graced = device.overridden("grace", case["now"])
    blocks, lifts, unsure = [], [], False
    for reason, flags in OBJECTIONS:
        if "D" in flags and device.free:
            continue
        if "D" in flags and not device.answered:
            unsure = True
            continue
        if not objects(reason, case, group, device, user, rung):
            continue
        if graced and "G" in flags:
            lifts.append("grace_by_override")
        elif exempted and "E" in flags:
            lifts.append("exempt_network")
        else:
            blocks.append(reason)
    if blocks:
        return "block", blocks[0]
    if unsure:
        return "tempfail", "store_unavailable"
    # an admin's grace is told before an exempt network
    for told in ("grace_by_override", "exempt_network"):
        if told in lifts:
            return "allow", told
    if device.free:
        return "allow", "no_device_needed"
    if not device.present:
        return "allow", "unknown_device_allowed"
    if (device.state == "grace" and group["require"] == "compliant"
            and device.grace_until > case["now"]):
        return "allow", "in_grace"
    return "allow", "compliant"


def moments(case, group, device):
    """When time alone may change what the group thinks."""
    if group["mode"] == "enforce":
        yield number(group["enforce_from"])
    if device.free or not device.present:
        return
    if device.state == "grace":
        yield device.grace_until
    age = number(group["max_checkin_age"])
    if age and device.last_checkin:
        yield device.last_checkin - DAY
        yield device.last_checkin + age + 1


ORDER = ["break_glass", "not_in_scope", "report_only", "grace_by_override",
         "exempt_network", "unknown_device_allowed", "in_grace",
         "no_device_needed", "compliant", "user_blocked",
         "blocked_by_override", "user_unknown", "protocol_denied",
         "client_not_allowed", "binding_too_weak", "owner_mismatch",
         "device_unknown", "device_retired", "device_out_of_contact",
         "risk_too_high", "device_noncompliant"]


def first(found):
    """The lowest reason; of equals the group that was named first."""
    return min(found, key=lambda f: ORDER.index(f[0])) if found else None


def decide(case):
    """verdict, reason, group, would (a reason or ""), warn, break_glass,
    binding, deadline"""
    device = Device(case)
    record = case["user"]
    claimed = case["source"] != "none"
    user = USER if claimed else ""
    if case["source"] == "owner":
        proven = case["claim"] in ("secret", "certificate")
        if device.claimed and not device.answered:
            user, record = "", None          # somebody's, nobody knows whose
        elif not (device.present and proven and device.owner):
            claimed, user = False, ""
        else:
            user = device.owner
            record = case["user"] if user == USER else {}
    answered = record is not None or not claimed
    present = bool(record) and claimed
    record = record or {}
    groups = case["groups"]
    rung = binding(case, device, user if claimed else None)
    now = case["now"]
    out = {"verdict": None, "reason": None, "group": "", "would": "",
           "warn": False, "break_glass": False, "binding": rung,
           "deadline": 0}
    times = []

    def settle(verdict, reason, group=""):
        out.update(verdict=verdict, reason=reason, group=group)
        later = [t for t in times if t > now]
        out["deadline"] = min(later) if later else 0
        if case["dry_run"] and verdict in ("block", "tempfail"):
            out.update(verdict="allow", reason="report_only", would=reason)
        return out

    if case["identity"] == "ambiguous":
        return settle("bad_request", "identity_ambiguous")
    if case["identity"] != "ok":
        return settle("bad_request", "identity_malformed")

    # on the web by the certificate itself; a link that vouches is none
    may = {"credential": True, "none": False}.get(
        case["source"],
        case["claim"] == "certificate" and owns(device, user))
    if claimed and may:
        if (present and record.get("break_glass") == "1"
                or not answered and user in case["emergency"]):
            out["break_glass"] = True
            return settle("allow", "break_glass")
    if present and record.get("blocked", "") not in ("", "0"):
        return settle("block", "user_blocked")
    if device.present and device.override:
        times.append(device.override_until)
    if device.overridden("block", now) and not (not answered and may):
        return settle("block", "blocked_by_override")
    if groups is None or not answered:
        return settle("tempfail", "store_unavailable")
    everyone = settings(groups.get("default", {}))
    if claimed and not present and everyone["unknown_user"] == "block":
        return settle("block", "user_unknown", "default")

    names = []
    for name in (record.get("groups", "").split(",") if present else []):
        name = name if name in groups else "default"
        if name not in names and record.get("groups"):
            names.append(name)
    enforced = {"block": [], "allow": []}
    reported = {"block": [], "allow": []}
    unsure = False
    for name in names or ["default"]:
        group = settings(groups.get(name, {}))
        covered = scope(group["protocols"]) | scope(group["deny_protocols"])
        if group["mode"] == "off" or case["protocol"] not in covered:
            continue
        verdict, reason = judge(case, group, device, user, rung)
        times.extend(moments(case, group, device))
        if verdict == "tempfail":
            unsure = True
            continue
        holds = (group["mode"] == "enforce"
                 and number(group["enforce_from"]) <= now
                 and bucket(user) < number(group["rollout_percent"]))
        (enforced if holds else reported)[verdict].append((reason, name))

    if enforced["block"]:
        return settle("block", *first(enforced["block"]))
    if unsure or (not device.free and not device.answered):
        return settle("tempfail", "store_unavailable")
    would = first(reported["block"])
    if would:
        out["would"] = would[0]
    if enforced["allow"]:
        reason, name = first(enforced["allow"])
        out["warn"] = reason in ("in_grace", "grace_by_override")
        return settle("allow", reason, name)
    if would:
        return settle("allow", "report_only", would[1])
    if reported["allow"]:
        return settle("allow", *first(reported["allow"]))
    return settle("allow", "not_in_scope")
