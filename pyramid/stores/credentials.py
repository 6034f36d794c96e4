"""Failures of credentials: not found, not given, or not accepted by a service."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from pyramid.stores.network import Asked, host_of

# The service of a machine at which obstore looks last. Only machines of a cloud have one.
_OWN_SERVICE = re.compile(
    r"Error performing (?:PUT|GET) https?://[^/\s]+/(?:latest/api/token|latest/meta-data/iam/security-credentials\S*"
    r"|computeMetadata/v1/\S*|metadata/identity/oauth2/token\S*) in "
)
# The address of a request, and the hosts that give credentials to containers and to roles.
_ADDRESS = re.compile(r"Error performing [A-Z]+ (https?://\S+) in ")
_GIVERS = ("sts.", "169.254.170.")
# The variable that names the service that gives credentials to a container.
_CONTAINER = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
# Codes of refusals that are about credentials, not about an object: what is wrong, and the remedy.
_NEW = "get new ones, as by signing in again"
_REFUSALS: Mapping[str, str] = {
    "InvalidAccessKeyId": "the service does not know the access key; check AWS_ACCESS_KEY_ID or the profile",
    "SignatureDoesNotMatch": "the secret key is not that of the access key; check AWS_SECRET_ACCESS_KEY or the profile",
    "ExpiredToken": f"the credentials have expired; {_NEW}",
    "TokenRefreshRequired": f"the credentials have expired; {_NEW}",
    "InvalidToken": "the session token is not valid; check AWS_SESSION_TOKEN, or leave it out with lasting keys",
    "InvalidSecurity": "the credentials are not valid; check them",
    "RequestTimeTooSkewed": "the clock of this machine differs from that of the service; set it",
    "AuthenticationFailed": "the key or signature is wrong or expired; check AZURE_STORAGE_ACCOUNT_KEY or the token",
    "InvalidAuthenticationInfo": f"the token is not valid or has expired; {_NEW}",
    "NoAuthenticationInformation": "the container is not public; give credentials",
    "AuthenticationRequired": "the credentials are missing or not valid; check GOOGLE_APPLICATION_CREDENTIALS",
}


def refused_credentials(code: str) -> str | None:
    """Return what is wrong with credentials by the code of a refusal.

    Returns None for a code that is not about credentials.

    Examples
    --------
    >>> refused_credentials("ExpiredToken")
    'the credentials have expired; get new ones, as by signing in again (ExpiredToken)'
    """
    found = _REFUSALS.get(code)
    return None if found is None else f"{found} ({code})"


def none_found(short: str, asked: Asked) -> str | None:
    """Return the sentence for a machine without credentials.

    Returns None unless the machine's own service failed, in whatever way: it is the last place that is asked.
    """
    if not asked.credentials or not _OWN_SERVICE.search(short):
        return None
    return f"no credentials were found for {asked.place}; {asked.credentials}"


def not_fetched(short: str, asked: Asked) -> str:
    """Return the beginning of a reason if credentials could not be fetched."""
    found = _ADDRESS.search(short) if asked.credentials else None
    if found is None:
        return ""
    url = found.group(1)
    host, container = host_of(url), os.environ.get(_CONTAINER, "")
    if (
        "Error performing token request" in short
        or host.startswith(_GIVERS)
        or (container and url.startswith(container))
    ):
        return f"the credentials for {asked.place} cannot be fetched from {host}: "
    return ""
