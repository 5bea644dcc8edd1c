"""A local S3 server, for tests that fetch from S3 or bring something there."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import importlib.util
import re
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from xml.sax.saxutils import unescape

from tests.jobs import HANG

if TYPE_CHECKING:
    from collections.abc import Iterator


# The server checks no signature, but shows an object only to somebody who gives one.
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20200101/us-east-1/s3/aws4_request"}


class ObjectStore:
    """A local S3 server: what `S3_ENDPOINT_URL` points the runtime at."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.environ = {
            "S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_REGION": "us-east-1",
        }

    def put(self, path: str, body: bytes = b"") -> None:
        status, _ = self._ask("PUT", path, body)
        assert status == 200, (path, status)

    def get(self, path: str) -> bytes | None:
        """The object `/bucket/key`, None where there is none."""
        status, body = self._ask("GET", quote(path))
        return body if status == 200 else None

    def names(self, prefix: str) -> list[str]:
        """Keys of `bucket` that begin with `prefix`, without it; of the first thousand."""
        _, listing = self._ask("GET", f"/bucket?list-type=2&prefix={quote(prefix)}")
        keys = [unescape(key) for key in re.findall("<Key>(.*?)</Key>", listing.decode())]
        return sorted(key.removeprefix(prefix) for key in keys)

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG)
        try:
            connection.request(method, path, body, SIGNED if method == "GET" else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


class Front(http.server.ThreadingHTTPServer):
    """Stands before `store` and passes requests on, but first answers `failures` of them with 500.

    `written`: (path, content) of every PUT that got through.
    """

    daemon_threads = True

    def __init__(self, store: ObjectStore, failures: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.store, self.failures = store, failures
        self.written: list[tuple[str, bytes]] = []
        self.environ = store.environ | {"S3_ENDPOINT_URL": f"http://127.0.0.1:{self.server_port}"}

    def __enter__(self) -> Front:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Passing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.failures > 0:
            self.server.failures -= 1
            status, answer = 500, b""
        else:
            status, answer = self.server.store._ask("PUT", self.path, body)
            self.server.written.append((unquote(self.path), body))
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def serve() -> Iterator[ObjectStore]:
    """moto's server, with one bucket, `bucket`, in it."""
    for module in ("moto", "boto3"):
        found = importlib.util.find_spec(module)
        assert found, f'{module} is missing: pip install "moto[server,s3]" boto3'
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    store = ObjectStore(port)
    try:
        deadline = time.monotonic() + HANG
        while True:
            assert server.poll() is None, "moto's server ended"
            try:
                store.put("/bucket")
                break
            except OSError:
                assert time.monotonic() < deadline, "moto's server does not answer"
                time.sleep(0.05)
        yield store
    finally:
        server.kill()
        server.wait()
