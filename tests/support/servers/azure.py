"""Azure Blob Storage as Azurite plays it, with the account that its documentation gives everyone."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import urllib.request
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.servers.loopback import HOST, free_port, running, wait_until_answers
from tests.support.servers.service import Service

AZURITE = ROOT / "build/azurite/node_modules/.bin/azurite-blob"  # `make test-services` brings it
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CONTAINER = "images"
_VERSION = "2021-12-02"


@contextlib.contextmanager
def azurite(folder: Path, container: str = CONTAINER) -> Iterator[Service]:
    """An Azurite server with a container; its blobs are in its memory, its log in `folder`."""
    port, log = free_port(), folder / "azurite.log"
    flags = ["--blobHost", HOST, "--blobPort", str(port), "--inMemoryPersistence"]
    quiet = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    with running([str(AZURITE), *flags, *quiet], log) as server:
        endpoint = f"http://{HOST}:{port}"
        wait_until_answers(endpoint, server, log)
        options = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY}
        service = Service("az", container, f"{endpoint}/{ACCOUNT}", options)
        make_container(service)
        yield service


def make_container(service: Service) -> None:
    """Make the service's container by a request signed with the account's key ("Shared Key" in Azure's reference)."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
    ours = "".join(f"{name}:{value}\n" for name, value in headers.items())
    resource = f"/{ACCOUNT}/{ACCOUNT}/{service.bucket}\nrestype:container"
    signed = "PUT" + "\n" * 12 + ours + resource
    digest = hmac.digest(base64.b64decode(ACCOUNT_KEY), signed.encode(), hashlib.sha256)
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    request = urllib.request.Request(
        f"{service.endpoint}/{service.bucket}?restype=container", b"", headers, method="PUT"
    )
    request.add_header("Content-Type", "")
    with urllib.request.urlopen(request, timeout=60):
        pass
