"""A Redis that can be made to answer wrongly, byte by byte: it holds the cast
of harness.Redis.seed() and speaks just enough of the protocol.  `spoil` is a
callable(command) -> bytes, None (answer properly) or CLOSE."""

import contextlib
import os
import socket
import threading

CLOSE = object()


def bulk(value):
    if value is None:
        return b"$-1\r\n"
    value = value if isinstance(value, bytes) else str(value).encode()
    return b"$%d\r\n%s\r\n" % (len(value), value)


def array(values):
    return b"*%d\r\n" % len(values) + b"".join(bulk(v) for v in values)


class FakeRedis:
    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        self.socket = str(directory / "fake.sock")
        self.spoil = None
        self.greeting = b""          # sent unasked to each new connection
        self.piece = 1 << 20         # bytes a write
        self.commands = []
        self.connections = 0
        self.sets = {"groups": ["default", "sales"],
                     "index:break_glass:1": ["breakglass"]}
        self.strings = {"alias:user:alice@example.com": "alice"}
        self.hashes = {
            "group:default": {"mode": "enforce", "unknown_user": "block"},
            "group:sales": {"mode": "enforce"},
            "user:alice": {"groups": "sales"},
            "user:breakglass": {"break_glass": "1"},
            "device:GOODPHONE": {"state": "compliant", "owner": "alice"},
            "device:BADPHONE": {"state": "noncompliant", "owner": "alice"},
        }
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        os.chmod(self.socket, 0o777)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,),
                             daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError, ValueError):
            file = connection.makefile("rb")
            connection.sendall(self.greeting)
            while line := file.readline():
                command = []
                for _ in range(int(line[1:])):
                    size = int(file.readline()[1:])
                    command.append(file.read(size + 2)[:-2].decode())
                self.commands.append(command)
                reply = self.spoil(command) if self.spoil else None
                if reply is CLOSE:
                    return
                if reply is None:
                    reply = self.answer(command)
                for i in range(0, len(reply), self.piece):
                    connection.sendall(reply[i:i + self.piece])

    def answer(self, command):
        name, args = command[0].upper(), command[1:]
        key = args[0].removeprefix("compliance:") if args else ""
        if name == "PING":
            return b"+PONG\r\n"
        if name == "GET":
            return bulk(self.strings.get(key))
        if name == "SMEMBERS":
            return array(self.sets.get(key, []))
        if name == "HGETALL":
            return array([x for pair in self.hashes.get(key, {}).items()
                          for x in pair])
        if name in ("HGET", "HMGET"):
            record = self.hashes.get(key, {})
            values = [record.get(field) for field in args[1:]]
            return bulk(values[0]) if name == "HGET" else array(values)
        if name == "XADD":
            return bulk("1-1")
        return b"-ERR unknown command\r\n"
