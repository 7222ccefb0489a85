"""What-if: explain's way to the verdict, its batches, impact, replay and the
candidate set, against a real Redis."""

import json
import subprocess
import time

import pytest

from harness import wait_until
from test_ctl import CERT, CTL, Ctl, record, written


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


def batch(redis, *requests, code=0):
    """The answers to a file of requests, given as objects or as raw lines."""
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n"
                   for r in requests)
    done = subprocess.run([CTL, "--redis", f"unix:{redis.socket}", "explain",
                           "--requests", "-"], input=text, timeout=60,
                          capture_output=True, text=True)
    assert done.returncode == code, (done.stdout, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


# explain


def outcomes(group):
    return {c["condition"]: c["outcome"] for c in group["conditions"]}


def test_explain_shows_every_step_and_which_one_decided(ctl, redis):
    redis.seed()
    words = ("--device", "BADPHONE", "--protocol", "eas", "--user")
    text = ctl("explain", *words, "alice")
    assert "  user_unknown  passed\n  groups        decided: block" in text
    assert "sales (decided): enforced\n  protocol_denied        passed" in text
    assert "  device_noncompliant    objects" in text
    answer = ctl.explain(*words, "alice")
    assert answer["step"] == "groups"
    assert [s["outcome"] for s in answer["steps"]] == ["passed"] * 6 \
        + ["decided"]
    assert outcomes(answer["groups"][0])["device_noncompliant"] == "objected"

    answer = ctl.explain(*words, "breakglass")
    assert answer["step"] == "break_glass" and answer["groups"] == []
    assert [s["outcome"] for s in answer["steps"]] == ["passed", "decided"] \
        + ["not_reached"] * 5
    assert "  groups        not reached" in ctl("explain", *words,
                                                "breakglass")


def test_explain_says_why_a_group_does_not_enforce(ctl, redis):
    redis.seed()
    redis.user("alice", groups="sales,pilot")
    words = ("--user", "alice", "--device", "BADPHONE", "--protocol", "eas")
    bucket = ctl.explain(*words)["bucket"]
    assert 0 <= bucket < 100

    redis.group("sales", rollout_percent=str(bucket))
    redis.group("pilot", protocols="imap")
    sales, pilot = ctl.explain(*words)["groups"]
    assert sales["enforcement"] == "rollout_percent"
    assert pilot["scope"] == "other_protocols" and not pilot["in_scope"]
    text = ctl("explain", *words)
    assert f"the user's bucket {bucket} is not below rollout_percent " \
           f"{bucket}" in text
    assert "neither protocols nor deny_protocols names this one" in text

    redis.group("sales", rollout_percent=str(bucket + 1))
    assert ctl.explain(*words)["groups"][0]["enforcement"] == "enforced"
    redis.group("sales", enforce_from=str(int(time.time()) + 3600))
    assert ctl.explain(*words)["groups"][0]["enforcement"] == "enforce_from"
    assert "only reports until enforce_from, 20" in ctl("explain", *words)


def test_explain_tells_what_lifted_an_objection(ctl, redis):
    redis.seed()
    redis.group("sales", exempt_networks="10.0.0.0/8", max_risk="low")
    words = ("--user", "alice", "--device", "BADPHONE", "--protocol", "eas",
             "--address", "10.1.2.3")
    assert outcomes(ctl.explain(*words)["groups"][0])["risk_too_high"] \
        == "lifted_by_network"
    redis.device("BADPHONE", override="grace")
    assert outcomes(ctl.explain(*words)["groups"][0])["risk_too_high"] \
        == "lifted_by_grace"
    assert "objects, lifted by the device's override" in ctl("explain", *words)


def test_a_batch_answers_each_line_as_explain_does(ctl, redis):
    redis.seed()
    ctl("device", "alias", "GOODPHONE", "cert", CERT)
    redis.group("sales", exempt_networks="10.0.0.0/8",
                allowed_clients="Outlook*,*iPhone*")
    cases = [
        {"user": "alice", "device": "GOODPHONE", "protocol": "eas",
         "client_type": "iPhone"},
        {"user": "alice", "device": "BADPHONE", "protocol": "imap",
         "user_agent": "Outlook 9"},
        {"user": "alice", "device": "BADPHONE", "protocol": "imap",
         "binding": "secret", "address": "10.0.0.1"},
        {"user": "alice@example.com", "device": "GRACEPHONE",
         "protocol": "eas", "client_type": "iPhone", "at": "+3d"},
        {"user": "mallory", "device": "GOODPHONE", "protocol": "eas"},
        {"protocol": "web"},
        {"protocol": "web", "cert": CERT},
        {"protocol": "web", "cert": CERT, "user": "bob"},
        {"protocol": "ews", "user": "bob", "login": True},
        {"protocol": "eas", "user": "al*ce", "device": "GOODPHONE"},
        {"protocol": "eas", "user": "carol", "device": "CAROLPHONE"},
        {"protocol": "autodiscover", "user": "alice"},
    ]
    answers = batch(redis, *cases)
    assert [a["line"] for a in answers] == list(range(1, len(cases) + 1))

    for case, answer in zip(cases, answers):
        words = []
        for name, value in case.items():
            words += [f"--{name.replace('_', '-')}"]
            words += [] if value is True else [value]
        alone = ctl.explain(*words)
        for member in ("verdict", "reason", "group", "would_block",
                       "would_reason", "warn", "break_glass", "audit",
                       "binding", "step"):
            assert answer[member] == alone[member], (case, member)
        assert [g["reason"] for g in answer["groups"]] \
            == [g["reason"] for g in alone["groups"]]


def test_a_line_that_is_no_request_says_so_and_the_rest_goes_on(ctl, redis):
    redis.seed()
    good = {"id": "x1", "user": "alice", "device": "GOODPHONE",
            "protocol": "eas"}
    answers = batch(redis, good, "{", '[1]', "", dict(good, protocl="eas"),
                    dict(good, login="yes"), dict(good, protocol="gopher"),
                    dict(good, binding="certificate"), dict(good, device=7),
                    dict(good, at=1), "x" * 70000, dict(good, id=[2]),
                    '{"protocol": "eas", "protocol": "imap"}',
                    dict(good, device="A\0B"), code=2)
    assert [a["line"] for a in answers] == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11,
                                            12, 13, 14]
    assert (answers[0]["id"], answers[0]["verdict"]) == ("x1", "allow")
    errors = [a.get("error", "") for a in answers]
    for i, text in ((1, "no JSON"), (2, "no JSON object"),
                    (3, 'did you mean "protocol"?'), (4, "true or false"),
                    (5, "it expects eas"), (6, "needs cert"), (7, "no text"),
                    (9, "longer than 65536"), (11, "no JSON"),
                    (12, "no JSON")):
        assert text in errors[i], (i, errors)
    assert answers[8]["at"] == 1
    assert (answers[10]["id"], answers[10]["verdict"]) == ([2], "allow")


def test_a_batch_of_tens_of_thousands_takes_seconds(ctl, redis):
    redis.seed()
    cases = [{"user": "alice", "device": ("GOODPHONE", "BADPHONE")[i % 2],
              "protocol": "eas", "id": i} for i in range(30000)]
    start = time.monotonic()
    answers = batch(redis, *cases)
    took = time.monotonic() - start
    assert [a["id"] for a in answers] == list(range(30000))
    assert {a["reason"] for a in answers[::2]} == {"compliant"}
    assert {a["reason"] for a in answers[1::2]} == {"device_noncompliant"}
    assert took < 30, took


def test_a_request_may_come_from_a_place_that_only_reports(ctl, redis):
    redis.seed()
    answer, = batch(redis, {"user": "alice", "device": "BADPHONE",
                            "protocol": "eas", "dry_run": True})
    assert (answer["verdict"], answer["would_block"]) == ("allow", True)


# impact


@pytest.fixture
def company(ctl, redis):
    """Sales reports: alice has a good and a bad device, bob a good one, dora
    none, erin one in grace.  Frank has no group, and one device nobody."""
    ctl("group", "set", "sales")
    ctl("group", "set", "default", "unknown_user=allow")
    for name in ("alice", "bob", "dora", "erin"):
        ctl("user", "set", name, "groups=sales")
    ctl("user", "set", "frank")
    ctl("user", "set", "rescue", "break_glass=1")
    for device, owner, *rest in (
            ("ALICE1", "alice", "state=compliant"),
            ("ALICE2", "alice", "state=noncompliant"),
            ("BOB1", "bob", "state=compliant"),
            ("ERIN1", "erin", "state=grace", "grace_until=+2d"),
            ("FRANK1", "frank", "state=noncompliant"),
            ("GHOST1", "ghost", "state=compliant")):
        ctl("device", "set", device, f"owner={owner}", *rest)
    ctl("device", "set", "STRAY1", "state=retired")
    return ctl


def rows(answer):
    return {(r["change"], r["user"], r["device"], r["then"]["reason"])
            for r in answer["rows"]}


def test_impact_lists_who_would_be_blocked_and_why(company, redis):
    before = written(redis)
    answer = company.json("impact", "--group", "sales", "--mode", "enforce")
    assert answer["judged"] == {"users": 3, "devices": 4}
    assert answer["blocked"] == {
        "users": 1, "devices": 1,
        "reasons": {"device_noncompliant": {"users": 1, "devices": 1}}}
    row, = answer["rows"]
    assert row["protocols"] == ["eas", "web", "ews", "mapi", "dav", "imap",
                                "pop3", "smtp"]
    assert (row["user"], row["device"]) == ("alice", "ALICE2")
    assert row["now"] == {"verdict": "allow", "reason": "device_noncompliant"}
    assert answer["members_without_device"] == 1

    text = company("impact", "--group", "sales")
    assert "mode: report -> enforce" in text
    assert "newly blocked  1 users (33.3 %), 1 devices (25.0 %)" in text
    assert written(redis) == before
    assert record(redis, "group:sales")["mode"] == "report"
    # impact says what explain will say
    company("group", "mode", "sales", "enforce", "--force")
    assert company.explain("--user", "alice", "--device", "ALICE2",
                           "--protocol", "imap")["verdict"] == "block"
    assert company.json("impact", "--group", "sales")["rows"] == []


def test_impact_judges_any_setting_time_and_protocol(company):
    def impact(*words):
        return rows(company.json("impact", "--group", "sales", *words))

    bad = ("blocked", "alice", "ALICE2", "device_noncompliant")
    assert impact("--at", "+3d") == {
        bad, ("blocked", "erin", "ERIN1", "device_noncompliant")}
    assert impact("mode=enforce", "rollout_percent=0") == set()
    assert impact("mode=enforce", "require=known") == set()
    assert {r[2:] for r in impact("mode=enforce", "deny_protocols=imap",
                                  "--protocol", "imap")} \
        == {(d, "protocol_denied") for d in ("ALICE1", "ALICE2", "BOB1",
                                             "ERIN1")}
    strict = impact("mode=enforce", "min_binding=certificate")
    assert {r[3] for r in strict} == {"binding_too_weak"}
    company("device", "alias", "BOB1", "cert", CERT)
    assert {r[2] for r in impact("mode=enforce", "min_binding=certificate")} \
        == {"ALICE1", "ALICE2", "ERIN1"}
    # web mail is proven by its cookie, all else by nothing
    answer = company.json("impact", "--group", "sales", "mode=enforce",
                          "min_binding=secret", "rollout_percent=100")
    assert all("web" not in r["protocols"] for r in answer["rows"]
               if r["device"] == "ALICE1")
    # and back: what is blocked now would be admitted
    company("group", "mode", "sales", "enforce", "--force")
    assert impact("--mode", "report") == {
        ("admitted", "alice", "ALICE2", "device_noncompliant")}
    assert impact("unknown_device=allow") == set()


def test_impact_of_default_is_about_everybody_else(company):
    answer = company.json("impact", "--group", "default", "--mode", "enforce")
    assert rows(answer) == {
        ("blocked", "frank", "FRANK1", "device_noncompliant"),
        ("blocked", None, "STRAY1", "device_retired")}
    assert {r["device"]: r["protocols"] for r in answer["rows"]}["STRAY1"] \
        == ["web"]
    answer = company.json("impact", "--group", "default",
                          "unknown_user=block")
    assert rows(answer) == {("blocked", "ghost", "GHOST1", "user_unknown")}
    # a group that is not recorded stands for default
    company("user", "set", "bob", "groups=gone", "--force")
    company("device", "set", "BOB1", "state=noncompliant")
    assert ("blocked", "bob", "BOB1", "device_noncompliant") in rows(
        company.json("impact", "--group", "default"))


def test_impact_tells_what_no_record_tells(company):
    done = company.run("impact", "--group", "sales", "mode=enforce",
                       "allowed_clients=Outlook*",
                       "exempt_networks=10.0.0.0/8", "min_binding=secret")
    assert "1 members own no device on record" in done.stderr
    assert "allowed_clients were taken as met" in done.stderr
    assert "exempt network" in done.stderr and "its cookie" in done.stderr


def test_impact_refuses_what_it_cannot_mean(company):
    for words, code, text in (
            (["impact"], 2, "--group is missing"),
            (["impact", "--group", "slaes"], 1, 'did you mean "sales"'),
            (["impact", "--group", "sales", "--mode", "on"], 2,
             "off, report or enforce"),
            (["impact", "--group", "sales", "mod=off"], 2, "mode"),
            (["impact", "--group", "sales", "--protocol", "gopher"], 2,
             "it expects eas"),
            (["impact", "--group", "sales", "--at", "soon"], 2, "a time")):
        assert text in company(*words, code=code)


def test_impact_of_many_comes_in_pages(ctl, redis):
    redis.group("sales", mode="report")
    for i in range(1000):
        redis.user(f"u{i}", groups="sales")
        redis.cmd("SADD", "compliance:index:groups:sales", f"u{i}")
        for k in range(2):
            redis.device(f"D{i}-{k}", owner=f"u{i}", state="noncompliant"
                         if i % 10 == 0 else "compliant")
            redis.cmd("SADD", f"compliance:index:owner:u{i}", f"D{i}-{k}")
    answer = ctl.json("impact", "--group", "sales", "--limit", "7")
    assert answer["judged"] == {"users": 1000, "devices": 2000}
    assert answer["blocked"]["users"] == 100
    assert answer["blocked"]["devices"] == 200
    assert len(answer["rows"]) == 7 and answer["rows_left_out"] == 193
    done = ctl.run("impact", "--group", "sales", "--limit", "0")
    assert done.stdout.count("blocked  u") == 200
    assert "7 of 200 shown: --limit 0 shows all" in ctl.run(
        "impact", "--group", "sales", "--limit", "7").stderr


# replay, and the safety check of groups


def seen(redis, user, device, *, protocol="eas", count=1, days=0, known=True,
         source="eas", binding="owner", address="", client_type="", agent="",
         reason="compliant", user_source="credential", flags=None):
    """Counts allowed accesses as a gateway does."""
    day = time.strftime("%Y%m%d", time.gmtime(time.time() - days * 86400))
    text = "|".join([protocol, reason, user_source,
                     flags if flags is not None else "k" if known else "",
                     source, binding, device, address, client_type, agent, ""])
    redis.cmd("HINCRBY", f"compliance:seen:{day}:{user}", text, count)
    redis.cmd("SADD", f"compliance:index:seen:{day}", user)


def blocked(redis, user, device, reason, **more):
    """A gateway's record of an access that was not let in."""
    record = dict({"id": "x", "verdict": "block", "reason": reason,
                   "would_block": "", "group": "sales", "protocol": "eas",
                   "binding": "owner", "user": user, "device": device,
                   "client": "", "device_type": "", "user_agent": ""}, **more)
    redis.cmd("XADD", "compliance:audit:gw1", "*", "r", json.dumps(record))


def write(tmp_path, candidate):
    path = tmp_path / "candidate.json"
    path.write_text(candidate if isinstance(candidate, str)
                    else json.dumps(candidate))
    return str(path)


@pytest.fixture
def busy(company, redis):
    """The company, and what it did in the last days."""
    seen(redis, "alice", "ALICE1", count=60)
    seen(redis, "alice", "ALICE2", protocol="imap", source="tag", count=20,
         days=2)
    seen(redis, "bob", "BOB1", count=19, days=1)
    seen(redis, "bob", "LOSTPHONE", known=False, reason="unknown_device_allowed")
    seen(redis, "frank", "FRANK1", count=5)
    seen(redis, "allice", "ALICE1", count=3)
    seen(redis, "alice", "ALICE2", count=1000, days=9)
    return company


def test_replay_shows_what_a_change_makes_of_the_recorded_accesses(busy):
    answer = busy.json("replay", "--since", "7d", "--group", "sales",
                       "--mode", "enforce")
    assert answer["recorded"] == 108
    assert answer["judged"] == {"users": 2, "devices": 4, "accesses": 100}
    assert answer["blocked"]["accesses"] == 21
    assert answer["blocked"]["reasons"] == {
        "device_noncompliant": {"users": 1, "devices": 1, "accesses": 20},
        "device_unknown": {"users": 1, "devices": 1, "accesses": 1}}
    first, second = answer["rows"]
    assert (first["user"], first["device"], first["protocols"],
            first["accesses"], first["recorded_let_in"]) \
        == ("alice", "ALICE2", ["imap"], 20, 20)
    assert second["device"] == "LOSTPHONE"
    assert answer["user_unrecorded"] == 3
    text = busy("replay", "--group", "sales", "--mode", "enforce")
    assert "2 users (100.0 %), 2 devices (50.0 %), 21 accesses (21.0 %)" \
        in text
    assert busy.json("replay", "--since", "12d", "--group", "sales", "--mode",
                     "enforce")["blocked"]["accesses"] == 1021
    assert busy.json("replay", "--group", "sales", "--mode", "enforce",
                     "--user", "bob")["blocked"]["accesses"] == 1
    assert busy.json("replay", "--group", "sales", "--mode", "enforce",
                     "--protocol", "imap")["judged"]["accesses"] == 20


def test_replay_takes_what_was_blocked_along(busy, redis):
    busy("user", "set", "rescue", "break_glass=1")
    busy("group", "mode", "sales", "enforce", "--force")
    for _ in range(4):
        blocked(redis, "alice", "ALICE2", "device_noncompliant")
    answer = busy.json("replay", "--group", "sales", "require=known")
    assert answer["admitted"]["accesses"] == 24
    assert [(r["protocols"], r["accesses"], r["recorded_let_in"])
            for r in answer["rows"]] == [(["eas", "imap"], 24, 20)]


def test_replay_knows_proofs_addresses_and_clients(company, redis):
    seen(redis, "bob", "BOB1", protocol="web", source="cookie",
         binding="secret", user_source="owner", count=2)
    seen(redis, "bob", "BOB1", source="certificate", binding="certificate",
         count=3)
    seen(redis, "bob", "BOB1", count=4)
    def blocks(*words):
        answer = company.json("replay", "--group", "sales", "mode=enforce",
                              *words)
        return answer["blocked"]["accesses"]
    assert blocks() == 0
    assert blocks("min_binding=secret") == 4
    assert blocks("min_binding=certificate") == 6
    seen(redis, "alice", "ALICE2", address="10.1.2.3", client_type="iPhone",
         count=5)
    seen(redis, "alice", "ALICE2", address="192.0.2.1", agent="Outlook 1",
         count=7)
    assert blocks() == 12
    assert blocks("exempt_networks=10.0.0.0/8") == 7
    assert blocks("require=known", "allowed_clients=Outlook*") == 14
    assert blocks("require=known", "allowed_clients=*") == 9


def test_replay_with_a_candidate_set(busy, tmp_path):
    path = write(tmp_path, {"groups": {"sales": {"mode": "enforce",
                                                 "max_checkin_age": "7d"},
                                       "default": {"unknown_user": "block"}}})
    answer = busy.json("replay", "--with", path)
    assert answer["judged"]["accesses"] == 108
    assert set(answer["blocked"]["reasons"]) == {
        "device_out_of_contact", "device_unknown", "user_unknown"}
    # both together, the group's words last
    answer = busy.json("replay", "--with", path, "--group", "sales",
                       "mode=report")
    assert answer["blocked"]["accesses"] == 0
    # a group that is taken away leaves its members to default
    path = write(tmp_path, {"groups": {"sales": None,
                                       "default": {"mode": "enforce"}}})
    answer = busy.json("replay", "--with", path)
    assert {(r["user"], r["group"]) for r in answer["rows"]} == {
        ("alice", "default"), ("bob", "default"), ("frank", "default"),
        ("allice", "default")}


POLICY = {"name": "base", "platforms": ["ios"], "require": [
    {"attribute": "passcode", "equals": True, "reason": "no_passcode"}]}


def test_replay_judges_devices_by_the_candidates_policies(busy, redis,
                                                          tmp_path):
    busy("group", "mode", "sales", "enforce", "--force", "--max-block", "100")
    for device, passcode in (("ALICE1", True), ("BOB1", False)):
        redis.device(device, platform="ios", mdm_state="compliant",
                     updated=str(int(time.time())))
        redis.cmd("SET", f"compliance:inventory:{device}",
                  json.dumps({"passcode": passcode}))
    path = write(tmp_path, {"policies": [POLICY]})
    before = written(redis)
    answer = busy.json("replay", "--with", path)
    assert rows(answer) == {("blocked", "bob", "BOB1",
                             "device_noncompliant")}
    assert answer["judged_by_policies"] == 82
    assert written(redis) == before


def test_replay_says_what_it_cannot_judge(busy, redis):
    blocked(redis, "erased-3f2a91bc", "erased-3f2a91bc-device",
            "device_unknown", erased="1:" + "0" * 64)
    blocked(redis, "al*ce", "X", "identity_malformed", verdict="bad_request")
    busy("device", "delete", "BOB1")
    done = busy.run("replay", "--group", "sales", "--mode", "enforce")
    for text in ("1 accesses are of people who were taken out",
                 "1 accesses did not say clearly", "19 accesses are from "
                 "devices whose record is no more", "3 accesses are of users "
                 "without a record"):
        assert text in done.stderr, done.stderr


def test_replay_refuses_what_it_cannot_mean(busy, tmp_path):
    for words, text in (
            ([], "nothing differs"),
            (["--group", "sales"], "nothing differs"),
            (["mode=enforce"], "--group is missing"),
            (["--with", str(tmp_path / "none")], "none"),
            (["--group", "sales", "mode=enforce", "--since", "soon"],
             "it expects 7d"),
            (["--group", "sales", "mode=enforce", "--until", "x"],
             "a time")):
        assert text in busy("replay", *words, code=2)


BAD_CANDIDATES = [
    ("{", "line 1"), ("[]", "an object"), ("{}", "changes nothing"),
    ({"grups": {}}, 'did you mean "groups"'), ({"groups": []}, "no object"),
    ({"groups": {"Sales!": {}}}, "no group name"),
    ({"groups": {"sales": 1}}, "nor null"),
    ({"groups": {"default": None}}, "cannot be taken away"),
    ({"groups": {"sales": {"mod": "off"}}}, 'did you mean "mode"'),
    ({"groups": {"sales": {"mode": "on"}}}, "off, report or enforce"),
    ({"groups": {"sales": {"mode": True}}}, "neither a text nor a number"),
    ({"groups": {"sales": {"mode": "off"}}, "policies": {}}, "no array"),
    ({"policies": [dict(POLICY, nmae=1)]}, "policies[0]"),
    ({"policies": [POLICY, POLICY]}, 'two policies are named "base"'),
]


@pytest.mark.parametrize("candidate, text", BAD_CANDIDATES,
                         ids=range(len(BAD_CANDIDATES)))
def test_a_candidate_is_checked_before_anybody_judges_by_it(
        busy, redis, tmp_path, candidate, text):
    path = write(tmp_path, candidate)
    before = written(redis)
    for words in (("replay", "--with", path), ("candidate", "set", path)):
        assert text in busy(*words, code=2), words
    assert written(redis) == before


def test_a_candidate_is_stored_started_stopped_and_deleted(busy, redis,
                                                           tmp_path):
    path = write(tmp_path, {"groups": {"sales": {
        "mode": "enforce", "max_stale": "1h", "rollout_percent": 50}},
        "policies": [POLICY]})
    assert "candidate set FILE" in busy("candidate", "show", code=1)
    busy("candidate", "start", code=1)
    stored = busy.json("candidate", "set", path)
    assert stored["result"] == "stored" and not stored["runs"]
    kept = json.loads(redis.cmd("GET", "compliance:candidate"))
    assert kept["groups"]["sales"] == {"mode": "enforce",
                                       "max_stale": "3600",
                                       "rollout_percent": "50"}
    assert (kept["id"], kept["by"]) == (stored["id"], "tester")
    assert abs(kept["created"] - time.time()) < 60

    assert busy.json("candidate", "start")["runs"]
    assert record(redis, "meta")["candidate"] == stored["id"]
    assert busy.json("candidate", "start")["result"] == "runs already"
    shown = busy.json("candidate", "show")
    assert shown["runs"] and shown["policies"] == [POLICY]
    text = busy("candidate", "show")
    assert "group sales  max_stale=3600" in text and "policy       base" \
        in text

    assert "candidate stop" in busy("candidate", "set", path, code=4)
    other = busy.json("candidate", "set", path, "--force")
    assert other["runs"] and other["id"] != stored["id"]
    assert record(redis, "meta")["candidate"] == other["id"]
    assert not busy.json("candidate", "stop")["runs"]
    assert "candidate" not in record(redis, "meta")
    busy("candidate", "start")
    assert busy("candidate", "delete").startswith("candidate deleted")
    assert redis.cmd("EXISTS", "compliance:candidate") == 0
    assert "candidate" not in record(redis, "meta")
    busy("candidate", "delete", code=1)


def test_a_candidate_too_large_for_gateways_is_refused(ctl, redis,
                                                       tmp_path):
    policies = [{"name": f"p{n}", "require": [
        {"attribute": "a", "exists": True, "reason": "r",
         "comment": "x" * 100_000}]} for n in range(6)]
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"policies": policies}))
    assert "too large: at most 524288 bytes" in ctl(
        "candidate", "set", str(path), code=2)
    assert redis.cmd("EXISTS", "compliance:candidate") == 0


def test_a_candidates_report_sums_up_where_it_differed(busy, redis, tmp_path):
    path = write(tmp_path, {"groups": {"sales": {"mode": "enforce"}}})
    own = busy.json("candidate", "set", path)["id"]
    for _ in range(3):
        blocked(redis, "alice", "ALICE2", "report_only",
                verdict="allow", would_block="device_noncompliant",
                candidate=f"{own}:block:device_noncompliant")
    blocked(redis, "bob", "BOB1", "compliant", verdict="allow",
            candidate=f"{own}:block:device_out_of_contact")
    blocked(redis, "bob", "BOB1", "compliant", verdict="allow",
            candidate="another:block:device_out_of_contact")
    blocked(redis, "bob", "BOB1", "device_unknown")
    answer = busy.json("candidate", "report")
    assert answer["accesses"] == 4
    assert [(r["user"], r["decided"], r["candidate"], r["accesses"])
            for r in answer["rows"]] == [
        ("alice", "allow, would block device_noncompliant",
         "block device_noncompliant", 3),
        ("bob", "allow compliant", "block device_out_of_contact", 1)]
    assert "4 accesses would have been decided otherwise" in busy(
        "candidate", "report", "--limit", "1")
    assert busy.json("candidate", "report", "--since", "+1h")["rows"] == []


# The safety check


def test_enforcing_needs_a_break_glass_user(ctl, redis):
    ctl("group", "set", "sales")
    before = written(redis)
    error = ctl("group", "mode", "sales", "enforce", code=4)
    assert "no break-glass user" in error and "break_glass=1" in error
    assert "break-glass" in ctl("group", "set", "new", "mode=enforce", code=4)
    assert written(redis) == before
    ctl("user", "set", "rescue", "break_glass=1")
    ctl("group", "mode", "sales", "enforce")
    ctl("user", "set", "rescue", "break_glass=0")
    # what loosens is never in the way
    for words in (("rollout_percent=5",), ("mode=report",),
                  ("mode=off", "require=known")):
        ctl("group", "set", "sales", *words)


def test_enforcing_what_would_block_many_needs_force(busy, redis):
    before = record(redis, "group:sales")
    error = busy("group", "mode", "sales", "enforce", code=4)
    for text in ("block 21 of the 100 accesses", "21.0 %", "--max-block 10",
                 "2 users and 2 devices",
                 "device_noncompliant (20 accesses of 1 users), "
                 "device_unknown (1 accesses of 1 users)",
                 "compliancectl impact --group sales mode=enforce",
                 "compliancectl replay --since 7d --group sales mode=enforce"):
        assert text in error, text
    assert record(redis, "group:sales") == before
    busy("group", "mode", "sales", "enforce", "--max-block", "20", code=4)
    redis.cmd("HSET", "compliance:meta", "max_block", "20")
    assert "--max-block 20" in busy("group", "mode", "sales", "enforce",
                                    code=4)
    redis.cmd("HSET", "compliance:meta", "max_block", "21")
    busy("group", "mode", "sales", "enforce")
    busy("group", "mode", "sales", "report")
    done = busy.run("group", "mode", "sales", "enforce", "--max-block", "0",
                    "--force")
    assert done.returncode == 0 and "block 21 of the 100" in done.stderr


def test_every_tightening_is_checked_and_no_loosening(busy, redis):
    busy("group", "mode", "sales", "enforce", "--force")
    for words in (("deny_protocols=eas",), ("max_checkin_age=1d",),
                  ("max_risk=low",), ("min_binding=certificate",),
                  ("allowed_clients=Nothing*",), ("require=managed",)):
        assert "--force does it all the same" in busy(
            "group", "set", "sales", *words, "--max-block", "1", code=4), words
    busy("group", "set", "sales", "rollout_percent=0")
    busy("group", "set", "sales", "deny_protocols=eas")
    assert "would block" in busy("group", "set", "sales",
                                 "rollout_percent=100", code=4)
    assert "would block" in busy("group", "set", "default",
                                 "unknown_user=block", "--max-block", "5",
                                 code=4)
    busy("group", "set", "sales", "message=Call us", "support_contact=x")


def test_enforcing_names_who_was_seen_without_a_record(busy):
    done = busy.run("group", "mode", "sales", "enforce", "--force")
    assert 'Seen lately: "allice". Close it with' in done.stderr
