"""The Redis users of the demo: deploy/redis/users.acl with passwords of the demo's own.

The default user stays, so that redis-cli works by hand on the socket.
"""

import hashlib
import os
import re
import secrets

GATEWAY, CTL, AUDITOR = "gateway", "compliancectl", "auditor"
SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "redis", "users.acl")


def fragment(directory):
    return f"{directory}/redis-users/users.conf"


def password_file(lab, user):
    return f"{lab.directory}/redis-users/{user}.password"


def write(lab):
    """Passwords on first use, and the fragment that redis.conf includes."""
    lab.mkdir(os.path.dirname(fragment(lab.directory)))
    with open(SHIPPED) as f:
        text = re.sub("^user default .*$", "", f.read(), flags=re.MULTILINE)
    for user in (GATEWAY, CTL, AUDITOR):
        path = password_file(lab, user)
        if not os.path.exists(path):
            lab.write(path, secrets.token_hex(16) + "\n", mode=0o600)
        with open(path) as f:
            digest = hashlib.sha256(f.readline().strip().encode()).hexdigest()
        text = text.replace(f"@{user.upper()}_PASSWORD_SHA256@", digest)
    lab.write(fragment(lab.directory), text, mode=0o600)
