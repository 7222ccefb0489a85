"""The web mails of the lab: SOGo (with ActiveSync) and Roundcube, both over the lab's Dovecot."""

import http.client
import os
import secrets
import sqlite3

from lab_process import LabError, can_unshare_mounts, program
from lab_server import Server

SOGO_CONF_DIR = "/etc/sogo"
ROUNDCUBE = "/var/lib/roundcube"


def page_holds(port, path, text):
    """Whether the page is there with that text: an error page may come with status 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != 200 or text not in body:
        raise ValueError(f"GET {path} gives {response.status} without {text!r}")
    return True


class Sogo(Server):
    """sogod reads /etc/sogo and nothing else, but its command line weighs more: there stand all
    settings. Where a private mount namespace can be had, it does not see the machine's file either.
    """

    name = "sogo"
    needs = ("postgresql", "memcached", "dovecot", "postfix")
    port_names = ("sogo",)
    grace_s = 0.5       # its workers take up to 10 s to leave and keep nothing worth waiting for
    EAS_PATH = "/SOGo/Microsoft-Server-ActiveSync"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port('sogo')}/SOGo/"

    @property
    def eas_url(self):
        return f"http://127.0.0.1:{self.port('sogo')}{self.EAS_PATH}"

    def prepare(self):
        for name in ("", "/home", "/spool", "/etc"):
            self.lab.mkdir(self.directory + name, owner="sogo", mode=0o700)
        self._fill_users()

    def _database(self, table):
        return f"postgresql://sogo:sogo@{self.address('postgresql')}/postgres/{table}"

    def _settings(self):
        lab = self.lab
        users = (f'({{type = sql; id = lab; viewURL = "{self._database("lab_users")}";'
                 ' userPasswordAlgorithm = plain; canAuthenticate = YES; isAddressBook = YES;'
                 ' displayName = "Lab";})')
        return {
            "SOGoProfileURL": self._database("sogo_user_profile"),
            "OCSFolderInfoURL": self._database("sogo_folder_info"),
            "OCSSessionsFolderURL": self._database("sogo_sessions_folder"),
            "OCSEMailAlarmsFolderURL": self._database("sogo_alarms_folder"),
            "OCSCacheFolderURL": self._database("sogo_cache_folder"),
            "OCSStoreURL": self._database("sogo_store"),
            "OCSAclURL": self._database("sogo_acl"),
            "OCSAdminURL": self._database("sogo_admin"),
            "SOGoMemcachedHost": self.address("memcached"),
            "SOGoUserSources": users,
            "SOGoMailDomain": lab.domain,
            "SOGoIMAPServer": f"imap://{self.address('imap')}",
            "SOGoSMTPServer": f"smtp://{self.address('smtp')}",
            "SOGoMailingMechanism": "smtp",
            "SOGoForceExternalLoginWithEmail": "NO",
            "SOGoDraftsFolderName": "Drafts",
            "SOGoSentFolderName": "Sent",
            "SOGoTrashFolderName": "Trash",
            "SOGoJunkFolderName": "Junk",
            "SOGoMailSpoolPath": f"{self.directory}/spool",
            "SOGoLanguage": "English",
            "SOGoTimeZone": "UTC",
            "SOGoSieveScriptsEnabled": "NO",
            "SOGoVacationEnabled": "NO",
            "SOGoForwardEnabled": "NO",
            "SOGoTrustProxyAuthentication": "NO",
            "SOGoMaximumPingInterval": "60",
            "SOGoMaximumSyncInterval": "60",
            "SOGoInternalSyncInterval": "2",
            "WOWorkersCount": "8",      # each Ping holds one
            "WOUseWatchDog": "YES",
            "WOPort": self.address("sogo"),
            "WONoDetach": "YES",
            "WOLogFile": "-",
            "WOPidFile": f"{self.directory}/sogo.pid",
        }

    def _fill_users(self):
        quoted = {user: password.replace("'", "''") for user, password in self.lab.users.items()}
        rows = ", ".join(f"('{user}', '{user}', '{password}', '{user.capitalize()} Lab', "
                         f"'{user}@{self.lab.domain}')" for user, password in quoted.items())
        self.lab.postgresql.sql(
            "SET client_min_messages = warning;"
            "CREATE TABLE IF NOT EXISTS lab_users (c_uid varchar PRIMARY KEY, c_name varchar,"
            " c_password varchar, c_cn varchar, mail varchar);"
            "DELETE FROM lab_users;"
            f"INSERT INTO lab_users VALUES {rows};")

    def argv(self):
        # A bare word of a property list may hold letters, digits and little else.
        settings = [word for name, value in self._settings().items()
                    for word in (f"-{name}", value if value.startswith("(") else f'"{value}"')]
        return [*self._alone(), *self.as_user("sogo"), program("sogod"), *settings]

    def _alone(self):
        if not os.path.isdir(SOGO_CONF_DIR) or not can_unshare_mounts():
            return []
        return [program("unshare"), "-m", "sh", "-c",
                'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh",
                f"{self.directory}/etc", SOGO_CONF_DIR]

    def env(self):
        return {"HOME": f"{self.directory}/home"}

    def ready(self):
        return page_holds(self.port("sogo"), "/SOGo/", b"<title sg-default=\"SOGo\">")


class Roundcube(Server):
    """Debian's Roundcube under PHP's own server, with a SQLite database and its own configuration."""

    name = "roundcube"
    needs = ("dovecot", "postfix")
    port_names = ("roundcube",)
    grace_s = 0.2       # PHP's workers outlive their parent and must be killed
    WORKERS = "4"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port('roundcube')}/"

    def prepare(self):
        lab = self.lab
        if not os.path.isdir(f"{ROUNDCUBE}/public_html"):
            raise LabError(f"{ROUNDCUBE}/public_html is missing: is the package roundcube-core installed?")
        for name in ("", "/log", "/temp", "/db"):
            lab.mkdir(self.directory + name, owner="www-data", mode=0o700)
        self._link_defaults()
        self._create_database()
        key = f"{self.directory}/key"
        if not os.path.exists(key):
            lab.write(key, secrets.token_hex(12), mode=0o600)
        with open(key) as f:
            des_key = f.read()
        lab.write(f"{self.directory}/config.inc.php", f"""<?php
$config = [];
$config['db_dsnw'] = 'sqlite:///{self.directory}/db/roundcube.db?mode=0600';
$config['imap_host'] = '{self.address("imap")}';
$config['smtp_host'] = '{self.address("submission")}';
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';
$config['mail_domain'] = '{lab.domain}';
$config['username_domain'] = '';
$config['product_name'] = 'Roundcube';
$config['des_key'] = '{des_key}';
$config['plugins'] = [];
$config['skin'] = 'elastic';
$config['language'] = 'en_US';
$config['enable_installer'] = false;
$config['enable_spellcheck'] = false;
$config['log_driver'] = 'file';
$config['log_dir'] = '{self.directory}/log/';
$config['temp_dir'] = '{self.directory}/temp/';
$config['login_rate_limit'] = 1000;
$config['ip_check'] = false;
$config['proxy_whitelist'] = ['127.0.0.1'];
""", owner="www-data", mode=0o600)

    def _link_defaults(self):
        """Roundcube looks for its defaults beside its configuration."""
        for name in ("defaults.inc.php", "mimetypes.php"):
            link = f"{self.directory}/{name}"
            if not os.path.islink(link):
                os.symlink(f"/etc/roundcube/{name}", link)

    def _create_database(self):
        path = f"{self.directory}/db/roundcube.db"
        if os.path.exists(path):
            return
        schema = next((p for p in (f"{ROUNDCUBE}/SQL/sqlite.initial.sql",
                                   "/usr/share/dbconfig-common/data/roundcube/install/sqlite3")
                       if os.path.exists(p)), None)
        if schema is None:
            raise LabError("Roundcube's SQLite schema is missing: is roundcube-core installed?")
        with open(schema) as f, sqlite3.connect(path) as database:
            database.executescript(f.read())
            self._create_users(database)
        self.lab.own(path, "www-data", 0o600)

    def _create_users(self, database):
        """Roundcube makes a user at the first login, and fails where two first logins meet."""
        for user in self.lab.users:
            database.execute("INSERT INTO users (username, mail_host, created, language,"
                             " preferences) VALUES (?, '127.0.0.1', datetime('now'), 'en_US', '')",
                             (user,))
            database.execute("INSERT INTO identities (user_id, changed, standard, name, email)"
                             " VALUES (last_insert_rowid(), datetime('now'), 1, ?, ?)",
                             (user, f"{user}@{self.lab.domain}"))

    def argv(self):
        return [*self.as_user("www-data"), program("php"), "-d", "memory_limit=256M",
                "-d", "date.timezone=UTC", "-d", f"session.save_path={self.directory}/temp",
                "-S", self.address("roundcube"), "-t", f"{ROUNDCUBE}/public_html"]

    def env(self):
        return {"ROUNDCUBE_CONFIG_DIR": f"{self.directory}/", "PHP_CLI_SERVER_WORKERS": self.WORKERS}

    def ready(self):
        return page_holds(self.port("roundcube"), "/", b"rcmloginuser")
