"""Azure Blob Storage, and Data Lake Gen2 through its blobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.errors import OptionError
from pyramid.stores.answers import Answer
from pyramid.stores.checksums import WrongSumError, md5
from pyramid.stores.client import bucket_builder
from pyramid.stores.obstore_objects import RemoteObjects
from pyramid.stores.schemes import Access, Option, client_options, from_environment

_SUM = "md5"  # name of the sum in the metadata of a blob
# Options by their names in a connection string.
_OF_CONNECTION = {
    "accountname": "account_name",
    "accountkey": "account_key",
    "sharedaccesssignature": "sas_key",
    "blobendpoint": "endpoint",
}


# Storage options by their usual names.
OPTIONS: Mapping[str, Option] = {
    "account_name": Option("account_name"),
    "account_key": Option("account_key", secret=True),
    "sas_token": Option("sas_key", secret=True),
    "connection_string": Option("connection_string", secret=True),
    "tenant_id": Option("tenant_id"),
    "client_id": Option("client_id"),
    "client_secret": Option("client_secret", secret=True),
    "anon": Option("skip_signature"),
    "endpoint_url": Option("endpoint"),
}


class AzureObjects(RemoteObjects):
    """Blobs of one URL.

    Answers reach us through obstore without the sum of a blob. Without TLS, each blob is therefore read back when it is
    put, and its sum is stored in its metadata for later readers.
    """

    _credentials = (
        "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or give the storage option connection_string, or "
        "anon=True for a public container"
    )

    def _send(self, key: str, body: bytes | memoryview, seconds: float) -> None:
        if not self.checks_whole:
            super()._send(key, body, seconds)
            return
        digest = md5([body])
        self._client.put(key, body, seconds, {_SUM: digest})
        if self._stored(key, seconds) != digest:
            raise WrongSumError

    def _sum(self, answer: Answer) -> str | None:
        return answer.attributes.get(_SUM)


def open_store(access: Access) -> AzureObjects:
    """Return the blobs at and below a location, without a request."""
    config = client_options(OPTIONS, access.options)
    connection = str(config.pop("connection_string", "") or from_environment("AZURE_STORAGE_CONNECTION_STRING"))
    config = {**_connection(connection), **config}
    container, _, host = access.location.bucket.partition("@")
    if host:  # such as abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY
        config.setdefault("account_name", host.partition(".")[0])
    named = from_environment("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
    if "account_name" not in config and not named:
        raise OptionError(
            f"{access.location}: Azure needs an account; give the storage option account_name, as "
            '{"account_name": "NAME"} in storage_options=..., or set AZURE_STORAGE_ACCOUNT_NAME'
        )
    config.setdefault("account_name", named)
    if endpoint := from_environment("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"):
        config.setdefault("endpoint", endpoint)
    build = bucket_builder("AzureStore", container, access.location.path, config)
    return AzureObjects(access, build, str(config.get("endpoint", "")))


def _connection(text: str) -> dict[str, Any]:
    """Return the options in a connection string ``AccountName=…;AccountKey=…``."""
    items = (item.partition("=") for item in text.split(";") if item.strip())
    said = {name.strip().lower(): value.strip() for name, _, value in items}
    if text and not said.keys() & _OF_CONNECTION.keys():
        raise OptionError("connection_string: it has no AccountName; copy it from the account's page of access keys")
    return {_OF_CONNECTION[name]: value for name, value in said.items() if name in _OF_CONNECTION}
