"""exports.web.server: one folder, to this machine alone."""

import http.client
import socket
import struct
import threading
import time

import pytest

from aireal.errors import UserError
from exports.web import server
from exports.web.site import HEADERS


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "page"
    (folder / "model").mkdir(parents=True)
    (folder / "index.html").write_text("hello")
    (folder / "a.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    with server.bind(folder, 0) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def get(served, path, host="127.0.0.1"):
    connection = http.client.HTTPConnection("127.0.0.1", served.server_port)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    return answer, answer.read()


def test_it_listens_on_loopback(served):
    assert served.server_address[0] == "127.0.0.1"


def test_files_come_with_the_headers_that_keep_them_safe(served):
    for path in ("/", "/a.wasm"):
        answer, _ = get(served, path)
        assert answer.status == 200
        assert HEADERS.items() <= dict(answer.getheaders()).items()
    assert answer.getheader("Content-Type") == "application/wasm"


@pytest.mark.parametrize("path", ["/link", "/../secret", "/%2e%2e/secret", "/model/", "/nothing"])
def test_nothing_else_is_served(served, path):
    answer, body = get(served, path)
    assert answer.status == 404
    assert body != b"secret"


def test_a_visitor_who_leaves_is_no_error(served, tmp_path, capfd):
    with open(tmp_path / "page/large.wasm", "wb") as file:
        file.truncate(50_000_000)
    before = threading.active_count()
    for _ in range(3):
        with socket.create_connection(served.server_address) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed with a reset
            connection.sendall(b"GET /large.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.recv(1000)
    while threading.active_count() > before:
        time.sleep(0.01)
    assert capfd.readouterr().err == ""


def test_a_foreign_name_for_this_machine_is_refused(served):
    assert get(served, "/", host="evil.example")[0].status == 403
    assert get(served, "/", host=f"localhost:{served.server_port}")[0].status == 200


def test_a_port_that_is_taken_is_named(served, tmp_path):
    with pytest.raises(UserError, match=rf"--port={served.server_port} cannot be used: .* --port=0 takes a free one"):
        server.bind(tmp_path, served.server_port)
