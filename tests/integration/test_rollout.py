"""A phased roll-out, end to end: report, ten per cent, fifty, everybody, and
back; a real nginx lets people in, and at each step an admin looks at what he
would look at."""


import concurrent.futures

import pytest

from harness import wait_until
from test_ctl import Ctl
from test_seen import Site, total

PEOPLE = 60
GOOD_ONES = 45        # the others' phones are out of date


class Company:
    """Sixty people of one group, each with a phone; a quarter of the phones
    are not compliant."""

    def __init__(self, gateway, redis, backend):
        self.redis, self.backend = redis, backend
        self.ctl = Ctl(redis)
        self.ctl("group", "set", "default", "mode=report")
        self.ctl("group", "set", "sales", "mode=report")
        self.ctl("user", "set", "rescue", "break_glass=1")
        self.people = [f"person{n}" for n in range(PEOPLE)]
        for n, name in enumerate(self.people):
            redis.user(name, groups="sales")
            redis.cmd("SADD", "compliance:index:groups:sales", name)
            state = "compliant" if n < GOOD_ONES else "noncompliant"
            redis.device(f"PHONE{n}", state=state, owner=name,
                         platform="ios", reasons="os_outdated")
            for field, value in (("state", state), ("owner", name),
                                 ("platform", "ios")):
                redis.cmd("SADD", f"compliance:index:{field}:{value}",
                          f"PHONE{n}")
        self.site = Site(gateway, redis, backend, interval="100ms")

    def day(self):
        """Everybody reads mail once; who got it."""
        # at once: whoever is blocked again is kept waiting for it
        with concurrent.futures.ThreadPoolExecutor(PEOPLE) as pool:
            answers = pool.map(
                lambda n: self.site.eas(f"PHONE{n}", self.people[n]).body,
                range(PEOPLE))
            return {name for name, answer in zip(self.people, answers)
                    if answer == b"backend"}

    def bucket(self, name):
        return self.ctl.explain("--user", name, "--device", "PHONE0",
                                "--protocol", "eas")["bucket"]


@pytest.fixture
def company(gateway, redis, backend):
    return Company(gateway, redis, backend)


def blocks(company):
    return {row["user"]: row
            for row in company.ctl.json("report", "blocks", "--limit", "0")}


def test_a_phased_roll_out(company, redis):
    ctl, people = company.ctl, set(company.people)
    bad = {name for n, name in enumerate(company.people) if n >= GOOD_ONES}

    # 1. report: everybody gets in, and who would not is on record
    assert company.day() == people
    wait_until("records and counts arrive", lambda: len([
        r for r in redis.audit() if '"would_block":"device_noncompliant"' in r])
        == len(bad) and sum(total(redis, p) for p in people - bad)
        == GOOD_ONES)
    seen = blocks(company)
    assert set(seen) == bad
    assert all(row["reason"] == "device_noncompliant" for row in seen.values())
    row, = ctl.json("report", "trend")
    assert (row["allowed"], row["would_block"], row["blocked"]) \
        == (GOOD_ONES, len(bad), 0)
    row, = [r for r in ctl.json("report", "devices") if r["platform"] == "ios"]
    assert (row["compliant"], row["noncompliant"]) == (GOOD_ONES, len(bad))

    told = ctl.json("impact", "--group", "sales", "--mode", "enforce")
    assert told["blocked"]["users"] == told["blocked"]["devices"] == len(bad)
    told = ctl.json("replay", "--since", "1d", "--group", "sales", "--mode",
                    "enforce")
    assert told["blocked"]["users"] == len(bad)

    # 2. ten per cent: a quarter would be too many at once
    error = ctl("group", "mode", "sales", "enforce", code=4)
    assert "25" in error and "impact" in error and "--force" in error
    assert company.day() == people
    ctl("group", "set", "sales", "mode=enforce", "rollout_percent=10",
        "--max-block", "100")
    ten = people - company.day()
    assert ten == {name for name in bad if company.bucket(name) < 10}

    # 3. fifty: nobody who was enforced is let out again
    ctl("group", "set", "sales", "rollout_percent=50", "--max-block", "100")
    fifty = people - company.day()
    assert ten <= fifty == {name for name in bad
                            if company.bucket(name) < 50}
    assert 0 < len(fifty) < len(bad)

    # 4. everybody
    ctl("group", "set", "sales", "rollout_percent=100", "--max-block", "100")
    assert people - company.day() == bad
    wait_until("blocks arrive", lambda: {
        row["user"] for row in ctl.json("report", "blocks", "--limit", "0")
        if row["outcome"] == "blocked"} == bad)
    row, = ctl.json("report", "trend")
    assert row["blocked"] == len(ten) + len(fifty) + len(bad)
    assert "device_noncompliant" in ctl(
        "explain", "--user", max(bad), "--device",
        f"PHONE{company.people.index(max(bad))}", "--protocol", "eas")

    # one phone is put right, and its owner is back at once
    ctl("device", "set", f"PHONE{PEOPLE - 1}", "state=compliant", "reasons=")
    assert people - company.day() == bad - {company.people[-1]}
    ctl("undo")
    assert people - company.day() == bad

    # 5. and back, a step at a time, each on the next request
    assert "rollout_percent=100" in ctl("undo")
    assert people - company.day() == fifty
    ctl("undo")
    assert people - company.day() == ten
    ctl("undo")
    assert company.day() == people
    assert ctl.json("group", "get", "sales")["mode"] == "report"

    changes = [line for line in ctl("audit", "tail", "--node", "@admin",
                                    "-n", "100").splitlines()]
    assert sum("undo" in line for line in changes) == 4
    ctl("audit", "verify")
