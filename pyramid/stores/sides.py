"""Storage options of a run, for SOURCE and for TARGET."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pyramid.errors import OptionError
from pyramid.options.convert import Options
from pyramid.options.nearest import unknown
from pyramid.options.spec import STORAGE_FLAGS
from pyramid.stores.location import locate
from pyramid.stores.schemes import RETRY_OPTIONS, Scheme, find_scheme

# Storage options that say who asks. They are taken together: half of one identity and half of another are nobody.
IDENTITY = frozenset(
    (
        *("key", "secret", "token", "profile", "anon", "account_key", "sas_token", "connection_string"),
        *("tenant_id", "client_id", "client_secret"),
    )
)
_SETS_APART = IDENTITY | {"account_name"}  # the key of one account does not fit another


def share_storage_options(options: Options, source: object, target: str | os.PathLike[str] | None) -> Options:
    """Return options whose storage options are those of SOURCE and of TARGET.

    The general ones go to whichever is remote, and to both where both are. A specific one beats a general one, and
    specific credentials replace general credentials as a whole.

    Parameters
    ----------
    options
        As the user gave them.
    source
        A path, a URL or an array.
    target
        A path or URL; None if it is not known, and then its options are not checked.

    Raises
    ------
    OptionError
        If an option would have no effect, or is not known to the store it is for.

    Examples
    --------
    >>> given = Options(storage_options={"region": "here"}, source_storage_options={"anon": True})
    >>> shared = share_storage_options(given, "s3://bucket/a", "b.ome.zarr")
    >>> shared.source_storage_options, shared.target_storage_options
    ({'region': 'here', 'anon': True}, None)
    """
    general = options.storage_options or {}
    schemes = {"source": _remote_scheme(source), "target": None if target is None else _remote_scheme(target)}
    given = {"source": options.source_storage_options, "target": options.target_storage_options}
    for side, specific in given.items():
        if specific and schemes[side] is None and not (side == "target" and target is None):
            raise _no_effect(f"{side}_storage_options: {side.upper()} is not", specific, source, target)
    remote = [scheme for scheme in schemes.values() if scheme is not None]
    if general and target is not None:
        if not remote:
            raise _no_effect("storage_options: neither SOURCE nor TARGET is", general, source, target)
        _check_known(general, remote)
    merged: dict[str, Mapping[str, Any] | None] = {
        side: _merged(general, given[side] or {}, scheme, remote) for side, scheme in schemes.items()
    }
    if target is None:
        merged["target"] = given["target"]
    return replace(
        options,
        storage_options=None,
        source_storage_options=merged["source"],
        target_storage_options=merged["target"],
    )


def _remote_scheme(where: object) -> Scheme | None:
    """Return the scheme of a URL; None for a local path and for what is neither."""
    if not isinstance(where, str) or "://" not in where:
        return None
    location = locate(where)
    return None if location.is_local else find_scheme(location.scheme)


def _no_effect(beginning: str, names: Mapping[str, Any], *addresses: object) -> OptionError:
    """Return an error about options that no store would use.

    Raises OptionError where an address is a URL that lost a slash, which is the mistake to name.
    """
    for address in addresses:
        if isinstance(address, str | os.PathLike):
            locate(os.fsdecode(address))
    flags = {key for key, _ in STORAGE_FLAGS}
    named = [f"{name}=..." if name in flags else name for name in names]
    return OptionError(f"{beginning} at a URL, so {' and '.join(named)} would have no effect; leave that out")


def _check_known(general: Mapping[str, Any], remote: list[Scheme]) -> None:
    """Raise OptionError for a general option that no store knows."""
    known = {name for scheme in remote for name in scheme.options}
    for name in general:
        if name not in known and not any(scheme.takes_any_option for scheme in remote):
            kinds = " and ".join(dict.fromkeys(f"{scheme.name}://" for scheme in remote))
            raise OptionError(unknown(f"storage option for {kinds}", name, known))


def _merged(
    general: Mapping[str, Any], specific: Mapping[str, Any], scheme: Scheme | None, remote: list[Scheme]
) -> dict[str, Any] | None:
    """Return the options of one store; None if there are none."""
    if scheme is None:
        return None
    apart = bool(_SETS_APART & set(specific))
    # A package of fsspec may refuse what it does not know, so it is not given what the other store knows.
    of_others = {name for other in remote if not other.takes_any_option for name in other.options} - set(RETRY_OPTIONS)
    shared = {
        name: value
        for name, value in general.items()
        if (name not in of_others if scheme.takes_any_option else name in scheme.options)
        and not (apart and name in IDENTITY)
    }
    return {**shared, **specific} or None
