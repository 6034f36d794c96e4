"""Amazon S3 and compatible services, such as MinIO, Ceph and R2."""

from __future__ import annotations

import html
import os
import re
import urllib.parse
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import obstore
from obstore.store import S3Store

from pyramid.errors import OptionError
from pyramid.stores.answers import AnswerError
from pyramid.stores.client import Build, bucket_builder
from pyramid.stores.obstore_objects import RemoteObjects
from pyramid.stores.schemes import Access, Option, client_options, from_environment
from pyramid.stores.waiting import guarded, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable


# The region if none is given: the default of S3, which compatible services accept.
_REGION = "us-east-1"
# The time in which a machine's own service must give credentials: it is near, or it does not exist.
_LOOKUP_S = 5.0
# Variables of the environment without which only the machine's own service may give credentials.
_GIVEN = (
    *("AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
)


# Storage options by their usual names.
OPTIONS: Mapping[str, Option] = {
    "key": Option("access_key_id", secret=True),
    "secret": Option("secret_access_key", secret=True),
    "token": Option("session_token", secret=True),
    "anon": Option("skip_signature"),
    "endpoint_url": Option("endpoint"),
    "region": Option("region"),
    "profile": Option("profile"),
    "virtual_host": Option("virtual_hosted_style_request"),
}


class S3Objects(RemoteObjects):
    """Objects in a bucket.

    Parameters
    ----------
    access, build
        As in `RemoteObjects`.
    config, provider
        The settings of the bucket, and the provider of credentials; None for obstore.
    """

    _credentials = (
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the storage option profile=... for a profile of "
        "~/.aws, or anon=True for a public bucket"
    )

    def __init__(
        self, access: Access, build: Build, config: Mapping[str, Any], provider: Callable[[], Any] | None
    ) -> None:
        super().__init__(access, build, str(config.get("endpoint", "")))
        self._build = build
        self._config = config
        self._provider = provider
        is_given = provider is not None or any(name in config for name in ("access_key_id", "skip_signature"))
        self._looks_up = not is_given and not from_environment(*_GIVEN)

    def _seconds(self, body_bytes: int, timeouts: int) -> float:
        """Return the seconds that a request may take.

        Before the first request, the credentials of the machine are looked up. A machine without any may not answer,
        and a request would wait for it as long as for the bucket.
        """
        if self._looks_up:
            limits = {"timeout": timedelta(seconds=_LOOKUP_S), "allow_http": True}
            store: Any = self._build({"client_options": limits, "retry_config": {"max_retries": 0}})
            wait_for(lambda: obstore.sign_async(store, "GET", "1", timedelta(minutes=1)))
            self._looks_up = False
        return super()._seconds(body_bytes, timeouts)

    def _check_end(self, prefix: str, last: str | None) -> None:
        """Request the keys after `last` once more, and raise AnswerError if there are any.

        obstore takes an error with the status 200 for an empty listing. If a service does not accept this request,
        the result of obstore counts.
        """
        from pyramid.stores.plain import PlainClient  # noqa: PLC0415  (ssl and more, needed only at the end of a listing)

        folder = f"{self.location.path}/{prefix}"
        asked = {"list-type": "2", "max-keys": "2", "prefix": folder}
        if last is not None:
            asked["start-after"] = f"{self.location.path}/{last}"
        seconds = self._seconds(0, 0)
        with closing(PlainClient(self._signed(asked, seconds))) as client:
            try:
                answer = client.get("", None, seconds)
            except AnswerError as error:
                if error.again:
                    raise
                return
            body = b"" if answer is None else b"".join(answer.body())
        found = re.findall(rb"<Key>([^<]*)</Key>", body) if b"<ListBucketResult" in body[:1000] else []
        if any(html.unescape(key.decode(errors="replace")) != folder for key in found):
            raise AnswerError("the listing ended early", again=True)

    def _signed(self, asked: Mapping[str, str], seconds: float) -> str:
        """Return a URL for a request to the bucket itself, signed with the credentials.

        obstore can sign only the URLs of objects. But it accepts any address of a bucket, so it is given one with a
        query. With the option ``anon`` the URL is not signed.
        """
        config: Any = dict(self._config)
        bucket = self.location.bucket
        base = str(config.get("endpoint", "")).rstrip("/")
        is_host = str(config.pop("virtual_hosted_style_request", "")).lower() == "true"
        if not base:
            base, is_host = f"https://s3.{config['region']}.amazonaws.com", False
        query = urllib.parse.urlencode(asked, quote_via=urllib.parse.quote, safe="")
        address = f"{base if is_host else f'{base}/{bucket}'}?{query}"
        if str(config.get("skip_signature", "")).lower() == "true":
            return address
        config |= {"endpoint": f"{address}&x-end=", "virtual_hosted_style_request": True}
        store = S3Store(bucket, config=config, credential_provider=self._provider)
        return guarded(lambda: obstore.sign(store, "GET", "1", timedelta(seconds=max(60, seconds))))


def open_store(access: Access) -> RemoteObjects:
    """Return the objects at and below a location, without a request."""
    given = client_options(OPTIONS, access.options)
    profile = str(given.pop("profile", "") or "")
    known: dict[str, Any] = {"region": from_environment("AWS_REGION", "AWS_DEFAULT_REGION") or _REGION}
    provider = None
    if not given.get("skip_signature") and "access_key_id" not in given:
        name = profile or ("" if "AWS_ACCESS_KEY_ID" in os.environ else os.environ.get("AWS_PROFILE", ""))
        if name:
            provider, profile_settings = _profile(name)
            known |= profile_settings
    if endpoint := from_environment("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        known["endpoint"] = endpoint
    config = {**known, **given}
    location = access.location
    build = bucket_builder("S3Store", location.bucket, location.path, config, credential_provider=provider)
    return S3Objects(access, build, config, provider)


def _profile(name: str) -> tuple[Callable[[], Any], dict[str, Any]]:
    """Return the credential provider of a profile of ``~/.aws``, and its settings.

    The settings are the region and the endpoint that the profile names.
    """
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
            f"profile {name!r} of ~/.aws cannot be used: {error}; check its name and its settings"
        ) from None
    region = {"region": session.region_name} if session.region_name else {}
    return provider, region if endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn")) else {
        **region,
        "endpoint": endpoint,
    }
