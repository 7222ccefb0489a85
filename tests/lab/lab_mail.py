"""The mail servers of the lab: Dovecot (IMAP, POP3, LMTP, SASL) and Postfix (submission, delivery)."""

import imaplib
import os
import smtplib
import subprocess
from email.message import EmailMessage

from lab_process import LabError, port_open, program, tail
from lab_server import Server

MAIL_UID = 5000         # numeric: needs no entry in /etc/passwd
DAEMONS = "/usr/lib/postfix/sbin"
FOLDERS = ("Drafts", "Sent", "Trash", "Junk")


class Dovecot(Server):
    """Logins are the plain names ("alice"), nothing else; LMTP also takes "alice@example.com"."""

    name = "dovecot"
    port_names = ("imap", "imaps", "pop3", "pop3s", "lmtp", "sasl")

    @property
    def log(self):
        return f"{self.lab.directory}/log/dovecot-mail.log"

    def prepare(self):
        lab = self.lab
        lab.mkdir(self.directory)
        lab.mkdir(f"{self.directory}/mail", uid=MAIL_UID)
        lab.write(f"{self.directory}/passwd", "".join(
            f"{user}:{{PLAIN}}{password}\n" for user, password in lab.users.items()),
            owner="dovecot", mode=0o600)
        lab.write(f"{self.directory}/userdb", "".join(
            f"{name}::{MAIL_UID}:{MAIL_UID}::{self.directory}/mail/{user}::\n"
            for user in lab.users for name in (user, f"{user}@{lab.domain}")))
        boxes = "".join(f"  mailbox {name} {{\n    special_use = \\{name}\n    auto = subscribe\n"
                        "  }\n" for name in FOLDERS)
        lab.write(f"{self.directory}/dovecot.conf", f"""
base_dir = {self.directory}/run
state_dir = {self.directory}/state
instance_name = compliance-lab
log_path = {self.log}
listen = 127.0.0.1
protocols = imap pop3 lmtp
mail_location = maildir:~/Maildir
first_valid_uid = {MAIL_UID}
mail_max_userip_connections = 200
ssl = yes
ssl_cert = <{lab.pki.server_cert}
ssl_key = <{lab.pki.server_key}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_verbose = yes
imap_hibernate_timeout = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {self.directory}/passwd
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {self.directory}/userdb
}}
namespace inbox {{
  inbox = yes
  separator = /
{boxes}}}
service imap-login {{
  inet_listener imap {{
    port = {self.port("imap")}
  }}
  inet_listener imaps {{
    port = {self.port("imaps")}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.port("pop3")}
  }}
  inet_listener pop3s {{
    port = {self.port("pop3s")}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.port("lmtp")}
  }}
}}
# No penalty for failed logins: every client comes from one address.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  inet_listener sasl {{
    address = 127.0.0.1
    port = {self.port("sasl")}
  }}
}}
""")

    def argv(self):
        return [program("dovecot"), "-F", "-c", f"{self.directory}/dovecot.conf"]

    def ready(self):
        return all(port_open(self.port(name)) for name in self.port_names)

    def settle(self):
        """CONDSTORE is enabled once per mailbox: without it SOGo's Sync and Ping see no change."""
        for user, password in self.lab.users.items():
            marker = f"{self.directory}/mail/{user}/condstore"
            if os.path.exists(marker):
                continue
            with self.login(user, password) as imap:
                for folder in ("INBOX", *FOLDERS):
                    typ, answer = imap._simple_command("SELECT", folder, "(CONDSTORE)")
                    if typ != "OK":
                        raise LabError(f"dovecot: SELECT {folder} (CONDSTORE): {answer}")
                imap.state = "AUTH"
            self.lab.write(marker, "")

    def login(self, user, password=None):
        """An imaplib connection straight to Dovecot, logged in."""
        imap = imaplib.IMAP4("127.0.0.1", self.port("imap"), timeout=10)
        imap.login(user, password if password is not None else self.lab.users[user])
        return imap

    def deliver(self, user, subject, body="Hello.\n", sender="sender@example.net"):
        """Puts a message into the user's inbox, past Postfix."""
        message = EmailMessage()
        message["From"], message["To"] = sender, f"{user}@{self.lab.domain}"
        message["Subject"] = subject
        message.set_content(body)
        with smtplib.LMTP("127.0.0.1", self.port("lmtp")) as lmtp:
            lmtp.sendmail(sender, [f"{user}@{self.lab.domain}"], message.as_bytes())


class Postfix(Server):
    """Two doors: "smtp" relays for this machine (SOGo, Roundcube), "submission" wants a login."""

    name = "postfix"
    needs = ("dovecot",)
    port_names = ("smtp", "submission")

    @property
    def log(self):
        return f"{self.lab.directory}/log/postfix-mail.log"

    def prepare(self):
        lab = self.lab
        for name in ("", "/etc", "/spool"):
            lab.mkdir(self.directory + name)
        lab.mkdir(f"{self.directory}/data", owner="postfix", mode=0o700)
        lab.write(f"{self.directory}/etc/recipients", "".join(
            f"{user}@{lab.domain} {user}\n" for user in lab.users))
        lab.write(f"{self.directory}/etc/main.cf", f"""
compatibility_level = 3.6
queue_directory = {self.directory}/spool
data_directory = {self.directory}/data
command_directory = /usr/sbin
daemon_directory = {DAEMONS}
maillog_file = {self.log}
maillog_file_prefixes = {lab.directory}
myhostname = mail.{lab.domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
virtual_mailbox_domains = {lab.domain}
virtual_mailbox_maps = texthash:{self.directory}/etc/recipients
virtual_transport = lmtp:inet:127.0.0.1:{self.port("lmtp")}
smtpd_relay_restrictions = permit_mynetworks, reject
default_transport = error:no mail leaves the lab
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{self.port("sasl")}
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_tls_cert_file = {lab.pki.server_cert}
smtpd_tls_key_file = {lab.pki.server_key}
smtpd_tls_security_level = may
smtpd_peername_lookup = no
""")
        services = [f"{self.port('smtp')} inet n - n - - smtpd",
                    f"{self.port('submission')} inet n - n - - smtpd\n"
                    "  -o syslog_name=postfix/submission\n"
                    "  -o smtpd_sasl_auth_enable=yes\n"
                    "  -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n"
                    "  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"]
        services += [f"{name} {kind} {private} - n {wakeup} {limit} {command}"
                     for name, kind, private, wakeup, limit, command in (
                         ("pickup", "unix", "n", "60", "1", "pickup"),
                         ("cleanup", "unix", "n", "-", "0", "cleanup"),
                         ("qmgr", "unix", "n", "300", "1", "qmgr"),
                         ("tlsmgr", "unix", "-", "1000?", "1", "tlsmgr"),
                         ("rewrite", "unix", "-", "-", "-", "trivial-rewrite"),
                         ("bounce", "unix", "-", "-", "0", "bounce"),
                         ("defer", "unix", "-", "-", "0", "bounce"),
                         ("trace", "unix", "-", "-", "0", "bounce"),
                         ("verify", "unix", "-", "-", "1", "verify"),
                         ("proxymap", "unix", "-", "-", "-", "proxymap"),
                         ("error", "unix", "-", "-", "-", "error"),
                         ("retry", "unix", "-", "-", "-", "error"),
                         ("lmtp", "unix", "-", "-", "-", "lmtp"),
                         ("anvil", "unix", "-", "-", "1", "anvil"),
                         ("showq", "unix", "n", "-", "-", "showq"),
                         ("postlog", "unix-dgram", "n", "-", "1", "postlogd"))]
        lab.write(f"{self.directory}/etc/master.cf", "\n".join(services) + "\n")
        # Makes the queue's directories. "postfix start-fg" would do both, but leaves its master in
        # a session of its own that does not hear our signals.
        done = subprocess.run([program("postfix"), "-c", f"{self.directory}/etc", "check"],
                              capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise LabError(f"postfix check failed:\n{done.stdout}{done.stderr}\n{tail(self.log)}")

    def argv(self):
        return [f"{DAEMONS}/master", "-c", f"{self.directory}/etc", "-d"]

    def ready(self):
        return port_open(self.port("smtp")) and port_open(self.port("submission"))

    def queue(self):
        """What postqueue prints."""
        done = subprocess.run([program("postqueue"), "-c", f"{self.directory}/etc", "-p"],
                              capture_output=True, text=True, timeout=10)
        return done.stdout + done.stderr
