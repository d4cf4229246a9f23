"""A server for one reader on one machine: it reads, and answers nobody who does not know its word.

Other users of the machine, and pages of other sites in the same browser, can reach a port of
127.0.0.1. They get nothing without the random word in the address, and requests that name another
host are refused, so that no name of theirs stands for this machine.
"""

from __future__ import annotations

import json
import logging
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from efficiency.errors import InvalidInputError
from predictions.view.pages import Pages
from runs import Store, StoreError

_LOG = logging.getLogger(__name__)

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_KINDS = {"html": "text/html", "json": "application/json", "csv": "text/csv"}


class Server(ThreadingHTTPServer):
    """Serves the pages of a store on 127.0.0.1.

    Args:
        store: The store.
        port: 0 for one that is free.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True

    def __init__(self, store: Store, port: int = 0) -> None:
        self.pages, self.word = Pages(store), secrets.token_urlsafe(16)
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a reader who has gone before the answer came."""
        _LOG.debug("an answer did not arrive", exc_info=True)

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.server_port}/{self.word}/"

    def answer(self, path: str) -> tuple[str, str]:
        """Return what is at a path below the word: a kind and a text.

        Raises:
            InvalidInputError: Nothing is.
            StoreError: What is there is damaged.
        """
        match path.split("/"):
            case [""]:
                return "html", self.pages.index()
            case ["now"]:
                return "json", json.dumps(self.pages.now())
            case ["run", name]:
                return "json", json.dumps(self.pages.run(name))
            case ["verdict", plan, file]:
                return "csv" if file else "html", self.pages.verdict(plan, file)
        raise InvalidInputError("there is no such page")


class _Handler(BaseHTTPRequestHandler):
    """Answers GET; anything else is refused by its base, with 501."""

    server: Server
    server_version = "predictions"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer with a page, or with why there is none."""
        mine = {f"127.0.0.1:{self.server.server_port}", f"localhost:{self.server.server_port}"}
        word, _, path = unquote(self.path.partition("?")[0]).lstrip("/").partition("/")
        known = secrets.compare_digest(word.encode(), self.server.word.encode())
        if self.headers.get("Host") not in mine or not known:
            self._send(HTTPStatus.NOT_FOUND, "html", "There is nothing here.")
            return
        if not self.path.partition("?")[0].strip("/").count("/") and not self.path.endswith("/"):
            # Links of a page lead on from the folder that it is.
            self.send_response(HTTPStatus.MOVED_PERMANENTLY)
            self.send_header("Location", f"/{word}/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        try:
            kind, text = self.server.answer(path)
        except InvalidInputError as error:
            self._send(HTTPStatus.NOT_FOUND, "json", json.dumps(str(error)))
        except StoreError as error:
            self._send(HTTPStatus.CONFLICT, "json", json.dumps(str(error)))
        except Exception as error:  # the next page may be whole
            _LOG.error("%s could not be shown:", path or "the first page", exc_info=True)
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "json", json.dumps(repr(error)))
        else:
            self._send(HTTPStatus.OK, kind, text)

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        # Only scripts of the page's own run: what is shown has no tag, and does not know the word.
        nonce = secrets.token_urlsafe(16)
        if kind == "html":
            text = text.replace("<script>", f'<script nonce="{nonce}">')
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value.replace("{nonce}", nonce))
        self.send_header("Content-Type", f"{_KINDS[kind]}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing of a request: its address has the word."""

    def log_error(self, *args: object) -> None:
        """Say nothing of one that was refused either."""
