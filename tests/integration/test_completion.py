"""Completion and the manual page: every command and option, in a real shell."""

import shutil
import subprocess

import pytest

from harness import CTL


def printed(what):
    return subprocess.run([CTL, "completion", what], capture_output=True,
                          text=True, check=True).stdout


def complete(*words):
    script = printed("bash") + (
        f"\nCOMP_WORDS=(compliancectl {' '.join(words)} '{''}')\n"
        if words[-1:] == ("",) else
        f"\nCOMP_WORDS=(compliancectl {' '.join(words)})\n") + (
        f"COMP_CWORD={len(words)}\n_compliancectl\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\"\n")
    done = subprocess.run(["bash", "--norc", "-c", script], check=True,
                          capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_verbs_fields_and_options():
    assert complete("dev") == ["device"]
    assert {"set", "get", "list"} <= set(complete("device", ""))
    assert complete("device", "del") == ["delete"]
    assert "state=" in complete("device", "set", "D1", "st")
    assert complete("group", "set", "sales", "enforce_f") == ["enforce_from="]
    assert "--secret-file" in complete("tag", "issue", "--sec")
    assert "--with-audit" in complete("backup", "--with")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_reads_it(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n"], input=printed(shell), text=True,
                          capture_output=True)
    assert done.returncode == 0 and done.stderr == ""


def test_the_manual_page_has_every_command():
    page = printed("man")
    overview = subprocess.run([CTL, "help"], capture_output=True, text=True,
                              check=True).stdout
    rows = overview.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    for row in rows:
        name = row[2:].split("  ")[0]
        assert name.split()[0] in page
