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
                    (12, "no text")):
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
