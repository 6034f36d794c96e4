"""Surroundings of a store: environment variables and credential files.

They may change during a process, as in a notebook or a service. A store that is opened afterwards must follow them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

# Prefixes of the environment variables that clients of services read, and other variables that affect requests.
_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_")
_OTHERS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "HOME")
# Environment variables that are sent, or sign requests, by scheme.
CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "s3": (
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_TOKEN"),
        *("AWS_REGION", "AWS_DEFAULT_REGION"),
    ),
    "az": tuple(
        f"AZURE_STORAGE_{name}" for name in ("ACCOUNT_NAME", "ACCOUNT_KEY", "ACCESS_KEY", "SAS_TOKEN", "TOKEN")
    ),
}
# Schemes whose stores take nothing from surroundings.
_NO_SURROUNDINGS = ("file", "memory")


def surroundings(scheme: str) -> str:
    """Return a digest of all that stores of a scheme may take from surroundings."""
    if scheme in _NO_SURROUNDINGS:
        return ""
    seen = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(_PREFIXES)]
    seen += [f"{name}={os.environ.get(name, os.environ.get(name.lower()))}" for name in _OTHERS]
    seen += [f"{path} {_fingerprint(path)}" for path in _files()]
    return hashlib.sha256("\0".join(sorted(seen)).encode(errors="surrogateescape")).hexdigest()


def _files() -> tuple[str, ...]:
    named = {
        "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
        "AWS_CONFIG_FILE": "~/.aws/config",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "",
        "GOOGLE_APPLICATION_CREDENTIALS": "~/.config/gcloud/application_default_credentials.json",
    }
    paths = (os.environ.get(name) or usual for name, usual in named.items())
    return tuple(os.path.expanduser(path) for path in paths if path)


def _fingerprint(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size}"
