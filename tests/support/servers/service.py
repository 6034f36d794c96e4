"""One bucket of an object storage: where it is, how it is opened by our names, and by obstore alone."""

from __future__ import annotations

import dataclasses
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import obstore
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

QUICK: Mapping[str, Any] = {"max_retries": 0, "retry_timeout": timedelta(seconds=5)}


@dataclass(frozen=True, slots=True)
class Service:
    """A bucket on a server that runs.

    Parameters
    ----------
    scheme
        ``s3``, ``gs`` or ``az``.
    bucket
        The bucket or container, which exists.
    endpoint
        Where the server answers, with the account's path on Azure.
    options
        The storage options without ``endpoint_url``, by the names that `pyramid` knows.
    """

    scheme: str
    bucket: str
    endpoint: str
    options: Mapping[str, str]

    @property
    def storage_options(self) -> dict[str, str]:
        """What `pyramid` is to be given beside a URL."""
        return {**self.options, "endpoint_url": self.endpoint}

    def url(self, key: str) -> str:
        """The URL of a key."""
        return f"{self.scheme}://{self.bucket}/{key}"

    def through(self, endpoint: str) -> Service:
        """The same bucket, asked through a proxy at `endpoint`."""
        parts = urllib.parse.urlsplit(self.endpoint)
        return dataclasses.replace(self, endpoint=f"{endpoint}{parts.path}")

    def with_options(self, **options: str) -> Service:
        """The same bucket, asked with other options: a wrong secret, say."""
        return dataclasses.replace(self, options={**self.options, **options})

    def store(self, prefix: str = "", **settings: Any) -> ObjectStore:
        """A store of obstore's own, which tries everything once unless `settings` (``retry_config``, …) say more."""
        common: dict[str, Any] = {"client_options": {"allow_http": True}, "retry_config": QUICK, **settings}
        return _STORES[self.scheme](self, prefix or None, common)

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """All objects under a prefix, by their key below it."""
        store = self.store(prefix)
        keys = [item["path"] for batch in obstore.list(store) for item in batch]
        return {key: bytes(obstore.get(store, key).bytes()) for key in keys}


def make_s3_bucket(service: Service, headers: Mapping[str, str] | None = None) -> None:
    """Make the service's bucket by a signed request; `headers` are sent beside the signature."""
    signed = obstore.sign(service.store(), "PUT", "", timedelta(minutes=5))  # type: ignore[call-overload]  # S3 signs
    request = urllib.request.Request(signed, method="PUT", headers=dict(headers or {}))
    with urllib.request.urlopen(request, timeout=60):
        pass


def _s3(service: Service, prefix: str | None, common: dict[str, Any]) -> ObjectStore:
    return S3Store(
        service.bucket,
        prefix=prefix,
        access_key_id=service.options["key"],
        secret_access_key=service.options["secret"],
        region=service.options["region"],
        endpoint=service.endpoint,
        **common,
    )


def _google(service: Service, prefix: str | None, common: dict[str, Any]) -> ObjectStore:
    return GCSStore(
        service.bucket,
        prefix=prefix,
        service_account_path=service.options["token"],
        base_url=service.endpoint,
        **common,
    )


def _azure(service: Service, prefix: str | None, common: dict[str, Any]) -> ObjectStore:
    return AzureStore(
        service.bucket,
        prefix=prefix,
        account_name=service.options["account_name"],
        account_key=service.options["account_key"],
        endpoint=service.endpoint,
        **common,
    )


_STORES = {"s3": _s3, "gs": _google, "az": _azure}
