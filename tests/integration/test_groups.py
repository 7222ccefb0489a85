"""A group's settings through a real nginx: each is set in the store, and acts
on the next request."""

import time

import pytest

import test_seen
from harness import basic, request, wait_until
from test_seen import EAS, Site

FUTURE = str(int(time.time()) + 86400)
PAST = str(int(time.time()) - 86400)


@pytest.fixture
def site(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    wait_until("the gateway reaches redis", lambda: site.eas().status != 503)
    return site


def passes(site, *args, **kwargs):
    before = len(site_requests(site))
    site.eas(*args, **kwargs)
    return len(site_requests(site)) > before


def site_requests(site):
    return site.backend.requests


def test_mode_acts_on_the_next_request(site, redis):
    for mode, result in (("enforce", False), ("report", True), ("off", True),
                         ("enforce", False)):
        redis.group("sales", mode=mode)
        assert passes(site, "BADPHONE") is result, mode


def test_an_enforced_group_only_reports_before_its_time(site, redis):
    redis.group("sales", enforce_from=FUTURE)
    assert passes(site, "BADPHONE")
    redis.group("sales", enforce_from=PAST)
    assert not passes(site, "BADPHONE")


def test_raising_the_rollout_never_un_enforces_anyone(site, redis):
    users = [f"user{i}" for i in range(24)]
    redis.group("ring", mode="enforce")
    for user in users:
        redis.user(user, groups="ring")
        redis.device(f"PHONE{user}", state="noncompliant", owner=user)
    blocked = set()
    for percent in (0, 10, 25, 50, 75, 100):
        redis.group("ring", rollout_percent=percent)
        now = {u for u in users if not passes(site, f"PHONE{u}", u)}
        assert blocked <= now, percent
        assert percent != 0 or now == set()
        if percent == 50:
            assert 0 < len(now) < len(users)
        blocked = now
    assert blocked == set(users)


def test_protocols_limit_the_scope_and_deny_blocks_outright(site, redis):
    redis.group("sales", protocols="web")
    assert passes(site, "BADPHONE")
    redis.group("sales", protocols="eas,web")
    assert not passes(site, "BADPHONE")
    redis.group("sales", protocols="", deny_protocols="eas")
    assert not passes(site, "GOODPHONE")


def test_an_approved_app_on_an_unmanaged_device(site, redis):
    """MAM: the device is known, not managed, and the app is the right one."""
    redis.group("sales", require="known", allowed_clients="Outlook*")
    redis.device("MYOWN", state="unknown", management="mam", owner="alice")
    assert passes(site, "MYOWN", kind="Outlook")
    assert passes(site, "MYOWN", kind="x", agent="Outlook-iOS/2.0")
    assert not passes(site, "MYOWN", kind="iPhone", agent="Mail/1.0")
    assert not passes(site, "NEVERSEEN", kind="Outlook")
    redis.group("sales", require="compliant")
    assert not passes(site, "MYOWN", kind="Outlook")


@pytest.mark.parametrize("network, result", [
    ("127.0.0.0/8", True),
    ("10.0.0.0/8", False), ("2001:db8::/32", False),
    ("10.0.0.0/8,127.0.0.1/32", True)])
def test_an_exempt_network_lifts_the_device_conditions(site, redis, network,
                                                       result):
    redis.group("sales", exempt_networks=network)
    assert passes(site, "BADPHONE") is result
    redis.device("BADPHONE", override="block")
    assert not passes(site, "BADPHONE")


@pytest.mark.parametrize("network, result", [
    ("2001:db8:1::/48", True), ("2001:db8:1:2::7/128", True),
    ("2001:db8:2::/48", False), ("0.0.0.0/0", False)])
def test_an_exempt_ipv6_network(gateway, redis, backend, network, result):
    redis.seed()
    redis.group("sales", exempt_networks=network)
    http = test_seen.HTTP.replace(
        "set_real_ip_from 127.0.0.1;",
        "set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;")
    old, test_seen.HTTP = test_seen.HTTP, http
    try:
        site = Site(gateway, redis, backend)
    finally:
        test_seen.HTTP = old
    before = len(backend.requests)
    request(site.port, "POST", f"{EAS}?Cmd=Sync&User=alice&DeviceId=BADPHONE"
            "&DeviceType=x", {"Authorization": basic("alice"),
                              "MS-ASProtocolVersion": "14.1",
                              "X-Real-IP": "2001:db8:1:2::7"}, b"")
    assert (len(backend.requests) > before) is result


def test_unknown_users_are_of_default_and_its_unknown_user_acts(site, redis):
    redis.device("STRAYPHONE", state="compliant", owner="stranger")
    assert not passes(site, "STRAYPHONE", "stranger")
    redis.group("default", mode="off")
    assert not passes(site, "STRAYPHONE", "stranger")   # whatever the mode
    redis.group("default", unknown_user="allow")
    assert passes(site, "STRAYPHONE", "stranger")


def test_a_leaver_gets_nowhere(site, redis):
    redis.group("sales", mode="off")
    redis.user("alice", blocked="1")
    assert not passes(site, "GOODPHONE")
    redis.user("alice", blocked="0")
    assert passes(site, "GOODPHONE")


def test_an_override_of_grace_ends_at_its_time(site, redis):
    redis.device("BADPHONE", override="grace", override_until=FUTURE)
    assert passes(site, "BADPHONE")
    redis.device("BADPHONE", override_until=PAST)
    assert not passes(site, "BADPHONE")


def test_an_override_of_block_holds_whatever_the_state(site, redis):
    redis.device("GOODPHONE", override="block")
    assert not passes(site, "GOODPHONE")
    redis.device("GOODPHONE", override_until=PAST)
    assert passes(site, "GOODPHONE")


def test_risk_and_last_contact(site, redis):
    redis.group("sales", max_risk="low")
    redis.device("GOODPHONE", risk="high")
    assert not passes(site, "GOODPHONE")
    redis.device("GOODPHONE", risk="low")
    assert passes(site, "GOODPHONE")
    redis.group("sales", max_checkin_age="3600")
    redis.device("GOODPHONE", last_checkin=PAST)
    assert not passes(site, "GOODPHONE")
    redis.device("GOODPHONE", last_checkin=str(int(time.time())))
    assert passes(site, "GOODPHONE")
