"""tuning.chief: whoever waits for a chief is told where and for how long, and what to do when none comes."""

import socket
import threading
import time
from concurrent import futures

import grpc
import pytest

from aireal.errors import UserError
from tuning import supervisor
from tuning.chief import Chief


@pytest.fixture
def address():
    return "127.0.0.1", supervisor.free_port("127.0.0.1")


@pytest.fixture
def listen(address):
    """Returns a function that makes a gRPC server listen at the address."""

    def start() -> grpc.Server:
        server = grpc.server(futures.ThreadPoolExecutor(1))
        server.add_insecure_port(f"{address[0]}:{address[1]}")
        server.start()
        return server

    return start


def test_a_chief_that_answers_is_not_talked_about(address, listen, capsys):
    server = listen()
    Chief(address, 2.0).wait()
    server.stop(None)
    assert capsys.readouterr().out == ""


def test_a_chief_that_never_comes_ends_the_waiting_with_what_to_do(address, capsys):
    start = time.monotonic()
    with pytest.raises(UserError, match=rf"answered at 127.0.0.1:{address[1]} for 2 seconds\. Start it"):
        Chief(address, 2.0).wait()
    assert 2.0 <= time.monotonic() - start < 10.0
    said = capsys.readouterr().out
    assert said == f"No chief answers at 127.0.0.1:{address[1]} (--chief). Waiting for it, for up to 2 seconds ...\n"


def test_a_chief_that_comes_late_is_waited_for(address, listen, capsys):
    started = []
    timer = threading.Timer(2.0, lambda: started.append(listen()))
    timer.start()
    Chief(address, 60.0).wait()
    timer.join()
    assert capsys.readouterr().out.endswith("The chief answers.\n")
    started[0].stop(None)


def test_another_service_is_no_chief(address):
    with socket.create_server(address), pytest.raises(UserError, match="No chief answered"):
        Chief(address, 1.0).wait()


def test_a_chief_that_goes_away_has_a_moment_before_that_is_told(address, listen, capsys):
    chief = Chief(address, 3.0)
    server = listen()
    assert chief.watch(grace_seconds=2.0)
    server.stop(None).wait()
    assert not chief.watch(grace_seconds=2.0)
    assert capsys.readouterr().out == ""
    with pytest.raises(UserError, match="No chief answered"):
        chief.wait()
    assert "Waiting for it" in capsys.readouterr().out
