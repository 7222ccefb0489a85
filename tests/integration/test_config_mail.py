"""nginx -t for the mail side: a gated server is gated, or nginx says why not."""

import pytest

from harness import free_port
from imap_lab import main


@pytest.fixture
def check(gateway, redis):
    def run(mail, **more):
        return gateway.check(main=main(redis, gateway.directory, **more),
                             mail=mail.replace("PORT", str(free_port()), 1)
                             .replace("PORT", str(free_port())))
    return run


GOOD = {
    "an upstream by address":
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream 127.0.0.1:143; }",
    "an upstream by name, the port defaulted":
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream localhost; }",
    "an upstream by socket":
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream unix:/run/dovecot/imap; }",
    "the upstream of the mail block":
        "compliance_upstream 127.0.0.1:143; compliance on;"
        " server { listen 127.0.0.1:PORT; protocol imap; }",
    "the upstream of the mail block, given last":
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on; }"
        " compliance_upstream 127.0.0.1:143;",
    "an auth_http of its own":
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " auth_http 127.0.0.1:9000/auth; }",
    "the auth_http of the mail block":
        "auth_http 127.0.0.1:9000/auth;"
        " server { listen 127.0.0.1:PORT; protocol imap; compliance on; }",
    "the auth_http of the mail block, given last":
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on; }"
        " auth_http 127.0.0.1:9000/auth;",
    "an upstream nearer than auth_http, and an ungated neighbour":
        "auth_http 127.0.0.1:9000/auth;"
        " server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream 127.0.0.1:143; }"
        " server { listen 127.0.0.1:PORT; protocol pop3; }",
    "an auth_http nearer than the upstream":
        "compliance_upstream 127.0.0.1:143; compliance on;"
        " server { listen 127.0.0.1:PORT; protocol imap;"
        " auth_http 127.0.0.1:9000/auth; }",
    "pop3 left ungated on purpose":
        "compliance on; compliance_upstream 127.0.0.1:143;"
        " server { listen 127.0.0.1:PORT; protocol imap; }"
        " server { listen 127.0.0.1:PORT; protocol pop3; compliance off;"
        " auth_http 127.0.0.1:9000/auth; }",
    "devices by tag alone":
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_device login_tag; compliance_upstream 127.0.0.1:143; }",
    "nothing of ours":
        "auth_http 127.0.0.1:9000/auth;"
        " server { listen 127.0.0.1:PORT; protocol imap; }",
}


@pytest.mark.parametrize("mail", GOOD.values(), ids=GOOD.keys())
def test_a_good_configuration_passes(check, mail):
    status, output = check(mail)
    assert status == 0, output


BAD = {
    "no back end": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on; }",
        ['"compliance_upstream HOST:PORT"', '"auth_http"', "nginx.conf:"]),
    "no back end, compliance from the mail block": (
        "compliance on; server { listen 127.0.0.1:PORT; protocol imap; }",
        ['"compliance_upstream HOST:PORT"']),
    "two back ends": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " auth_http 127.0.0.1:9000; compliance_upstream 127.0.0.1:143; }",
        ['both "compliance_upstream" and "auth_http"']),
    "two back ends, the other way round": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream 127.0.0.1:143; auth_http 127.0.0.1:9000; }",
        ['both "compliance_upstream" and "auth_http"']),
    "two back ends in the mail block": (
        "compliance_upstream 127.0.0.1:143; auth_http 127.0.0.1:9000;"
        " server { listen 127.0.0.1:PORT; protocol imap; compliance on; }",
        ['both "compliance_upstream" and "auth_http"']),
    "pop3": (
        "server { listen 127.0.0.1:PORT; protocol pop3; compliance on;"
        " compliance_upstream 127.0.0.1:110; }",
        ['"protocol pop3"', "not available yet", '"compliance off"']),
    "smtp, inherited": (
        "compliance on; auth_http 127.0.0.1:9000;"
        " server { listen 127.0.0.1:PORT; protocol smtp; }",
        ['"protocol smtp"', "not available yet"]),
    "an upstream without the gate": (
        "server { listen 127.0.0.1:PORT; protocol imap;"
        " compliance_upstream 127.0.0.1:143; }",
        ['"compliance_upstream" without "compliance on"']),
    "an ungated server that would have no back end": (
        "compliance_upstream 127.0.0.1:143;"
        " server { listen 127.0.0.1:PORT; protocol imap; compliance on; }"
        " server { listen 127.0.0.1:PORT; protocol pop3; }",
        ['no "auth_http" is defined']),
    "an upstream that is no address": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream 127.0.0.1:port; }",
        ['invalid port in compliance_upstream "127.0.0.1:port"']),
    "an upstream without a host": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream :143; }",
        ["in compliance_upstream"]),
    "an upstream that has no path": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream unix:; }",
        ["in compliance_upstream"]),
    "an upstream with a path": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream 127.0.0.1:143/x; }",
        ["in compliance_upstream"]),
    "an upstream that has no name": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream nothing.invalid:143; }",
        ["host not found", "compliance_upstream"]),
    "two upstreams": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_upstream 127.0.0.1:143; compliance_upstream [::1]:143; }",
        ["is duplicate"]),
    "a flag that is none": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance offline;"
        " compliance_upstream 127.0.0.1:143; }",
        ['invalid value "offline"']),
    "the flag twice": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance off; compliance_upstream 127.0.0.1:143; }",
        ["is duplicate"]),
    "a device source that is none": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_device eas; compliance_upstream 127.0.0.1:143; }",
        ['invalid value "eas"']),
}


@pytest.mark.parametrize("mail, says", BAD.values(), ids=BAD.keys())
def test_a_bad_configuration_is_refused(check, mail, says):
    status, output = check(mail)
    assert status != 0 and "[emerg]" in output, output
    for text in says:
        assert text in output, output


def test_without_redis_nothing_is_gated_and_nothing_starts(gateway):
    status, output = gateway.check(
        mail=f"server {{ listen 127.0.0.1:{free_port()}; protocol imap;"
             " compliance on; compliance_upstream 127.0.0.1:143; }")
    assert status != 0 and "compliance_redis" in output, output


WARNED = {
    "certificates that nobody asks for": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " compliance_device certificate; compliance_upstream 127.0.0.1:143; }",
        '"ssl_verify_client"'),
    "mechanisms that are refused": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " imap_auth plain external; compliance_upstream 127.0.0.1:143; }",
        '"imap_auth"'),
    "capabilities that are not there": (
        "server { listen 127.0.0.1:PORT; protocol imap; compliance on;"
        " imap_capabilities IMAP4rev1 AUTH=XOAUTH2;"
        " compliance_upstream 127.0.0.1:143; }",
        '"AUTH=XOAUTH2"'),
}


@pytest.mark.parametrize("mail, says", WARNED.values(), ids=WARNED.keys())
def test_what_is_probably_not_meant_is_warned_of(check, mail, says):
    status, output = check(mail)
    assert status == 0 and "[warn]" in output and says in output, output
