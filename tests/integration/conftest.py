"""Fixtures: each test that asks for `gateway` gets an nginx of its own, whose
log is read for [alert], [emerg] and sanitizer reports when the test ends."""

import pytest

from harness import Backend, Certificates, Gateway, Redis


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
