from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from metabone.errors import UsageError
from metabone.planning.calculator.serve import PageServer, make_server

PAGE = "<!doctype html><p>2 µm</p>"


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with make_server() as made:
        made.page = PAGE.encode("utf-8")
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(
    server: PageServer, path: str = "/", method: str = "GET", host: str | None = None
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    try:
        headers = {} if host is None else {"Host": host}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def raw(server: PageServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize("path", ["/", "/?", "/?a=1"])
def test_the_page_is_at_the_root(server: PageServer, path: str) -> None:
    answer, body = ask(server, path)
    assert answer.status == 200
    assert body.decode("utf-8") == PAGE
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Python" not in answer.headers["Server"]
    assert answer.headers["Access-Control-Allow-Origin"] is None


def test_head_has_the_length_and_no_body(server: PageServer) -> None:
    answer, body = ask(server, method="HEAD")
    assert (answer.status, body) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(PAGE.encode("utf-8"))


@pytest.mark.parametrize(
    "path",
    ["/index.html", "/favicon.ico", "/..", "/../../etc/passwd", "/%2e%2e/", "/.", "/pyproject.toml",
     "/metabone/", "http://127.0.0.1/", "*", "/\\", "/%00"],
)  # fmt: skip
def test_there_is_nothing_else(server: PageServer, path: str) -> None:
    answer, body = ask(server, path, host=f"127.0.0.1:{server.server_port}")
    assert (answer.status, body) == (404, b"nothing here\n")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_it_can_only_be_read(server: PageServer, method: str) -> None:
    assert ask(server, method=method)[0].status == 501


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_its_own_names_are_taken(server: PageServer, name: str) -> None:
    assert ask(server, host=f"{name}:{server.server_port}")[0].status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1",
     "127.0.0.1:1", "localhost:{port}.evil.example", "evil.example@127.0.0.1:{port}", "",
     "[::1]:{port}", "0.0.0.0:{port}", "127.0.0.1:{port}, evil.example"],
)  # fmt: skip
def test_another_host_is_refused(server: PageServer, host: str) -> None:
    """A page that has its own name turned to 127.0.0.1 cannot read this one."""
    answer, body = ask(server, host=host.format(port=server.server_port))
    assert (answer.status, body) == (403, b"wrong host\n")


def test_no_host_or_two_hosts_are_refused(server: PageServer) -> None:
    good = b"Host: 127.0.0.1:%d\r\n" % server.server_port
    assert raw(server, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.0 403")
    two = b"GET / HTTP/1.1\r\n" + good + b"Host: evil.example\r\n\r\n"
    assert raw(server, two).startswith(b"HTTP/1.0 403")
    assert b"2 \xc2\xb5m" in raw(server, b"GET / HTTP/1.1\r\n" + good + b"\r\n")


@pytest.mark.parametrize(
    "request_line",
    [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n",
     b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_noise_gets_no_page_and_ends_nothing(server: PageServer, request_line: bytes) -> None:
    assert b"2 \xc2\xb5m" not in raw(server, request_line)
    assert ask(server)[0].status == 200


def test_a_reader_that_leaves_says_nothing(
    server: PageServer, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        gone = socket.create_connection(("127.0.0.1", server.server_port), timeout=5)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # reset at once
        gone.sendall(b"GET / HTTP/1.1\r\n")
        gone.close()
    assert ask(server)[0].status == 200
    assert capfd.readouterr().err == ""


def test_it_is_bound_to_this_machine_alone(server: PageServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_port}/"
    # Another address of this machine: the whole of 127.0.0.0/8 is its own on Linux.
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", server.server_port)) != 0


def test_a_port_in_use_and_a_port_that_is_none(server: PageServer) -> None:
    with pytest.raises(UsageError, match=f"port {server.server_port} is in use by another program"):
        make_server(server.server_port)
    for port in (-1, 65536):
        with pytest.raises(UsageError, match="from 0"):
            make_server(port)


def test_a_port_is_free_again_at_once() -> None:
    with make_server() as first:
        port = first.server_port
    with make_server(port) as second:
        assert second.server_port == port
