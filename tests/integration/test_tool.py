"""The tool itself: its configuration file, its manual page and its
completions, all of them from the tables."""

import os
import pty
import re
import subprocess

import pytest

from harness import CTL as BUILT
from test_ctl import CTL, Ctl


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


def config(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return str(path)


# The configuration file


def test_a_file_names_the_store(ctl, redis, tmp_path):
    redis.cmd("HSET", "other:device:D1", "state", "compliant")
    path = config(tmp_path / "c.conf", f"""
        # where our store is
        redis  =  unix:{redis.socket}
        prefix = other:
        secret-file = /nowhere
        """)
    assert "D1" in ctl("--config", path, "device", "get", "D1", redis=False)
    assert "D1" in ctl("device", "get", "D1", redis=False,
                       env={"COMPLIANCE_CONFIG": path})
    config(tmp_path / ".config/compliancectl.conf",
           f"redis = unix:{redis.socket}\nprefix = other:\n")
    assert "D1" in ctl("device", "get", "D1", redis=False,
                       env={"HOME": str(tmp_path)})


def test_what_is_nearer_comes_first(ctl, redis, tmp_path):
    for prefix in ("a", "b", "c"):
        redis.cmd("HSET", f"{prefix}:device:D1", "state", "compliant", "name",
                  f"of {prefix}")
    path = config(tmp_path / "c.conf", "prefix = c:\n")
    words = ["device", "get", "D1", "--config", path]
    assert "of c" in ctl(*words)
    assert "of b" in ctl(*words, env={"COMPLIANCE_PREFIX": "b:"})
    assert "of a" in ctl(*words, "--prefix", "a:",
                         env={"COMPLIANCE_PREFIX": "b:"})


@pytest.mark.parametrize("text, said", [
    ("redsi = x", 'c.conf:1: unknown name "redsi"; did you mean "redis"?'),
    ("\n\nredis\n", "c.conf:3: there is no '='; a line is NAME = VALUE"),
    ("prefix =", 'c.conf:1: "prefix"'),
    ("db = 1\ndb = 2", 'c.conf:2: "db" stands there twice'),
    ("json = 1", 'c.conf:1: unknown name "json"'),
    ("config = x", 'c.conf:1: unknown name "config"'),
    ("db = many", 'not a number'),
])
def test_a_slip_in_the_file_is_an_error(ctl, tmp_path, text, said):
    path = config(tmp_path / "c.conf", text)
    assert said in ctl("device", "list", "--config", path, code=2)


def test_a_file_that_others_may_write_is_refused(ctl, tmp_path):
    path = config(tmp_path / "c.conf", "db = 0", mode=0o666)
    assert "others can write" in ctl("device", "list", "--config", path, code=2)
    assert "cannot read" in ctl("device", "list", "--config",
                                str(tmp_path / "none"), code=2)


# The manual page and the completions


def commands(ctl):
    text = ctl("help", redis=False)
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", text.split("Options of")[0],
                      re.M)


def test_the_manual_page_has_every_command(ctl):
    page = ctl("manual", redis=False)
    done = subprocess.run(["man", "--warnings", "-l", "-"], input=page,
                          text=True, capture_output=True,
                          env={**os.environ, "MANWIDTH": "200",
                               "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 and done.stderr == ""
    text = re.sub(".\b", "", done.stdout)
    found = commands(ctl)
    assert len(found) > 40
    for command in found:
        assert re.search(rf"^ +{command}( |$)", text, re.M), command


def complete_bash(ctl, tmp_path, *words, env=None):
    script = tmp_path / "c.bash"
    script.write_text(ctl("completion", "bash", redis=False))
    quoted = " ".join(f"'{w}'" for w in ("compliancectl", *words))
    program = f"source {script}; COMP_WORDS=({quoted}); " \
              f"COMP_CWORD={len(words)}; _compliancectl; " \
              'printf "%s\\n" "${COMPREPLY[@]}"'
    path = tmp_path / "bin"
    path.mkdir(exist_ok=True)
    link = path / "compliancectl"
    if not link.exists():
        link.symlink_to(CTL)
    done = subprocess.run(["bash", "--norc", "-c", program], text=True,
                          capture_output=True, timeout=30,
                          env={**os.environ, "PATH": f"{path}:"
                               + os.environ["PATH"], **(env or {})})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def complete_zsh(ctl, tmp_path, *words):
    script = tmp_path / "_compliancectl"
    script.write_text(ctl("completion", "zsh", redis=False))
    quoted = " ".join(f"'{w}'" for w in ("compliancectl", *words))
    begin = words[-1]
    program = f"""
        compadd() {{ shift; print -rl -- "$@" }}
        _files() {{ print FILES }}
        compdef() {{ }}
        source {script}
        words=({quoted}); CURRENT={len(words) + 1}
        _compliancectl"""
    done = subprocess.run(["zsh", "-f", "-c", program], text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return [w for w in done.stdout.split() if w.startswith(begin)]


def complete_fish(ctl, tmp_path, *words):
    script = tmp_path / "c.fish"
    script.write_text(ctl("completion", "fish", redis=False))
    done = subprocess.run(
        ["fish", "--no-config", "-c",
         f"source {script}; complete -C 'compliancectl {' '.join(words)}'"],
        text=True, capture_output=True, timeout=30,
        env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


SHELLS = [complete_bash, complete_zsh, complete_fish]


@pytest.mark.parametrize("complete", SHELLS)
def test_every_command_is_completed(ctl, tmp_path, complete):
    nouns = {c.split()[0] for c in commands(ctl)}
    assert nouns <= set(complete(ctl, tmp_path, ""))
    for noun in ("device", "group", "audit"):
        verbs = {c.split()[1] for c in commands(ctl) if c.startswith(noun + " ")}
        assert verbs <= set(complete(ctl, tmp_path, noun, "")), noun


@pytest.mark.parametrize("complete", SHELLS)
def test_options_and_fields_are_completed(ctl, tmp_path, complete):
    found = complete(ctl, tmp_path, "device", "set", "D1", "o")
    assert {"owner=", "os_version=", "override="} <= set(found)
    assert "override_by=" not in found
    found = complete(ctl, tmp_path, "audit", "tail", "--")
    assert {"--follow", "--node", "--redis"} <= set(found)
    assert "--cert" not in found


def test_groups_are_asked_of_the_store(ctl, redis, tmp_path):
    redis.seed()
    env = {"COMPLIANCE_REDIS": f"unix:{redis.socket}"}
    assert complete_bash(ctl, tmp_path, "group", "mode", "s",
                         env=env) == ["sales"]
    assert complete_bash(ctl, tmp_path, "group", "mode", "sales", "e",
                         env=env) == ["enforce"]


def test_a_shell_nobody_knows_is_named(ctl):
    assert "bash, zsh and fish" in ctl("completion", "tcsh", code=2,
                                       redis=False)


def test_it_is_all_installed(tmp_path):
    root = tmp_path / "root"
    share = root / "usr/share"
    done = subprocess.run(
        ["make", "-s", "install", f"DESTDIR={root}"], cwd=BUILT.parents[1],
        capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    for path in ("man/man1/compliancectl.1",
                 "bash-completion/completions/compliancectl",
                 "zsh/vendor-completions/_compliancectl",
                 "fish/vendor_completions.d/compliancectl.fish"):
        assert (share / path).stat().st_size > 1000, path


# Colours


def on_terminal(redis, *words, both=True, **env):
    """What a terminal would get."""
    master, slave = pty.openpty()
    done = subprocess.Popen(
        [CTL, "--redis", f"unix:{redis.socket}", *words], stdin=slave,
        stdout=slave if both else subprocess.DEVNULL, stderr=slave,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", **env})
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 65536):
            text += part
    except OSError:        # its other end is closed
        pass
    os.close(master)
    done.wait(20)
    return text.decode()


EXPLAIN = ["explain", "--protocol", "eas", "--user", "alice", "--device"]


def test_verdicts_and_states_are_coloured_on_a_terminal(ctl, redis):
    redis.seed()
    assert "\x1b[32mallow\x1b[0m" in on_terminal(redis, *EXPLAIN, "GOODPHONE")
    assert "\x1b[31mblock\x1b[0m" in on_terminal(redis, *EXPLAIN, "BADPHONE")
    text = on_terminal(redis, "device", "list", "--scan")
    assert "\x1b[32mcompliant\x1b[0m" in text
    assert "\x1b[31mnoncompliant\x1b[0m" in text
    assert "\x1b[33mgrace\x1b[0m" in text
    text = on_terminal(redis, "doctor")
    assert text.startswith("\x1b[32mok\x1b[0m       redis")
    assert "\x1b[33mwarning\x1b[0m  persist" in text
    redis.cmd("XADD", "compliance:audit:n1", "*", "r",
              '{"verdict":"block","reason":"x","time":1}')
    assert "\x1b[31mblock\x1b[0m x" in on_terminal(redis, "audit", "tail")
    # columns stand as they do without colours
    assert re.sub(r"\x1b\[\d*m|\r", "", on_terminal(
        redis, "device", "list", "--scan")) == ctl("device", "list", "--scan")


def test_warnings_are_coloured_on_a_terminal(ctl, redis):
    words = ["device", "set", "D1", "state=compliant", "alias.serial=D1"]
    text = on_terminal(redis, *words, both=False)
    assert "compliancectl: \x1b[33mwarning:\x1b[0m " in text


@pytest.mark.parametrize("words, env", [
    ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), ((), {"TERM": ""}),
    (("--json",), {}),
])
def test_no_colours_where_none_are_wanted(ctl, redis, words, env):
    redis.seed()
    for command in ([*EXPLAIN, "BADPHONE"], ["device", "list", "--scan"],
                    ["doctor"], ["audit", "tail"]):
        assert "\x1b[3" not in on_terminal(redis, *command, *words, **env)


def test_no_colours_in_csv_or_a_pipe(ctl, redis):
    redis.seed()
    assert "\x1b" not in on_terminal(redis, "report", "devices", "--csv")
    assert "\x1b" not in ctl("device", "list", "--scan", env={"TERM": "xterm"})
