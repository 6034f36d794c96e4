"""Amazon's S3 and what speaks as it does: MinIO, Ceph, R2 and many more."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pyramid.errors import OptionError
from pyramid.stores.remote import RemoteObjects
from pyramid.stores.scheme import Access, Option, Scheme

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import S3Config, S3Store

_REGION = "us-east-1"


def _open(access: Access) -> RemoteObjects:
    given = S3.config(access.options)
    profile = str(given.pop("profile", "") or "")
    known: dict[str, Any] = {"region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION}
    provider = None
    if not given.get("skip_signature") and "access_key_id" not in given:
        name = profile or ("" if "AWS_ACCESS_KEY_ID" in os.environ else os.environ.get("AWS_PROFILE", ""))
        if name:
            provider, told = _profile(name)
            known |= told
    for variable in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if os.environ.get(variable):
            known["endpoint"] = os.environ[variable]
            break
    config = {**known, **given}

    def build(settings: Mapping[str, Any]) -> S3Store:
        from obstore.store import S3Store  # noqa: PLC0415  (a local run needs no obstore)

        place = access.location
        return S3Store(
            place.bucket,
            prefix=place.path or None,
            config=cast("S3Config", config),
            credential_provider=provider,
            **settings,
        )

    return RemoteObjects(access, build, str(config.get("endpoint", "")))


def _profile(name: str) -> tuple[Callable[[], Any], dict[str, Any]]:
    """Who asks by a profile of ``~/.aws``, and the region and endpoint that it names."""
    try:
        import boto3  # noqa: PLC0415  (an extra)
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    except ModuleNotFoundError:
        raise OptionError(
            f"profile {name!r}: profiles of ~/.aws are read by boto3, which is not installed; "
            "pip install 'ome-pyramid[profiles]', or give credentials in the environment"
        ) from None
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415

    try:
        session = boto3.Session(profile_name=name)
        provider = Boto3CredentialProvider(session)
        endpoint = session.client("s3", region_name=session.region_name or _REGION).meta.endpoint_url
    except (BotoCoreError, ValueError) as error:
        raise OptionError(
            f"profile {name!r} of ~/.aws cannot be used: {error}; check its name and what it holds"
        ) from None
    told = {"region": session.region_name} if session.region_name else {}
    return provider, told if endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn")) else {
        **told,
        "endpoint": endpoint,
    }


S3 = Scheme(
    "s3",
    ("s3a", "s3n"),
    {
        "key": Option("access_key_id", secret=True),
        "secret": Option("secret_access_key", secret=True),
        "token": Option("session_token", secret=True),
        "anon": Option("skip_signature"),
        "endpoint_url": Option("endpoint"),
        "region": Option("region"),
        "profile": Option("profile"),
        "virtual_host": Option("virtual_hosted_style_request"),
    },
    _open,
)
