"""The lab's own tools: what the ActiveSync client says, and that servers end."""

import os
import signal
import sys

import pytest

from harness import ROOT

sys.path.insert(0, str(ROOT / "tests" / "lab"))
import wbxml  # noqa: E402
from eas_client import EasClient  # noqa: E402
from lab import Lab, LabError, passable  # noqa: E402
from lab_process import Process, _stat  # noqa: E402

# What a gateway says of a blocked device: the bytes of MS-ASWBXML.
BLOCKED_FOLDER_SYNC = bytes.fromhex("03016A00000756 4C03313239000101")
BLOCKED_SYNC = bytes.fromhex("03016A00454E03313239000101")


def test_the_base64_query_is_the_one_of_the_specification():
    phone = EasClient("http://localhost/x", "alice", "p", "v140Device", "SmartPhone", "14.0",
                      query="base64")
    assert phone.base64_query("Sync") == "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l"


def test_wbxml_reads_what_it_writes():
    tree = ("ComposeMail:SendMail", [("ComposeMail:ClientId", "1"),
                                     ("ComposeMail:SaveInSentItems", ""),
                                     ("ComposeMail:MIME", b"\x00" * 300)])
    assert wbxml.decode(wbxml.encode(tree)) == tree


@pytest.mark.parametrize("body", [BLOCKED_FOLDER_SYNC, BLOCKED_SYNC])
def test_wbxml_reads_a_block_and_refuses_a_part_of_it(body):
    assert wbxml.text(wbxml.decode(body), "Status") == "129"
    for length in range(len(body)):
        with pytest.raises(wbxml.WbxmlError):
            wbxml.decode(body[:length])


def test_ending_a_process_ends_what_it_started(tmp_path):
    process = Process("tree", f"{tmp_path}/pid", f"{tmp_path}/log")
    process.spawn(["sh", "-c", "setsid sleep 1000 & sleep 1000 & echo $!; wait"])
    process.wait_ready(lambda: (tmp_path / "log").read_text().strip(), 5)
    child = int((tmp_path / "log").read_text())
    # Another starter finds it by the pid file alone.
    Process("tree", f"{tmp_path}/pid", f"{tmp_path}/log").end()
    assert process.pid is None
    # Nobody may have reaped it yet.
    assert (_stat(child) or ("", "", "Z"))[2] == "Z"
    assert not (tmp_path / "pid").exists()


def test_a_reused_pid_is_not_signalled(tmp_path):
    (tmp_path / "pid").write_text(f"{os.getpid()} 1 "
                                  + open("/proc/sys/kernel/random/boot_id").read())
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Process("stale", f"{tmp_path}/pid", f"{tmp_path}/log").end()


def test_a_server_that_cannot_start_shows_its_log(tmp_path):
    process = Process("broken", f"{tmp_path}/pid", f"{tmp_path}/log")
    process.spawn(["sh", "-c", "echo no such luck; exit 1"])
    with pytest.raises(LabError, match="broken ended while starting(.|\n)*no such luck"):
        process.wait_ready(lambda: False, 5)


def test_a_directory_closed_to_the_servers_is_refused(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o700)
    assert not passable(closed)
    with pytest.raises(LabError, match="closed to other users"):
        Lab(closed / "lab")
