"""Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Mapping

from pyramid.stores.client import bucket_builder
from pyramid.stores.obstore_objects import RemoteObjects
from pyramid.stores.schemes import Access, Option, client_options, from_environment

# Storage options by their usual names.
OPTIONS: Mapping[str, Option] = {
    # The path of a service account's file is sent to other processes. The text of the file is secret, and is not.
    "token": Option("token", secret=True, may_be_path=True),
    "anon": Option("skip_signature"),
    "endpoint_url": Option("base_url"),
}


class GoogleObjects(RemoteObjects):
    """Objects in a bucket of Google Cloud Storage."""

    _credentials = (
        "set GOOGLE_APPLICATION_CREDENTIALS to the file of an account, sign in with gcloud auth application-default "
        "login, or give the storage option anon=True for a public bucket"
    )
    _version_name = "version"


def open_store(access: Access) -> GoogleObjects:
    """Return the objects at and below a location, without a request."""
    config = client_options(OPTIONS, access.options)
    token = str(config.pop("token", "") or "")
    if token == "anon":
        config["skip_signature"] = True
    elif token:
        config["service_account_key" if token.lstrip().startswith("{") else "service_account_path"] = token
    if endpoint := from_environment("GOOGLE_BASE_URL"):
        config.setdefault("base_url", endpoint)
    build = bucket_builder("GCSStore", access.location.bucket, access.location.path, config)
    return GoogleObjects(access, build, str(config.get("base_url", "")))
