"""Google Cloud Storage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pyramid.stores.obstore_objects import RemoteObjects
from pyramid.stores.schemes import Access, Option, client_options

if TYPE_CHECKING:
    from obstore.store import GCSConfig, GCSStore


# Storage options by their usual names.
OPTIONS: Mapping[str, Option] = {
    # The path of a service account's file is sent to other processes. The text of the file is secret, and is not.
    "token": Option("token", secret=True),
    "anon": Option("skip_signature"),
    "endpoint_url": Option("base_url"),
}


def open_store(access: Access) -> RemoteObjects:
    """Return the objects at and below a location, without a request."""
    config = client_options(OPTIONS, access.options)
    token = str(config.pop("token", "") or "")
    if token == "anon":
        config["skip_signature"] = True
    elif token:
        config["service_account_key" if token.lstrip().startswith("{") else "service_account_path"] = token
    if "base_url" not in config and os.environ.get("GOOGLE_BASE_URL"):
        config["base_url"] = os.environ["GOOGLE_BASE_URL"]

    def build(settings: Mapping[str, Any]) -> GCSStore:
        from obstore.store import GCSStore  # noqa: PLC0415  (a local run needs no obstore)

        place = access.location
        return GCSStore(place.bucket, prefix=place.path or None, config=cast("GCSConfig", config), **settings)

    return RemoteObjects(access, build, str(config.get("base_url", "")))
