"""Google Cloud Storage as obstore speaks to it (the XML API), played by moto behind a proxy that translates headers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers.proxy import Headers, Proxy
from tests.support.servers.s3 import BUCKET, moto_s3
from tests.support.servers.service import Service


@contextlib.contextmanager
def moto_google(folder: Path, bucket: str = BUCKET) -> Iterator[Service]:
    """A bucket that speaks Google's XML API; its service account's file, which ``token`` names, is in `folder`."""
    with moto_s3(folder, bucket, public=True) as s3, Proxy(s3.endpoint, rewrite=as_s3) as proxy:
        account = folder / f"service-account-{bucket}.json"
        keys = {"private_key": "private_key", "private_key_id": "private_key_id", "client_email": "client_email"}
        account.write_text(json.dumps({**keys, "gcs_base_url": proxy.endpoint, "disable_oauth": True}))
        yield Service("gs", bucket, proxy.endpoint, {"token": str(account)})


def as_s3(headers: Headers) -> Headers:
    """A request's headers in S3's words, without the bearer, which S3 takes for a signature it does not know.

    >>> as_s3([("Host", "a"), ("Authorization", "Bearer "), ("x-goog-if-generation-match", "0")])
    [('Host', 'a'), ('If-None-Match', '*')]
    """
    return [_translated(name, value) for name, value in headers if name.lower() != "authorization"]


def _translated(name: str, value: str) -> tuple[str, str]:
    if name.lower() != "x-goog-if-generation-match":
        return name, value
    if value != "0":
        raise ValueError(f"S3 has no word for {name}: {value}")
    return "If-None-Match", "*"
