"""S3 as moto plays it: quick to start, faithful in keys and bytes, and blind to wrong secrets and corrupted bodies."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers.loopback import HOST, running, wait_until_answers
from tests.support.servers.service import Service, make_s3_bucket

SECRET = "a-secret-that-is-told-to-nobody"
BUCKET = "images"
# A process of its own, so that it takes no turns with the tests; at a socket that listens before it starts, so that
# no other can take its port.
_PROGRAM = """
import signal, sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def log_request(self, *_): pass
application = DomainDispatcherApplication(create_backend_app)
host, port, fd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
make_server(host, port, application, threaded=True, request_handler=Handler, fd=fd).serve_forever()
"""


@contextlib.contextmanager
def moto_s3(folder: Path, bucket: str = BUCKET, *, public: bool = False) -> Iterator[Service]:
    """A moto server with a bucket, which anyone may write to where it is `public`; its log is in `folder`."""
    with socket.create_server((HOST, 0), backlog=256) as listening:
        port, log = listening.getsockname()[1], folder / f"moto-{bucket}.log"
        command = [sys.executable, "-c", _PROGRAM, HOST, str(port), str(listening.fileno())]
        with running(command, log, environment={"MOTO_PORT": str(port)}, pass_fds=[listening.fileno()]) as server:
            options = {"key": "user", "secret": SECRET, "region": "us-east-1"}
            service = Service("s3", bucket, f"http://{HOST}:{port}", options)
            wait_until_answers(service.endpoint, server, log)
            make_s3_bucket(service, {"x-amz-acl": "public-read-write"} if public else {})
            yield service
