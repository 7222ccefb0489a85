"""A candidate set beside the live one: what it would decide otherwise is
recorded, and nothing of what is decided changes."""

import json
import time

import pytest

from harness import wait_until
from test_seen import Site


def candidate(redis, groups, name="c1", text=None):
    redis.cmd("SET", "compliance:candidate",
              text or json.dumps({"id": name, "groups": groups}))
    redis.cmd("HSET", "compliance:meta", "candidate", name)


def differences(redis):
    return [r["candidate"] for r in map(json.loads, redis.audit())
            if "candidate" in r]


def records(redis, n):
    wait_until(f"{n} records", lambda: len(redis.audit()) >= n)
    time.sleep(0.2)
    return [json.loads(r) for r in redis.audit()]


def test_only_differences_are_recorded(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    candidate(redis, {"pilot": {"mode": "enforce"}})
    assert site.eas().status == 200                              # the same
    assert site.eas("CAROLPHONE", "carol").status == 200         # other
    found = records(redis, 1)
    assert differences(redis) == ["c1:block:device_noncompliant"]
    assert found[0]["verdict"] == "allow" and found[0]["user"] == "carol"


def test_a_candidate_that_would_admit_is_recorded_and_admits_nobody(
        gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    candidate(redis, {"sales": {"mode": "report"}})
    before = len(backend.requests)
    site.eas("BADPHONE")
    assert len(backend.requests) == before
    records(redis, 1)
    assert differences(redis) == ["c1:allow:report_only"]


def test_another_set_acts_on_the_next_request(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    site.eas()
    candidate(redis, {"sales": {"deny_protocols": "eas"}}, "c1")
    site.eas()
    candidate(redis, {"sales": {"deny_protocols": "imap"}}, "c2")
    site.eas()
    candidate(redis, {"sales": {"min_binding": "certificate"}}, "c3")
    site.eas()
    redis.cmd("HDEL", "compliance:meta", "candidate")
    site.eas()
    records(redis, 2)
    assert differences(redis) == ["c1:block:protocol_denied",
                                  "c3:block:binding_too_weak"]


def test_it_lies_over_the_live_groups_as_they_change(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    candidate(redis, {"sales": {"message": "x"}})
    site.eas("CAROLPHONE", "carol")
    redis.group("pilot", mode="off")
    redis.group("sales", mode="off")
    site.eas("BADPHONE")
    redis.group("sales", mode="enforce")
    assert site.eas("BADPHONE").status != 503
    time.sleep(0.3)
    assert differences(redis) == []


def test_a_group_that_is_taken_away_stands_for_default(gateway, redis,
                                                       backend):
    redis.seed()
    redis.group("default", mode="enforce", deny_protocols="eas")
    site = Site(gateway, redis, backend)
    candidate(redis, {"sales": None})
    assert site.eas().status == 200
    records(redis, 1)
    assert differences(redis) == ["c1:block:protocol_denied"]


@pytest.mark.parametrize("text", [
    "no json", '{"groups": 7}', '{"groups": {"SALES": {}}}',
    '{"groups": {"sales": {"mode": 3}}}', '[]',
    json.dumps({"groups": {f"g{n}": {} for n in range(200)}}),
])
def test_a_broken_set_changes_nothing(gateway, redis, backend, text):
    redis.seed()
    site = Site(gateway, redis, backend)
    candidate(redis, None, text=text)
    assert site.eas().status == 200
    assert site.eas("CAROLPHONE", "carol").status == 200
    before = len(backend.requests)
    site.eas("BADPHONE")
    assert len(backend.requests) == before
    records(redis, 2)
    assert differences(redis) == []
    assert gateway.log().count("nothing is tried with it") == 1


def test_a_set_too_large_for_a_worker_changes_nothing(gateway, redis,
                                                      backend):
    """Larger than any reply may be on the connection of the lookups."""
    redis.seed()
    site = Site(gateway, redis, backend)
    candidate(redis, None, text=json.dumps(
        {"groups": {"sales": {"deny_protocols": "eas"}},
         "policies": ["x" * 3000000]}))
    for _ in range(3):
        assert site.eas().status == 200
    time.sleep(0.2)
    assert differences(redis) == []
    assert gateway.log().count("is larger than 512k") == 1


def test_a_missing_set_changes_nothing(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    redis.cmd("HSET", "compliance:meta", "candidate", "gone")
    assert site.eas().status == 200
    redis.cmd("SADD", "compliance:candidate", "of another type")
    redis.cmd("HSET", "compliance:meta", "candidate", "wrong")
    assert site.eas().status == 200
    assert "is not there or cannot be read" in gateway.log()
