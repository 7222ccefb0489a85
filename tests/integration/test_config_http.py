"""nginx -t of the HTTP side: what would not gate as it seems to is refused
with a message that says what to do; what may be meant is warned of."""

import json

import pytest

from harness import free_port

MAIN = "compliance_redis unix:/nowhere/redis.sock;"


def check(gateway, location, server="", main=MAIN, http="", level="info"):
    port = free_port()
    return gateway.check(main=main, level=level, http=f"""
{http}
server {{
    listen 127.0.0.1:{port};
    {server}
    {location}
}}
""")


GATED = "compliance on; compliance_protocol %s; proxy_pass http://127.0.0.1:1;"


@pytest.mark.parametrize("location, message", [
    ("location / { compliance on; }",
     'there is no "compliance_protocol"'),
    ("location / { compliance yes; }", 'invalid value "yes" in "compliance"'),
    ("location / { compliance on; compliance off; }",
     '"compliance" directive is duplicate'),
    ("location / { compliance_protocol imap; }", 'invalid value "imap"'),
    ("location / { compliance_protocol EAS; }", None),
    ("location / { compliance_device cookie; }",
     'device source "cookie" is not available yet, see the portal'),
    ("location / { compliance_device certficate; }",
     'unknown source "certficate"'),
    ("location / { compliance_device eas eas; }",
     'source "eas" is given twice'),
    ("location / { compliance_device $http_a $http_b $http_c $http_d $http_e; }",
     "more than 4 sources"),
    ("location / { compliance_device eas; compliance_device certificate; }",
     '"compliance_device" directive is duplicate'),
    ("location / { compliance_device; }", "invalid number of arguments"),
    ("location / { compliance_device $no_such_variable; }",
     'unknown "no_such_variable" variable'),
    ("location / { compliance_user certificate; }",
     'unknown source "certificate"'),
    ("location / { compliance_user basic; compliance_user owner; }",
     '"compliance_user" directive is duplicate'),
    ("location / { compliance_login_profile exchange; }",
     'unknown login profile "exchange", it must be "off" or one of '
     'roundcube'),
    ("location / { compliance_login_profile owa; "
     "compliance_login_profile sogo; }", "directive is duplicate"),
    ("location / { compliance_jwks /nowhere/keys.json; }",
     '"/nowhere/keys.json" failed'),
    ("location / { compliance_jwks @dir@/empty.json; }",
     "is no usable key set"),
    ("location / { compliance_jwks @dir@/keys.json issuer=; }",
     'empty parameter "issuer="'),
    ("location / { compliance_jwks @dir@/keys.json scope=x; }",
     'invalid parameter "scope=x"'),
    ("location / { compliance_negotiate on; }", 'invalid value "on"'),
    ("location / { compliance_dry_run perhaps; }", 'invalid value "perhaps"'),
    ("location / { compliance_challenge; }", "invalid number of arguments"),
    ("location / { %s compliance_challenge ''; }" % (GATED % "ews"),
     '"compliance_challenge" is empty'),
    ("location / { if ($http_x) { compliance off; } }",
     '"compliance" directive is not allowed here'),
    ("location / { %s compliance_login_profile sogo; }" % (GATED % "eas"),
     '"compliance_login_profile" needs "compliance_protocol web"'),
    ("location / { %s compliance_device eas; }" % (GATED % "dav"),
     '"compliance_device eas" needs "compliance_protocol eas"'),
    ("location / { %s compliance_device login_tag; }" % (GATED % "web"),
     '"compliance_protocol web" does not forward'),
    ("location / { %s compliance_user basic; }" % (GATED % "web"),
     '"compliance_protocol web" does not forward'),
    ("location / { %s compliance_user bearer; }" % (GATED % "ews"),
     '"compliance_user bearer" needs "compliance_jwks"'),
    ("location / { %s compliance_negotiate certificate; "
     "compliance_device login_tag; }" % (GATED % "ews"),
     'needs "compliance_device certificate"'),
    ("location / { compliance on; compliance_protocol web; return 200 x; }",
     '"return" answers before "compliance" in location "/"'),
    ("location @name { compliance on; }",
     'there is no "compliance_protocol"'),
    ("location / { %s post_action /after; }" % (GATED % "web"),
     '"post_action" and "compliance" in location "/"'),
])
def test_bad_configuration_is_refused(gateway, location, message):
    (gateway.directory / "empty.json").write_text("{}")
    (gateway.directory / "keys.json").write_text("{}")
    status, output = check(gateway, location)
    if message is None:
        assert status == 0, output
    else:
        assert status != 0, output
        assert message in output
        assert "[emerg]" in output


def test_gate_without_redis_is_refused_wherever_it_stands(gateway):
    for server, location in (
            ("", "location / { %s }" % (GATED % "eas")),
            ("compliance on; compliance_protocol web;",
             "location / { root /nowhere; }")):
        status, output = check(gateway, location, server, main="")
        assert status != 0 and "compliance_redis" in output


def test_redis_may_be_named_behind_the_http_block(gateway):
    gateway.configure(main="", http="server { listen 127.0.0.1:%d; location / "
                      "{ %s } }" % (free_port(), GATED % "eas"))
    text = gateway.conf.read_text()
    gateway.configure = lambda **_: gateway.conf.write_text(
        text + "\n" + MAIN + "\n")
    status, output = gateway.check()
    assert status == 0, output


@pytest.mark.parametrize("location, message", [
    ("location / { compliance_protocol web; return 302 /x; }",
     '"return" answers before "compliance"'),
    ("location / { %s if ($http_x) { return 403; } }" % (GATED % "web"),
     '"return" answers before "compliance"'),
    ("location / { %s rewrite ^/a /b break; }" % (GATED % "web"),
     '"rewrite" runs before "compliance" in location "/"'),
])
def test_what_runs_before_the_gate_is_warned_of(gateway, location, message):
    server = "compliance on;" if "compliance on" not in location else ""
    status, output = check(gateway, location, server)
    assert status == 0, output
    assert message in output and "[warn]" in output


@pytest.mark.parametrize("location", [
    "location / { %s set $a b; }" % (GATED % "web"),
    "location / { %s if ($http_x ~ y(.)) { set $z $1; } }" % (GATED % "web"),
    "location / { %s set $a $1$request_uri; break; }" % (GATED % "eas"),
    "location / { compliance off; return 404; }",
    "location / { %s compliance_device certificate $http_x_device;"
    " compliance_user $ssl_client_s_dn basic; }" % (GATED % "ews"),
    "location / { %s compliance_login_profile off; }" % (GATED % "dav"),
    "location / { %s limit_except GET { deny all; } }" % (GATED % "dav"),
])
def test_good_configuration_passes_in_silence(gateway, location):
    status, output = check(gateway, location)
    assert status == 0, output
    assert "[warn]" not in output and "[emerg]" not in output


def test_server_may_leave_the_protocol_to_its_locations(gateway):
    location = "".join(
        "location /%s/ { compliance_protocol %s; proxy_pass http://127.0.0.1:1;"
        " }" % (p, p) for p in ("eas", "web", "ews", "mapi", "dav",
                                "autodiscover"))
    status, output = check(gateway, location, "compliance on;")
    assert status == 0, output


def test_inherited_profile_does_not_hurt_other_protocols(gateway):
    status, output = check(
        gateway, "location /dav/ { compliance_protocol dav; }",
        "compliance on; compliance_protocol web; compliance_login_profile sogo;")
    assert status == 0, output


def test_key_set_is_read_and_takes_bearer_tokens(gateway):
    jwk = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig",
           "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
           "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
    (gateway.directory / "keys.json").write_text(json.dumps({"keys": [jwk]}))
    status, output = check(
        gateway, "location / { %s compliance_jwks @dir@/keys.json issuer=i "
        "audience=a claim=upn; compliance_user bearer; }" % (GATED % "ews"))
    assert status == 0, output


def test_debug_of_http_requests_is_warned_of_where_something_is_gated(gateway):
    location = "location / { %s }" % (GATED % "eas")
    status, output = check(gateway, location, level="debug")
    output += gateway.log()
    assert status == 0, output
    assert "debug messages of HTTP requests are left out" in output


def test_module_that_gates_nothing_is_silent(gateway):
    status, output = check(gateway, "location / { root /nowhere; }", main="",
                           level="debug")
    assert status == 0
    assert "compliance" not in output + gateway.log().replace(
        "ngx_http_compliance_module", "").replace(
        "ngx_mail_compliance_module", "")
