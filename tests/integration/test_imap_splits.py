"""The same conversation at every split of the client's bytes: in one piece,
in two pieces cut at each byte, byte by byte, or step by step, the server says
the same and the back end hears the same."""

import base64
import re
import time

import pytest

from imap_lab import PASSWORD, Gate, Imap, fake  # noqa: F401

PLAIN = base64.b64encode(f"\0alice#GOODPHONE\0{PASSWORD}".encode()).decode()
NAME = base64.b64encode(b"alice#GOODPHONE").decode()
SECRET = base64.b64encode(PASSWORD.encode()).decode()

# Steps as a client would take them, waiting for an answer between.  The last
# ends the session.
CONVERSATIONS = {
    "atoms": [f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n", "b NOOP\r\n",
              "c LOGOUT\r\n"],
    "quoted": [f'a LOGIN "alice#GOODPHONE" "{PASSWORD}"\r\n', "c LOGOUT\r\n"],
    "literals": ["a LOGIN {15}\r\n", "alice#GOODPHONE {14}\r\n",
                 f"{PASSWORD}\r\n", "c LOGOUT\r\n"],
    "literals at once": ["a LOGIN {15+}\r\nalice#GOODPHONE {14+}\r\n"
                         f"{PASSWORD}\r\n", "c LOGOUT\r\n"],
    "PLAIN": ["a AUTHENTICATE PLAIN\r\n", f"{PLAIN}\r\n", "c LOGOUT\r\n"],
    "PLAIN at once": [f"a AUTHENTICATE PLAIN {PLAIN}\r\n", "c LOGOUT\r\n"],
    "LOGIN": ["a AUTHENTICATE LOGIN\r\n", f"{NAME}\r\n", f"{SECRET}\r\n",
              "c LOGOUT\r\n"],
    "ID first": ['i ID ("name" "x" {7}\r\n', 'version "1")\r\n',
                 "n NOOP\r\n", "d CAPABILITY\r\n",
                 f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n", "c LOGOUT\r\n"],
    "mistakes first": ["a SELECT INBOX\r\n", "b LOGIN x\r\n",
                       "c AUTHENTICATE EXTERNAL\r\n", "\r\n",
                       f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n",
                       "c LOGOUT\r\n"],
    "cancelled first": ["a AUTHENTICATE PLAIN\r\n", "*\r\n",
                        f"b LOGIN alice#GOODPHONE {PASSWORD}\r\n",
                        "c LOGOUT\r\n"],
    "blocked": [f"a LOGIN alice#BOBPHONE {PASSWORD}\r\n"],
    "malformed": [f"a LOGIN alice##GOODPHONE {PASSWORD}\r\n"],
    "no login": ["a CAPABILITY\r\n", "b ID NIL\r\n", "c LOGOUT\r\n"],
}


@pytest.fixture
def gate(gateway, redis, fake):  # noqa: F811
    redis.seed()
    # held-back answers would only make this slow
    return Gate(gateway, redis, f"127.0.0.1:{fake.port}", level="info")


def normal(text):
    return re.sub(r"\?t=\S+", "?t=", text)


def said(gate, fake, pieces, pause):  # noqa: F811
    """Everything the server said, and every login the back end saw."""
    fake.logins.clear()
    with Imap(gate.port, greeting=False) as imap:
        for i, piece in enumerate(pieces):
            if i:
                time.sleep(pause)
            try:
                imap.send(piece)
            except ConnectionError:
                break
        rest = normal(imap.rest())
    return rest, list(fake.logins)


def step_by_step(gate, fake, steps):  # noqa: F811
    """As a patient client: each step waits for the answer to the last."""
    fake.logins.clear()
    with Imap(gate.port) as imap:
        for step in steps[:-1]:
            imap.send(step)
            while not re.match(r"\+|\w+ (OK|NO|BAD)|\* BAD", imap.line()):
                pass
        imap.send(steps[-1])
        imap.rest()
        return normal(imap.got.decode("latin-1")), list(fake.logins)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_any_split_is_the_same_conversation(gate, fake, name):  # noqa: F811
    steps = CONVERSATIONS[name]
    whole = "".join(steps)
    expected = step_by_step(gate, fake, steps)
    assert len(expected[1]) == (name not in ("blocked", "malformed",
                                             "no login"))
    assert said(gate, fake, [whole], 0) == expected
    assert said(gate, fake, steps, 0.02) == expected
    assert said(gate, fake, list(whole), 0.001) == expected
    for cut in range(1, len(whole)):
        if name == "blocked" and cut % 15:
            continue              # each costs a held-back answer
        assert said(gate, fake, [whole[:cut], whole[cut:]], 0.004) \
            == expected, (cut, whole[:cut], whole[cut:])


@pytest.mark.parametrize("size", [100, 4096, 4097, 9000, 50000])
def test_many_commands_in_one_piece_are_all_answered(gate, fake, size):  # noqa: F811
    count = size // 20
    text = "".join(f"x{i:05d} CAPABILITY    \r\n"[:20] + "\r\n"
                   for i in range(count))
    answer, _ = said(gate, fake, [text + "z LOGOUT\r\n"], 0)
    assert re.findall(r"^(x\d+) OK", answer, re.M) == [
        f"x{i:05d}" for i in range(count)]
    assert answer.endswith("z OK completed\r\n")


@pytest.mark.parametrize("size", [4000, 4090, 4096, 5000, 20000])
def test_what_follows_a_login_reaches_the_back_end_whole(gate, fake, size):  # noqa: F811
    count = size // 10
    text = f"a LOGIN alice#GOODPHONE {PASSWORD}\r\n"
    text += "".join(f"x{i:05d} N\r\n" for i in range(count)) + "c LOGOUT\r\n"
    answer, logins = said(gate, fake, [text], 0)
    assert len(logins) == 1
    assert re.findall(r"^(x\d+) OK", answer, re.M) == [
        f"x{i:05d}" for i in range(count)]
