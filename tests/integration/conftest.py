"""Fixtures: each test that asks for `gateway` gets an nginx of its own, whose
log is read for [alert], [emerg] and sanitizer reports when the test ends."""

import os

import pytest

from demo_lab import Demo
from harness import BAD_LOG, Backend, Certificates, Gateway, Redis


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def backend():
    server = Backend()
    yield server
    server.stop()


@pytest.fixture
def gateway(tmp_path):
    server = Gateway(tmp_path / "nginx")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo")
    os.chmod(directory, 0o755)
    # The servers drop to users of their own and must get in there.
    for parent in directory.parents:
        if str(parent).startswith("/tmp/"):
            os.chmod(parent, 0o755)
    demo = Demo(directory)
    yield demo
    log = open(demo.nginx_error_log, errors="replace").read()
    demo.run("stop")
    bad = [line for line in log.splitlines() if BAD_LOG.search(line)]
    assert not bad, "\n".join(bad[:20])
