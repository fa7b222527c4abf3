"""One page on this machine's own address, for browsers that will not open a file."""

from __future__ import annotations

import errno
import os
import socketserver
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from metabone.errors import UsageError

HOST = "127.0.0.1"
# A page of another site whose name is turned to 127.0.0.1 afterwards (DNS rebinding) still sends
# its own name as Host.
NAMES = (HOST, "localhost")


class PageServer(ThreadingHTTPServer):
    """Serves one page at ``/`` to this machine alone; see `make_server`."""

    daemon_threads = True
    # Elsewhere it lets a port be used again at once; on Windows it lets two programs share one.
    allow_reuse_address = os.name != "nt"

    def __init__(self, port: int) -> None:
        self.page = b""
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Bind, without the name look-up of `http.server`, which may ask the network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HOST}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in mid-answer is no news; anything else is."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "metabone", ""
    timeout = 10  # a connection that says nothing is closed

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        server = cast(PageServer, self.server)
        if not self._is_meant(server.server_port):
            status, kind, body = HTTPStatus.FORBIDDEN, "text/plain", b"wrong host\n"
        elif self.path.partition("?")[0] != "/":
            status, kind, body = HTTPStatus.NOT_FOUND, "text/plain", b"nothing here\n"
        else:
            status, kind, body = HTTPStatus.OK, "text/html", server.page
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _is_meant(self, port: int) -> bool:
        """Whether the one Host that is given is a name of this server."""
        given = [host.strip().casefold() for host in self.headers.get_all("Host", [])]
        allowed = {f"{name}:{port}" for name in NAMES}
        # Browsers leave out the port of http itself.
        return len(given) == 1 and given[0] in (allowed | set(NAMES) if port == 80 else allowed)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: who asked for the page is known."""


def make_server(port: int = 0) -> PageServer:
    """A server of one page, bound to 127.0.0.1 and not yet serving.

    Set its ``page`` (bytes of HTML), then call ``serve_forever``. The port is taken before the page
    is made, so that one that cannot be had is known at once.

    ``GET`` and ``HEAD`` of ``/`` give the page, any other path status 404, and a Host other than
    127.0.0.1 or localhost with the server's port status 403. Use it as a context manager, which
    frees the port.

    Parameters
    ----------
    port : 0 takes a free one; ``server.address`` says which.

    Raises
    ------
    UsageError
        If the port is no port, in use, or not allowed.

    Examples
    --------
    >>> with make_server() as server:
    ...     server.page = b"<p>calm</p>"
    ...     server.address.startswith("http://127.0.0.1:")
    True
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"a port is a whole number from 0 (a free one) to 65535; got {port}")
    try:
        return PageServer(port)
    except OSError as error:
        why = {
            errno.EADDRINUSE: "is in use by another program",
            errno.EACCES: "may not be used by this account",
        }.get(error.errno or 0, f"cannot be used: {error.strerror or error}")
        raise UsageError(f"port {port} {why}; choose another, or 0 for a free one") from error
