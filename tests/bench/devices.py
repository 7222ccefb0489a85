#!/usr/bin/python3
"""A fleet of devices as MDMs tell it, the same for the same seed.

    devices.py --count 1000000 --format graph > pages.json

graph: pages of Microsoft Graph's managedDevices, end to end, as its API serves
them; json: lines of the documented format (docs/import.md) with the same facts
as attributes; csv: the same as a table.  --later makes that share of the
devices (per thousand) report again, an hour later and with a newer system.
"""

import argparse
import sys

MASK = (1 << 64) - 1
BEGIN = 1763600000            # 2025-11-20
PAGE = 1000
DOMAIN = "corp.example.com"

GIVEN = ("anna bernd carla david elena farid greta henri ines jonas katja "
         "liam maria noah olga paul quinn rosa samir tanja umut vera willem "
         "xenia yusuf zoe").split()
FAMILY = ("adler bauer costa dumont ersoy fischer garcia huber ito jansen "
          "keller lehmann moreau nowak okafor peters quint rossi schmidt "
          "tanaka ullman vogel weber xu yilmaz zimmermann").split()

# operatingSystem, manufacturer, models, versions, agent, share in 256
PLATFORMS = (
    ("iOS", "Apple", ("iPhone 13", "iPhone 14 Pro", "iPhone 15", "iPhone SE"),
     ("18.7.1", "18.7.2", "26.0.1", "26.1", "26.1", "26.1", "17.5.1"), "mdm", 102),
    ("iPadOS", "Apple", ("iPad Air (5th generation)", "iPad Pro 11"),
     ("18.7.2", "26.0.1", "26.1", "26.1", "17.7.2"), "mdm", 18),
    ("Android", "samsung", ("SM-G991B", "SM-S911B", "Pixel 7", "SM-A536B"),
     ("13.0", "14.0", "14.0", "15.0", "15.0", "16.0", "12.0"), "mdm", 56),
    ("Windows", "LENOVO", ("ThinkPad T14 Gen 3", "ThinkPad X1 Carbon Gen 11",
                           "Latitude 5440"),
     ("10.0.22631.5335", "10.0.22631.6199", "10.0.26100.6584",
      "10.0.26100.7171", "10.0.26200.7171", "10.0.19045.6456"), "mdm", 66),
    ("macOS", "Apple", ("MacBookPro18,3", "MacBookAir10,1"),
     ("15.7.1 (24G231)", "15.7.2 (24G325)", "26.1 (25B78)", "26.1 (25B78)",
      "14.8.1 (23J30)"), "mdm", 14),
)

BY_BYTE = [p for p in PLATFORMS for _ in range(p[5])]
assert len(BY_BYTE) == 256

GRAPH = (
    '{"id":"%(id)s","userId":"%(user)s","deviceName":"%(name)s",'
    '"managedDeviceOwnerType":"company","enrolledDateTime":"%(enrolled)s",'
    '"lastSyncDateTime":"%(sync)s","operatingSystem":"%(os)s",'
    '"complianceState":"%(graph_state)s","jailBroken":"%(jail)s",'
    '"managementAgent":"%(agent)s","osVersion":"%(version)s",'
    '"easActivated":%(eas_on)s,"easDeviceId":"%(eas)s",'
    '"easActivationDateTime":"%(enrolled)s","azureADRegistered":true,'
    '"deviceEnrollmentType":"userEnrollment","activationLockBypassCode":null,'
    '"emailAddress":"%(owner)s","azureADDeviceId":"%(aad)s",'
    '"deviceRegistrationState":"registered",'
    '"deviceCategoryDisplayName":"Unassigned","isSupervised":%(supervised)s,'
    '"exchangeLastSuccessfulSyncDateTime":"%(sync)s",'
    '"exchangeAccessState":"allowed",'
    '"exchangeAccessStateReason":"compliant",'
    '"remoteAssistanceSessionUrl":null,'
    '"remoteAssistanceSessionErrorDetails":null,"isEncrypted":%(encrypted)s,'
    '"userPrincipalName":"%(owner)s","model":"%(model)s",'
    '"manufacturer":"%(maker)s","imei":"35%(digits)s",'
    '"complianceGracePeriodExpirationDateTime":"9999-12-31T23:59:59Z",'
    '"serialNumber":"%(serial)s","phoneNumber":"+4916%(digits)s",'
    '"androidSecurityPatchLevel":"%(patch)s","userDisplayName":"%(person)s",'
    '"configurationManagerClientEnabledFeatures":null,'
    '"wiFiMacAddress":"02%(mac)s","deviceHealthAttestationState":null,'
    '"subscriberCarrier":"","meid":"",'
    '"totalStorageSpaceInBytes":%(storage)d,'
    '"freeStorageSpaceInBytes":%(free)d,'
    '"managedDeviceName":"%(owner)s_%(os)s_%(enrolled)s",'
    '"partnerReportedThreatState":"%(threat)s",'
    '"requireUserEnrollmentApproval":null,'
    '"managementCertificateExpirationDate":"2026-11-20T00:00:00Z",'
    '"iccid":"","udid":"","notes":null,"ethernetMacAddress":"",'
    '"physicalMemoryInBytes":0}')

JSON = (
    '{"id":"%(id)s","owner":"%(owner)s","eas":"%(eas)s",'
    '"serial":"%(serial)s","platform":"%(os)s","os_version":"%(version)s",'
    '"model":"%(model)s","name":"%(name)s","management":"mdm",'
    '"risk":"%(risk)s","state":"%(state)s","last_checkin":"%(sync)s",'
    '"updated":"%(sync)s","inventory":{"encrypted":%(encrypted)s,'
    '"jailbroken":%(jailbroken)s,"supervised":%(supervised)s,'
    '"ownership":"company","enrolled":"%(enrolled)s",'
    '"manufacturer":"%(maker)s","security_patch":"%(patch)s",'
    '"threat_level":"%(risk)s","storage_total":%(storage)d,'
    '"storage_free":%(free)d,"wifi_mac":"02%(mac)s","imei":"35%(digits)s",'
    '"phone":"+4916%(digits)s","display_name":"%(person)s",'
    '"azure_ad_device_id":"%(aad)s"}}')

CSV_HEAD = ("id,owner,eas,serial,platform,os_version,model,name,management,"
            "risk,state,last_checkin,updated,encrypted,jailbroken,"
            "security_patch,threat_level")
CSV = ('%(id)s,%(owner)s,%(eas)s,%(serial)s,%(os)s,%(version)s,"%(model)s",'
       '"%(name)s",mdm,%(risk)s,%(state)s,%(sync)s,%(sync)s,%(encrypted)s,'
       '%(jailbroken)s,%(patch)s,%(risk)s')

BOOL = ("false", "true")


def mix(n):
    """splitmix64: 64 bits that look like chance."""
    n = (n + 0x9E3779B97F4A7C15) & MASK
    n = (n ^ n >> 30) * 0xBF58476D1CE4E5B9 & MASK
    n = (n ^ n >> 27) * 0x94D049BB133111EB & MASK
    return n ^ n >> 31


def clock(cache, hours):
    """An ISO 8601 time on the hour; there are few, and they are kept."""
    text = cache.get(hours)
    if text is None:
        import datetime
        text = cache[hours] = datetime.datetime.fromtimestamp(
            BEGIN + hours * 3600, datetime.timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%SZ")
    return text


def devices(count, seed=1, later=0):
    """The facts of each device, as a dict for the templates above."""
    times, owners = {}, max(1, count * 2 // 3)
    for n in range(count):
        a = mix(seed * 0x10001 + n * 4)
        b = mix(a)
        c = mix(b)
        os_, maker, models, versions, agent, _ = BY_BYTE[a & 255]
        again = later and (a >> 16) % 1000 < later
        version = versions[(a >> 8 & 255) % len(versions)]
        bad = a >> 32 & 63
        state = "noncompliant" if bad < 3 else "compliant"
        person = n % owners
        given = GIVEN[person % 26]
        family = FAMILY[person // 26 % 26]
        hexa, hexb = f"{b:016x}", f"{c:016x}"
        storage = 64 << 30 + (b >> 8 & 2)
        yield {
            "id": f"{hexa[:8]}-{hexa[8:12]}-4{hexa[13:]}-{hexb[:4]}-"
                  f"{hexb[4:]}",
            "aad": f"{hexb[:8]}-{hexb[8:12]}-4{hexb[13:]}-{hexa[:4]}-"
                   f"{hexa[4:]}",
            "user": f"{hexb[:8]}-0000-4000-8000-{person:012x}",
            "owner": f"{given}.{family}{person // 676 or ''}@{DOMAIN}",
            "person": f"{given.title()} {family.title()}",
            "name": f"{given.title()}s {models[0]}" if os_ != "Windows"
                    else f"PC-{hexb[:8].upper()}",
            "eas": (("APPL" if maker == "Apple" else "ANDROIDC")
                    + f"{n:07d}{hexa[:6].upper()}"),
            "serial": f"{hexb[:5].upper()}{n:07d}",
            "os": os_, "maker": maker, "agent": agent, "version": version,
            "model": models[(a >> 24 & 255) % len(models)],
            "state": state, "graph_state": state,
            "jail": "True" if bad == 0 else "False",
            "jailbroken": BOOL[bad == 0],
            "eas_on": BOOL[os_ != "Windows"],
            "supervised": BOOL[a >> 40 & 1],
            "encrypted": BOOL[bad != 1],
            "threat": "low" if bad == 5 else "secured",
            "risk": "low" if bad == 5 else "none",
            "patch": "2025-11-01" if os_ == "Android" else "",
            "sync": clock(times, -(a >> 48 & 255) + (1 if again else 0)),
            "enrolled": clock(times, -1000 - (b >> 48 & 2047)),
            "digits": f"{b & 0x7fffffff:010d}",
            "mac": hexb[:10], "storage": storage,
            "free": storage // 3 + (c & 0xffffff),
        }


def chunks(count, kind, seed=1, later=0, page=PAGE):
    """The source's text, in parts of a page."""
    template = {"graph": GRAPH, "json": JSON, "csv": CSV}[kind]
    if kind == "csv":
        yield CSV_HEAD + "\n"
    part, pages, done = [], (count + page - 1) // page, 0
    for device in devices(count, seed, later):
        part.append(template % device)
        if len(part) == page or done * page + len(part) == count:
            done += 1
            if kind == "graph":
                yield ('{"@odata.context":"https://graph.microsoft.com/v1.0/'
                       '$metadata#deviceManagement/managedDevices",'
                       f'"@odata.count":{len(part)},'
                       + (f'"@odata.nextLink":"https://graph.microsoft.com/'
                          f'v1.0/deviceManagement/managedDevices?'
                          f'$skiptoken={done}",' if done < pages else "")
                       + '"value":[' + ",".join(part) + "]}\n")
            else:
                yield "\n".join(part) + "\n"
            part = []


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--format", choices=("graph", "json", "csv"),
                        default="graph")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--later", type=int, default=0,
                        help="per thousand that report again")
    args = parser.parse_args()
    for text in chunks(args.count, args.format, args.seed, args.later):
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
