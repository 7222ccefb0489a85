"""import ldap against a real slapd: who becomes a user, whose a name is, which
groups follow the directory, and that a read that breaks off changes nothing."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from directory_lab import (PASSWORD, READER, SUFFIX, FakeDirectory, Slapd,
                           group, group_dn, ldif, person, person_dn,
                           write_settings)
from harness import Certificates
from test_ctl import CTL, Ctl, members, record, written


@pytest.fixture
def ctl(redis):
    ctl = Ctl(redis)
    ctl("group", "set", "sales", "mode=report")
    ctl("group", "set", "pilot", "mode=report")
    return ctl


@pytest.fixture
def slapd(tmp_path, certificates, request):
    """With what the test's `entries` marker says."""
    servers = []

    def start(entries="", **options):
        servers.append(Slapd(tmp_path / f"slapd{len(servers)}", certificates,
                             entries, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def load(ctl, settings, *options, code=0):
    """The report of an import as JSON."""
    done = ctl.run("--json", "import", "ldap", settings, *options, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert PASSWORD not in done.stdout + done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def counts(report, *names):
    return tuple(report[n] for n in names or ("created", "changed",
                                              "unchanged", "refused"))


def aliases(redis, name):
    return members(redis, f"index:user_alias_of:{name}")


def leads_to(redis, alias):
    value = redis.cmd("GET", f"compliance:alias:user:{alias}")
    return value and value.decode()


def users(redis):
    return {k.decode().removeprefix("compliance:user:")
            for k in redis.cmd("KEYS", "compliance:user:*")}


def everything(redis):
    """The whole store as text, but for what an import leaves of itself."""
    found = {}
    for key in redis.cmd("KEYS", "*"):
        kind = redis.cmd("TYPE", key)
        name = key.decode()
        if kind == b"string":
            found[name] = redis.cmd("GET", key)
        elif kind == b"hash" and not name.endswith(":meta"):
            found[name] = record(redis, name.removeprefix("compliance:"))
        elif kind == b"set":
            found[name] = sorted(redis.cmd("SMEMBERS", key))
    return found


# Users, names, groups


def test_users_come_with_their_names_groups_and_languages(ctl, redis, slapd):
    server = slapd(
        person("alice", mail="Alice@Example.com", displayName="Alice Müller",
               preferredLanguage="de_DE, en;q=0.5")
        + person("Bob", mail=["bob@example.com", "robert@example.com"])
        + group("sales", [person_dn("alice")]))
    settings = server.settings(group__sales=group_dn("sales"), domain="DEMO")
    report = load(ctl, settings)
    assert counts(report) == (2, 0, 0, 0)
    assert report["groups"] == {"sales": {"members": 1, "nested": 0,
                                          "others": 0}}
    alice = record(redis, "user:alice")
    assert alice["groups"] == "sales"
    assert alice["break_glass"] == "0"
    assert alice["display_name"] == "Alice Müller"
    assert alice["locale"] == "de-DE"
    assert alice["directory"] == "ldap"
    assert aliases(redis, "alice") == {"alice@example.com", "demo\\alice"}
    assert leads_to(redis, "demo\\alice") == "alice"
    assert aliases(redis, "bob") == {"bob@example.com", "robert@example.com",
                                     "demo\\bob"}
    assert members(redis, "index:groups:sales") == {"alice"}
    assert members(redis, "index:directory:ldap") == {"alice", "bob"}
    assert ctl.explain("--user", "DEMO\\Alice", "--protocol", "eas",
                       "--device", "X")["group"] == "sales"
    stored = json.loads(redis.cmd("HGET", "compliance:meta", "import:ldap"))
    assert stored["created"] == 2 and stored["by"] == "tester"


def test_thousands_come_page_by_page_and_unchanged_ones_are_not_written(
        ctl, redis, slapd):
    # without paging, slapd gives this reader 500 entries and an error
    server = slapd("".join(person(f"user{i:04}", mail=f"u{i}@example.com")
                           for i in range(3000))
                   + group("sales", [person_dn(f"user{i:04}")
                                     for i in range(0, 3000, 3)]),
                   page=100)
    settings = server.settings(group__sales=group_dn("sales"), page_size=100)
    report = load(ctl, settings)
    assert counts(report) == (3000, 0, 0, 0)
    assert report["groups"]["sales"]["members"] == 1000
    assert redis.cmd("SCARD", "compliance:index:groups:sales") == 1000
    assert leads_to(redis, "u2999@example.com") == "user2999"

    before, stored = written(redis), everything(redis)
    assert counts(load(ctl, settings)) == (0, 0, 3000, 0)
    assert written(redis) - before <= 3      # what it keeps of the run itself
    assert everything(redis) == stored

    server.replace(person_dn("user0001"), mail="new@example.com")
    assert counts(load(ctl, settings)) == (0, 1, 2999, 0)
    assert leads_to(redis, "new@example.com") == "user0001"
    assert leads_to(redis, "u1@example.com") is None
    assert aliases(redis, "user0001") == {"new@example.com"}


def test_nested_groups_are_resolved_and_a_loop_ends(ctl, redis, slapd):
    server = slapd(
        "".join(person(n) for n in ("alice", "bob", "carol", "dave"))
        + group("sales", [person_dn("alice"), group_dn("north")])
        # another spelling of the same DNs
        + group("north", [f"UID = Bob , OU=People,{SUFFIX}",
                          group_dn("deep")])
        + group("deep", [person_dn("carol"), group_dn("sales"),
                         group_dn("deep")])
        + group("others", [person_dn("dave")]))
    settings = server.settings(group__sales=group_dn("Sales"))
    report = load(ctl, settings)
    assert members(redis, "index:groups:sales") == {"alice", "bob", "carol"}
    assert report["groups"]["sales"] == {"members": 3, "nested": 2,
                                         "others": 0}

    settings = server.settings(group__sales=group_dn("sales"), nested="no")
    load(ctl, settings, "--yes")
    assert members(redis, "index:groups:sales") == {"alice"}


def test_groups_of_other_kinds_and_filters(ctl, redis, slapd):
    server = slapd(
        person("alice") + person("bob", departmentNumber="7") + person("carol")
        + ldif(f"cn=posix,ou=groups,{SUFFIX}", objectClass="posixGroup",
               cn="posix", gidNumber="7", memberUid=["alice", "nobody"])
        + ldif(f"cn=unique,ou=groups,{SUFFIX}",
               objectClass="groupOfUniqueNames", cn="unique",
               uniqueMember=[person_dn("carol"), "uid=gone,dc=elsewhere"]))
    settings = server.settings(
        group__sales=[group_dn("posix"), group_dn("unique")],
        group__pilot="(departmentNumber=7)")
    report = load(ctl, settings)
    assert members(redis, "index:groups:sales") == {"alice", "carol"}
    assert members(redis, "index:groups:pilot") == {"bob"}
    assert report["groups"]["sales"]["others"] == 2


def test_groups_set_by_hand_and_break_glass_stay(ctl, redis, slapd):
    server = slapd(person("alice") + person("root")
                   + group("sales", [person_dn("alice")])
                   + group("pilot", [person_dn("root")]))
    ctl("group", "set", "byhand", "mode=report")
    ctl("user", "set", "alice", "groups=byhand,pilot", "display_name=Ally")
    ctl("user", "set", "root", "break_glass=1")
    settings = server.settings(group__sales=group_dn("sales"),
                               group__pilot=group_dn("pilot"))
    assert counts(load(ctl, settings)) == (0, 2, 0, 0)
    # pilot is mapped: the directory says who is in it
    assert record(redis, "user:alice")["groups"] == "byhand,sales"
    assert record(redis, "user:alice")["display_name"] == "Ally"
    assert record(redis, "user:root")["break_glass"] == "1"
    assert members(redis, "index:break_glass:1") == {"root"}
    assert members(redis, "index:groups:pilot") == {"root"}

    server.replace(group_dn("sales"), member=person_dn("root"))
    load(ctl, settings, "--yes")
    assert record(redis, "user:alice")["groups"] == "byhand"
    assert record(redis, "user:root")["groups"] == "pilot,sales"


def test_a_name_of_two_persons_goes_to_neither(ctl, redis, slapd):
    server = slapd(person("alice", mail=["shared@example.com", "a@x.org"])
                   + person("bob", mail="shared@example.com")
                   + person("carol", mail="Shared@Example.com")
                   + person("dave", mail="alice"))
    settings = server.settings()
    done = ctl.run("import", "ldap", settings)
    assert done.returncode == 0
    assert "shared@example.com: another name of alice and of bob; it is " \
           "given to neither" in done.stderr
    assert "alice: another name of dave, but the login of somebody else" \
        in done.stderr
    assert leads_to(redis, "shared@example.com") is None
    assert leads_to(redis, "alice") is None
    assert aliases(redis, "alice") == {"a@x.org"}
    report = load(ctl, settings)
    assert report["contested"] == 3

    # once one of them gives it up, the other has it
    server.replace(person_dn("alice"), mail="a@x.org")
    server.replace(person_dn("carol"), mail="c@x.org")
    load(ctl, settings)
    assert leads_to(redis, "shared@example.com") == "bob"
    # and he loses it when it becomes two persons' again
    server.replace(person_dn("alice"), mail="shared@example.com")
    load(ctl, settings)
    assert leads_to(redis, "shared@example.com") is None
    assert aliases(redis, "bob") == set()
    assert "directory_aliases" not in record(redis, "user:bob")


def test_a_name_that_an_administrator_gave_is_not_taken(ctl, redis, slapd):
    server = slapd(person("alice", mail=["hand@example.com", "own@x.org"])
                   + person("bob"))
    ctl("user", "set", "zoe", "alias=hand@example.com")
    ctl("user", "set", "own@x.org", "display_name=Own")
    settings = server.settings()
    done = ctl.run("import", "ldap", settings)
    assert done.returncode == 0
    assert "hand@example.com: another name of alice, but it leads to zoe, " \
           "who keeps it" in done.stderr
    assert "compliancectl user unalias zoe hand@example.com" in done.stderr
    assert "own@x.org: another name of alice, but a user with a record of " \
           "its own" in done.stderr
    assert leads_to(redis, "hand@example.com") == "zoe"
    assert leads_to(redis, "own@x.org") is None
    assert "alice" in users(redis)

    ctl("user", "unalias", "zoe", "hand@example.com")
    ctl("user", "delete", "own@x.org")
    load(ctl, settings)
    assert aliases(redis, "alice") == {"hand@example.com", "own@x.org"}


def test_a_login_that_is_anothers_alias_is_refused(ctl, redis, slapd):
    server = slapd(person("alice") + person("bob"))
    ctl("user", "set", "zoe", "alias=alice")
    report = load(ctl, server.settings())
    assert counts(report) == (1, 0, 0, 1)
    assert users(redis) == {"bob", "zoe"}
    assert leads_to(redis, "alice") == "zoe"


def test_names_move_with_their_persons(ctl, redis, slapd):
    server = slapd(person("alice", mail="office@example.com")
                   + person("bob", mail="bob@example.com")
                   + person("carol", mail="carol@example.com"))
    settings = server.settings()
    load(ctl, settings)
    # a mailbox changes hands in both directions; carol marries
    server.replace(person_dn("alice"), mail="bob@example.com")
    server.replace(person_dn("bob"), mail="office@example.com")
    server.delete(person_dn("carol"))
    server.add(person("carola", mail="carol@example.com"))
    report = load(ctl, settings, "--dry-run")
    assert counts(report) == (1, 2, 0, 0) and report["contested"] == 0
    assert leads_to(redis, "office@example.com") == "alice"
    report = load(ctl, settings)
    assert counts(report) == (1, 2, 0, 0)
    assert report["vanished_users"] == ["carol"]
    assert leads_to(redis, "office@example.com") == "bob"
    assert leads_to(redis, "bob@example.com") == "alice"
    assert leads_to(redis, "carol@example.com") == "carola"
    assert aliases(redis, "carol") == set()
    assert "directory_aliases" not in record(redis, "user:carol")
    assert counts(load(ctl, settings)) == (0, 0, 3, 0)

    # a former alias becomes somebody's login
    server.add(person("office@example.com"))
    server.replace(person_dn("bob"), mail="b@example.com")
    assert counts(load(ctl, settings)) == (1, 1, 2, 0)
    assert leads_to(redis, "office@example.com") is None
    assert "office@example.com" in users(redis)


def test_who_vanished_is_told_and_only_full_takes_his_groups(ctl, redis,
                                                             slapd):
    server = slapd("".join(person(n, mail=f"{n}@example.com")
                           for n in ("alice", "bob", "carol"))
                   + group("sales", [person_dn("bob"), person_dn("alice")]))
    ctl("group", "set", "byhand", "mode=report")
    settings = server.settings(group__sales=group_dn("sales"))
    load(ctl, settings)
    ctl("user", "set", "bob", "groups=sales,byhand")
    server.delete(person_dn("bob"))

    before = record(redis, "user:bob")
    out = ctl("import", "ldap", settings)
    assert "vanished       1, no longer in the directory; --full" in out
    assert "    bob\n" in out
    assert record(redis, "user:bob") == before

    assert "--max-change" in load(ctl, settings, "--full", code=4)
    assert record(redis, "user:bob") == before
    report = load(ctl, settings, "--full", "--yes", "--keep-unknown-user")
    assert report["vanished_users"] == ["bob"] and report["marked"] == 1
    bob = record(redis, "user:bob")
    assert bob["groups"] == "byhand"
    assert abs(int(bob["vanished_since"]) - time.time()) < 60
    assert "blocked" not in bob
    assert members(redis, "index:groups:sales") == {"alice"}
    assert leads_to(redis, "bob@example.com") == "bob"
    assert load(ctl, settings, "--full")["marked"] == 0

    settings = server.settings(group__sales=group_dn("sales"),
                               vanished="block")
    load(ctl, settings, "--full", "--yes", "--keep-unknown-user")
    assert record(redis, "user:bob")["blocked"] == "1"
    assert members(redis, "index:blocked:1") == {"bob"}

    server.add(person("bob", mail="bob@example.com"))
    assert counts(load(ctl, settings, "--yes")) == (0, 1, 2, 0)
    bob = record(redis, "user:bob")
    assert "blocked" not in bob and "vanished_since" not in bob
    assert members(redis, "index:blocked:1") == set()


def ad_user(account, control=512, **attributes):
    return ldif(f"cn={account} Person,ou=people,{SUFFIX}",
                objectClass=["user", "extensibleObject"],
                cn=f"{account} Person", sn=account,
                instanceType="4", nTSecurityDescriptor="x",
                objectCategory=f"cn=person,{SUFFIX}", sAMAccountName=account,
                userAccountControl=str(control), **attributes)


AD = {"preset": "ad", "user_filter": "(objectClass=user)", "domain": "DEMO"}


def test_the_active_directory_preset(ctl, redis, slapd):
    server = slapd(ad_user(
        "Alice", userPrincipalName="alice@corp.example.com",
        mail="alice@example.com", displayName="Alice A.",
        proxyAddresses=["SMTP:alice@example.com", "smtp:a.a@example.com",
                        "X500:/o=Org/cn=alice", "sip:alice@example.com"]))
    load(ctl, server.settings(**AD))
    assert users(redis) == {"alice"}
    assert aliases(redis, "alice") == {
        "alice@corp.example.com", "alice@example.com", "a.a@example.com",
        "demo\\alice"}

    redis.cmd("FLUSHALL")
    load(ctl, server.settings(**AD, login="mail"))
    assert users(redis) == {"alice@example.com"}
    assert "alice" in aliases(redis, "alice@example.com")


def test_disabled_accounts_are_told_and_blocked_where_it_is_wanted(
        ctl, redis, slapd):
    server = slapd(ad_user("alice", 514) + ad_user("bob", 66050)
                   + ad_user("carol") + ad_user("root", 514))
    ctl("user", "set", "root", "break_glass=1")
    ctl("user", "set", "bob", "blocked=1")
    settings = server.settings(**AD)
    report = load(ctl, settings)
    assert report["disabled"] == 3
    assert members(redis, "index:blocked:1") == {"bob"}
    assert "disabled       3, not blocked" in ctl("import", "ldap", settings)

    settings = server.settings(**AD, disabled="block")
    load(ctl, settings, "--yes", "--keep-unknown-user")
    assert record(redis, "user:alice")["blocked_by"] == "ldap"
    assert members(redis, "index:blocked:1") == {"alice", "bob"}
    assert "blocked" not in record(redis, "user:root")

    # the directory takes back its own block, and no administrator's
    for name in ("alice", "bob"):
        server.replace(f"cn={name} Person,ou=people,{SUFFIX}",
                       userAccountControl="512")
    load(ctl, settings, "--yes")
    assert members(redis, "index:blocked:1") == {"bob"}

    server.replace(f"cn=alice Person,ou=people,{SUFFIX}",
                   userAccountControl="514")
    load(ctl, settings, "--yes")
    ctl("user", "set", "alice", "blocked=1")
    assert "blocked_by" not in record(redis, "user:alice")
    server.replace(f"cn=alice Person,ou=people,{SUFFIX}",
                   userAccountControl="512")
    load(ctl, settings, "--yes")
    assert members(redis, "index:blocked:1") == {"alice", "bob"}


def test_entries_that_cannot_be_users_are_told_and_the_rest_goes_in(
        ctl, redis, slapd):
    second = f"ou=branch,ou=people,{SUFFIX}"
    server = slapd(
        person("alice")
        + ldif(second, objectClass="organizationalUnit", ou="branch")
        + person("bob") + person("BOB", base=second)
        + person("star*") + person("carol", displayName="x" * 200,
                                   mail=["a,b@example.com", "c@example.com"])
        + ldif(f"uid=dave,{second}", objectClass="inetOrgPerson",
               uid=["dave", "david"], cn="d", sn="d")
        + ldif(f"cn=two,{second}", objectClass="inetOrgPerson",
               uid=["one", "two"], cn="two", sn="t")
        + ldif(f"cn=none,{second}", objectClass="inetOrgPerson",
               cn="none", sn="n"))
    done = ctl.run("import", "ldap", server.settings())
    assert done.returncode == 0
    assert users(redis) == {"alice", "carol", "dave"}
    assert "bob: two entries have this login; neither is imported" \
        in done.stderr
    assert 'uid "star*" is no name' in done.stderr
    assert "has several values of uid" in done.stderr
    assert "has no uid" in done.stderr
    assert "refused        5" in done.stdout
    assert 'mail "a,b@example.com" cannot be used' in done.stderr
    assert aliases(redis, "carol") == {"c@example.com"}


def test_overlapping_bases_are_one_directory(ctl, redis, slapd):
    server = slapd(person("alice") + person("bob"))
    report = load(ctl, server.settings(user_base=[f"ou=people,{SUFFIX}",
                                                  SUFFIX]))
    assert counts(report) == (2, 0, 0, 0)


def test_two_directories_do_not_fight_over_a_user(ctl, redis, slapd):
    one, two = slapd(person("alice")), slapd(person("alice") + person("bob"))
    load(ctl, one.settings(name="one"))
    done = ctl.run("import", "ldap", two.settings(name="two"))
    assert done.returncode == 0
    assert 'alice: he is kept from the directory "one"' in done.stderr
    assert record(redis, "user:alice")["directory"] == "one"
    assert members(redis, "index:directory:two") == {"bob"}
    # handed over by hand
    ctl("user", "set", "alice", "directory=")
    load(ctl, two.settings(name="two"))
    assert record(redis, "user:alice")["directory"] == "two"


# Safety


def test_a_large_change_is_asked_about(ctl, redis, slapd):
    names = [f"user{i}" for i in range(20)]
    server = slapd("".join(person(n) for n in names)
                   + group("sales", [person_dn(n) for n in names]))
    settings = server.settings(group__sales=group_dn("sales"))
    load(ctl, settings)
    server.replace(group_dn("sales"), member=[person_dn(n)
                                              for n in names[:17]])
    stored = everything(redis)
    report = load(ctl, settings, "--dry-run")
    assert counts(report) == (0, 3, 17, 0) and report["dry_run"]
    assert everything(redis) == stored
    error = load(ctl, settings, code=4)
    assert "the groups or the block of 3" in error and "of the 20" in error
    assert "nothing was written" in error
    assert everything(redis) == stored
    assert counts(load(ctl, settings, "--max-change", "15")) == (0, 3, 17, 0)
    assert redis.cmd("SCARD", "compliance:index:groups:sales") == 17


def test_a_dry_run_says_what_a_run_then_does(ctl, redis, slapd):
    server = slapd(person("alice", mail="a@example.com") + person("bob")
                   + group("sales", [person_dn("bob")]))
    settings = server.settings(group__sales=group_dn("sales"))
    before = everything(redis)
    look = load(ctl, settings, "--dry-run")
    assert everything(redis) == before
    assert redis.cmd("HGET", "compliance:meta", "import:ldap") is None
    real = load(ctl, settings)
    assert counts(look) == counts(real) and look["groups"] == real["groups"]


@pytest.mark.parametrize("change, says", [
    ({"password_file": "@wrong"}, "check bind_dn and password_file"),
    ({"bind_dn": "cn=nobody,dc=example,dc=com"}, "check bind_dn"),
    ({"ca_file": "@other"}, "is it signed by an authority of ca_file"),
    ({"ca_file": "/nonexistent"}, "cannot read the authorities"),
    ({"url": "@plain"}, "without TLS would send the password"),
    ({"url": "ldaps://127.0.0.1:1"}, "is it running there"),
    ({"user_base": "ou=typo,dc=example,dc=com"}, "check user_base"),
    ({"user_filter": "(objectClass=inetOrgPerson"}, "check the filters"),
    ({"user_filter": "(objectClass=device)"}, "has no user"),
    ({"group.sales": "cn=typo,ou=groups,dc=example,dc=com"},
     'the directory has no group "cn=typo'),
    ({"group.nosuch": "cn=sales,ou=groups,dc=example,dc=com"},
     'there is no group "nosuch"'),
    ({"bind_dn": None, "password_file": None}, "check user_base"),
])
def test_what_goes_wrong_is_named_and_nothing_is_written(
        ctl, redis, slapd, tmp_path, change, says):
    server = slapd(person("alice") + group("sales", [person_dn("alice")]))
    change = dict(change)
    if change.get("password_file") == "@wrong":
        (tmp_path / "wrong").write_text("canary-wrong-password\n")
        change["password_file"] = tmp_path / "wrong"
        (tmp_path / "wrong").chmod(0o600)
    if change.get("ca_file") == "@other":
        change["ca_file"] = Certificates(tmp_path / "other").ca
    if change.get("url") == "@plain":
        change["url"] = f"ldap://127.0.0.1:{server.port}"
    before = everything(redis)
    done = ctl.run("import", "ldap", server.settings(**change),
                   env={"LDAPTLS_REQCERT": "never"})
    assert done.returncode in (2, 3, 4, 5), done.stdout
    assert says in done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert everything(redis) == before


def test_a_certificate_of_another_host_is_refused(ctl, redis, slapd,
                                                  certificates):
    server = slapd(person("alice"))
    good = certificates.server
    try:
        certificates.server = certificates.issue("elsewhere",
                                                 "DNS:elsewhere.example.com")
        other = slapd(person("alice"))
    finally:
        certificates.server = good
    assert "does its certificate name that host" in load(
        ctl, other.settings(), code=3)
    assert users(redis) == set()
    load(ctl, server.settings())
    assert users(redis) == {"alice"}


def test_starttls_is_verified_too(ctl, redis, slapd, tmp_path):
    server = slapd(person("alice"))
    url = f"ldap://127.0.0.1:{server.port}"
    error = load(ctl, server.settings(
        url=url, starttls="yes", ca_file=Certificates(tmp_path / "o").ca),
        code=3)
    assert "gives no TLS" in error
    assert users(redis) == set()
    load(ctl, server.settings(url=url, starttls="yes"))
    assert users(redis) == {"alice"}


def test_plain_is_for_this_machine_and_asked_for(ctl, redis, slapd):
    server = slapd(person("alice"))
    load(ctl, server.settings(url=f"ldap://127.0.0.1:{server.port}",
                              plain="yes", ca_file=None))
    assert users(redis) == {"alice"}
    for host in ("10.0.0.1", "127.example.com", "ldap.example.com"):
        error = load(ctl, server.settings(url=f"ldap://{host}:389",
                                          plain="yes"), code=2)
        assert "in the clear" in error


class Silent:
    """Accepts, and says nothing; agrees to StartTLS where it is told to."""

    def __init__(self, agrees=False):
        self.agrees = agrees
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.clients = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.clients.append(self.listener.accept())
                if self.agrees:
                    client = self.clients[-1][0]
                    number = client.recv(100)[4:5]
                    client.sendall(b"\x30\x0c\x02\x01" + number
                                   + b"\x78\x07\x0a\x01\0\x04\0\x04\0")
            except OSError:
                return

    def stop(self):
        self.listener.close()
        for client, _ in self.clients:
            client.close()


@pytest.mark.parametrize("lines", [
    {"url": "ldaps://127.0.0.1:@"},
    {"url": "ldap://127.0.0.1:@", "starttls": "yes"},
    {"url": "ldap://127.0.0.1:@", "starttls": "yes", "agrees": "yes"},
    {"url": "ldap://127.0.0.1:@", "plain": "yes"},
])
def test_a_silent_server_ends_in_the_timeout(ctl, redis, slapd, lines):
    lines = dict(lines)
    server = slapd(person("alice"))
    silent = Silent(lines.pop("agrees", None) == "yes")
    try:
        lines = {k: v.replace("@", str(silent.port)) for k, v in lines.items()}
        begun = time.monotonic()
        error = load(ctl, server.settings(**lines, timeout="1s"), code=3)
        assert time.monotonic() - begun < 10
        assert "Nothing was written" in error
    finally:
        silent.stop()


def test_a_server_that_freezes_between_pages_changes_nothing(ctl, redis,
                                                             slapd):
    server = slapd("".join(person(f"user{i:05}") for i in range(20000)))
    settings = server.settings(page_size=5, timeout="2s")
    process = subprocess.Popen(
        [CTL, "--redis", f"unix:{redis.socket}", "import", "ldap", settings],
        stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    assert process.poll() is None
    server.process.signal(signal.SIGSTOP)
    try:
        _, error = process.communicate(timeout=30)
    finally:
        server.process.signal(signal.SIGCONT)
    assert process.returncode == 3 and "stopped answering" in error
    assert users(redis) == set()


def test_a_server_that_gives_only_a_part_changes_nothing(ctl, redis, slapd):
    """An entry limit that holds for paged results, too."""
    server = slapd("".join(person(f"user{i}") for i in range(60)))
    server.stop()
    server.conf.write_text(server.conf.read_text().replace(
        "size.prtotal=unlimited", "size.prtotal=20"))
    server.start()
    error = load(ctl, server.settings(page_size=10), code=3)
    assert "it gives only so many entries" in error or "limit" in error
    assert users(redis) == set()


@pytest.mark.parametrize("text, says", [
    ("urll = ldaps://x\n", 'no setting "urll"; did you mean url'),
    ("just words\n", 'is no "key = value"'),
    ("url =\n", '"url" has no value'),
    ("url = http://x\n", "it expects ldaps://"),
    ("url = ldaps://x\nurl = ldaps://y\n", '"url" was given before'),
    ("preset = novell\n", "it expects openldap or ad"),
    ("page_size = 0\n", "a number from 1 to 1000"),
    ("timeout = soon\n", "a span"),
    ("starttls = maybe\n", "yes or no"),
    ("login = uid)(x=*\n", "name of an attribute"),
    ("user_filter = objectClass=person\n", "an LDAP filter"),
    ("user_base = people\n", "DN of a subtree"),
    ("group.default = cn=x,dc=y\n", "enforcement group"),
    ("group.Sales = cn=x,dc=y\n", "enforcement group"),
    ("group.sales = everyone\n", "DN of a group"),
    ("disabled = yes\n", "report or block"),
    ("preset = openldap\n", "has no url"),
    ("preset = openldap\nurl = ldaps://x\n", "has no user_base"),
    ("preset = openldap\nurl = ldaps://x\nuser_base = dc=x\nbind_dn = cn=r\n",
     "go together"),
    ("preset = openldap\nurl = ldaps://x\nuser_base = dc=x\ndisabled = block\n",
     "does not know who"),
    ("preset = openldap\nurl = ldaps://x\nuser_base = dc=x\nstarttls = yes\n",
     "starttls is for an ldap:// url"),
    ("url = ldaps://x\nuser_base = dc=x\n", "preset = openldap or ad"),
    ("name = \0\n", "NUL"),
])
def test_a_setting_that_cannot_be_meant_is_named(ctl, tmp_path, text, says):
    path = tmp_path / "directory.conf"
    path.write_text(text)
    assert says in load(ctl, str(path), code=2)


def test_a_password_that_everyone_may_read_is_not_used(ctl, redis, slapd):
    server = slapd(person("alice"))
    server.password_file.chmod(0o644)
    assert "chmod 640" in load(ctl, server.settings(), code=2)
    server.password_file.chmod(0o640)
    server.password_file.write_text("\n")
    assert "is empty" in load(ctl, server.settings(), code=2)
    assert users(redis) == set()


# Names without a record


def see(redis, day, *names):
    text = time.strftime("%Y%m%d", time.gmtime(time.time() - day * 86400))
    redis.cmd("SADD", f"compliance:index:seen:{text}", *names)


def unknown_user(redis):
    value = redis.cmd("HGET", "compliance:group:default", "unknown_user")
    return value and value.decode()


def test_who_would_be_shut_out_is_shown_before_unknown_user_blocks(
        ctl, redis, slapd):
    server = slapd(person("alice", mail="alice@example.com") + person("bob"))
    see(redis, 0, "alice", "scanner", "printer")
    see(redis, 2, "alice@example.com", "scanner")
    see(redis, 30, "longago")
    settings = server.settings()
    look = load(ctl, settings, "--dry-run")["unknown_user"]
    assert look["shut_out"] == 2
    assert sorted(look["names"]) == ["printer", "scanner"]

    out = ctl("import", "ldap", settings)
    assert "would shut out 2 names that got in during the last 7 days" in out
    assert "  scanner\n" in out
    assert unknown_user(redis) is None

    ctl("import", "ldap", settings, "--yes", "--keep-unknown-user")
    assert unknown_user(redis) is None
    report = load(ctl, settings, "--yes")
    assert report["unknown_user"]["result"] == "set"
    assert unknown_user(redis) == "block"
    assert "default" in members(redis, "groups")
    entry = json.loads(redis.cmd("LINDEX", "compliance:undo", 0))
    assert [w["field"] for w in entry["writes"] if "field" in w
            and w["new"] == "block"] == ["unknown_user"]
    assert load(ctl, settings)["unknown_user"] == {"result": "block"}


@pytest.mark.parametrize("answer, then", [("y", "block"), ("n", None),
                                          ("", None)])
def test_on_a_terminal_it_asks(ctl, redis, slapd, answer, then):
    server = slapd(person("alice"))
    settings = server.settings()
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [CTL, "--redis", f"unix:{redis.socket}", "import", "ldap", settings],
        stdin=slave, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(master, 4096)
    os.write(master, answer.encode() + b"\n")
    assert process.wait(20) == 0
    os.close(master)
    assert unknown_user(redis) == then


# Interrupted, and beside others


def test_killed_at_any_moment_and_run_again_it_ends_as_one_run(
        ctl, redis, slapd):
    names = [f"user{i:04}" for i in range(1500)]
    server = slapd("".join(person(n, mail=f"{n}@example.com") for n in names)
                   + group("sales", [person_dn(n) for n in names]))
    settings = server.settings(group__sales=group_dn("sales"))
    load(ctl, settings)
    clean = everything(redis)
    command = [CTL, "--redis", f"unix:{redis.socket}", "import", "ldap",
               settings, "--yes", "--keep-unknown-user"]
    begun = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    whole = time.monotonic() - begun
    for i in range(8):
        for key in redis.cmd("KEYS", "*"):
            if b"group" not in key or b"index" in key:
                redis.cmd("DEL", key)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(whole * (i + 1) / 6)
        process.kill()
        process.wait()
        # no half user: whoever is there has his names and indexes
        for name in users(redis):
            assert leads_to(redis, f"{name}@example.com") == name
            assert redis.cmd("SISMEMBER", "compliance:index:groups:sales",
                             name)
        load(ctl, settings, "--yes", "--keep-unknown-user")
        assert everything(redis) == clean


def test_what_others_write_meanwhile_is_not_lost(ctl, redis, slapd):
    names = [f"user{i:04}" for i in range(1000)]
    server = slapd("".join(person(n, mail=f"{n}@example.com") for n in names)
                   + group("sales", [person_dn(n) for n in names]))
    settings = server.settings(group__sales=group_dn("sales"))
    ctl("group", "set", "byhand", "mode=report")
    for n in names[::10]:
        redis.user(n, groups="byhand", break_glass="0")
    process = subprocess.Popen(
        [CTL, "--redis", f"unix:{redis.socket}", "import", "ldap", settings],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    done = 0
    while process.poll() is None or done < 100:
        ctl("user", "set", names[done % 100 * 10], "blocked=1")
        done += 1
    assert process.returncode == 0, process.communicate()
    for n in names[::10]:
        user = record(redis, f"user:{n}")
        assert user["blocked"] == "1"
        assert user["groups"] == "byhand,sales"


# What slapd cannot do


class ActiveDirectory:
    """Users 0 to n; group "big" has them all, in parts of 1500."""

    PART = 1500

    def __init__(self, n, chain=True, lies=False):
        self.people = [f"cn=u{i},ou=people,{SUFFIX}" for i in range(n)]
        self.chain, self.lies = chain, lies
        self.chained = 0

    def __call__(self, base, scope, filter_bytes, names):
        if base == "":
            return [("", {"supportedCapabilities":
                          ["1.2.840.113556.1.4.800"] if self.chain else []})]
        if base == f"ou=people,{SUFFIX}":
            if b"1.2.840.113556.1.4.1941" in filter_bytes:
                self.chained += 1
                if self.lies:
                    return []
                assert f"cn=big,ou=groups,{SUFFIX}".encode() in filter_bytes
                return [(dn, {}) for dn in self.people[:7]]
            if b"1.2.840.113556.1.4.803" in filter_bytes:
                return []
            return [(dn, {"sAMAccountName": [f"u{i}"]})
                    for i, dn in enumerate(self.people)]
        if base == f"cn=big,ou=groups,{SUFFIX}":
            return [(base, self.members(names))]
        if base == f"cn=far,dc=elsewhere":
            return 10   # referral
        return 32

    def members(self, names):
        everyone = self.people + ["cn=far,dc=elsewhere", "cn=gone,dc=x"]
        begin = 0
        for name in names:
            found = re.fullmatch(r"member;range=(\d+)-\*", name)
            if found:
                begin = int(found[1])
        part = everyone[begin:begin + self.PART]
        if begin == 0 and len(part) == len(everyone):
            return {"member": part}
        end = "*" if begin + len(part) == len(everyone) \
            else begin + len(part) - 1
        return {"member": [], f"member;range={begin}-{end}": part}


@pytest.fixture
def fake(tmp_path):
    servers = []

    def start(answer):
        server = FakeDirectory(answer)
        servers.append(server)
        return server, write_settings(tmp_path / "ad.conf", {
            "preset": "ad", "url": f"ldap://127.0.0.1:{server.port}",
            "plain": "yes", "user_base": f"ou=people,{SUFFIX}",
            "group.sales": f"cn=big,ou=groups,{SUFFIX}"})

    yield start
    for server in servers:
        server.stop()


def test_active_directory_resolves_nested_groups_itself(ctl, redis, fake):
    answer = ActiveDirectory(10)
    server, settings = fake(answer)
    load(ctl, settings)
    assert answer.chained == 1
    assert members(redis, "index:groups:sales") == {f"u{i}" for i in range(7)}
    assert not [s for s in server.searches if s[0].startswith("cn=big")]


@pytest.mark.parametrize("chain, lies", [(False, False), (True, True)])
def test_long_member_lists_come_in_parts(ctl, redis, fake, chain, lies):
    """Without the rule, or where it finds nobody: the members are read."""
    answer = ActiveDirectory(3200, chain, lies)
    server, settings = fake(answer)
    report = load(ctl, settings)
    assert answer.chained == (1 if chain else 0)
    assert redis.cmd("SCARD", "compliance:index:groups:sales") == 3200
    asked = [s[3] for s in server.searches if s[0].startswith("cn=big")]
    assert asked[1:] == [["member;range=1500-*"], ["member;range=3000-*"]]
    assert report["groups"]["sales"]["others"] == 2
    assert report["references"] == 1


@pytest.mark.parametrize("code, says", [
    (50, "bind_dn may not read that"),
    (3, "the server's own limit is too short"),
    (4, "it gives only so many entries"),
    (52, "see its log"),
])
def test_an_error_in_the_middle_changes_nothing(ctl, redis, fake, code, says):
    answer = ActiveDirectory(10, chain=False)
    inner = answer.members
    calls = []

    def broken(base, *rest):
        if base.startswith("cn=far"):
            calls.append(base)
            return code
        return answer(base, *rest)

    answer.members = inner
    server, settings = fake(broken)
    assert says in load(ctl, settings, code=3)
    assert calls
    assert users(redis) == set()
