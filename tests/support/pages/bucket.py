"""Buckets of pages, as moto plays them."""

from __future__ import annotations

import dataclasses
import json
import urllib.parse
from pathlib import Path

import obstore
import pytest

from tests.support.servers.service import Service, make_s3_bucket


class Bucket:
    """Objects of the URLs of pages, in S3 and in Google's storage.

    A page names any bucket. Those of S3 are made when they are first named; Google's and Azure's are the one there is.
    """

    def __init__(self, *services: Service) -> None:
        self._services = {service.scheme: service for service in services}
        self._made = {service.bucket for service in services}

    def into_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give the address and the credentials of S3 to commands, as a reader has them."""
        s3 = self._services["s3"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.options["key"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.options["secret"])
        monkeypatch.setenv("AWS_REGION", s3.options["region"])
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)

    def upload(self, url: str, local: Path) -> None:
        """Put a file, or the files of a folder, to a URL."""
        service, key = self._at(url)
        store = service.store()
        for path in [local] if local.is_file() else local.rglob("*"):
            if path.is_file():
                below = "" if path == local else f"/{path.relative_to(local).as_posix()}"
                obstore.put(store, f"{key}{below}", path.read_bytes())

    def remove(self, url: str) -> None:
        """Delete all objects of a URL."""
        service, key = self._at(url)
        store = service.store()
        for found in [item["path"] for batch in obstore.list(store, prefix=key) for item in batch]:
            obstore.delete(store, found)

    def options(self, url: str) -> list[str]:
        """The address and the credentials of an emulator, where the environment does not have them."""
        service, _ = self._at(url)
        return [] if service.scheme == "s3" else ["--storage-options", json.dumps(service.storage_options)]

    def _at(self, url: str) -> tuple[Service, str]:
        parts = urllib.parse.urlsplit(url)
        service = dataclasses.replace(self._services[parts.scheme], bucket=parts.netloc)
        if parts.netloc not in self._made:
            make_s3_bucket(service, {"x-amz-acl": "public-read-write"})  # some commands send no credentials
            self._made.add(parts.netloc)
        return service, parts.path.strip("/")
