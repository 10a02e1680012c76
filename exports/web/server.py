"""Serves a page on this machine alone."""

import contextlib
import errno
import functools
import http.server
import pathlib

from aireal.errors import UserError
from exports.web.site import HEADERS

_HOST = "127.0.0.1"


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
    }

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a page that is closed or loaded again while it is on its way
            super().handle()

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def send_head(self):
        # A name that leads a browser to this address (DNS rebinding) is not this page's.
        if self.headers.get("Host", "").partition(":")[0] not in (_HOST, "localhost"):
            self.send_error(http.HTTPStatus.FORBIDDEN)
            return None
        if not self._is_inside():
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def _is_inside(self) -> bool:
        """Whether a path leads to a file of the folder, and not out of it by a link, nor to a list of its files."""
        path = pathlib.Path(self.translate_path(self.path)).resolve()
        root = pathlib.Path(self.directory).resolve()
        return path.is_relative_to(root) and (path == root or path.is_file())

    def log_message(self, *_) -> None:
        """Says nothing of requests."""


def bind(folder: pathlib.Path, port: int) -> http.server.ThreadingHTTPServer:
    """Returns a server of a folder, on loopback.

    Args:
      folder: the page, as `site.make` wrote it.
      port: 0 takes a free one.

    Raises:
      UserError: the port is taken, or not for everybody.
    """
    try:
        return http.server.ThreadingHTTPServer((_HOST, port), functools.partial(_Handler, directory=str(folder)))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise UserError(f"--port={port} cannot be used: {error.strerror}. --port=0 takes a free one.") from error


def serve(folder: pathlib.Path, port: int) -> None:
    """Serves a folder until it is interrupted."""
    with bind(folder, port) as server:
        print(f"It is on http://{_HOST}:{server.server_port}/ until Ctrl-C.", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
