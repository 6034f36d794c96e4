"""The result of a download."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pyramid.manifests.comparing import Finding
from pyramid.tables import format_count

# The most lacking parts or differences that are shown: more would hide the rest of a message.
MAX_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Download:
    """The result of a download.

    Parameters
    ----------
    url
        URL of the source, free of secrets.
    folder
        Path of the folder that was filled.
    levels
        The levels that were copied, as ``2:``; None for all. The metadata then names only those levels.
    objects, bytes
        Chunks or shards and single files that were fetched in this run, without metadata.
    missing
        Objects that the source does not have; they are missing here too.
    forbidden
        Requests that were refused. Object storages refuse requests for missing objects where listing is not allowed.
    kept
        Objects that an earlier run had fetched.
    retries
        Requests that were made again.
    seconds
        Duration of the run.
    notices
        Parts that were left out, and why.
    manifest
        The manifest that the copy was held against; None if there was none.
    differences
        Number of differences between the copy and the manifest.
    findings
        The first of them.
    """

    url: str
    folder: str
    levels: str | None
    objects: int
    bytes: int
    missing: int
    forbidden: int
    kept: int
    retries: int
    seconds: float
    notices: tuple[str, ...] = ()
    manifest: str | None = None
    differences: int = 0
    findings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Describe the download in a few lines.

        Examples
        --------
        >>> print(Download("s3://b/a.zarr", "/data/a.zarr", "2:", 12, 3_000_000, 1, 0, 0, 0, 2.0))
        /data/a.zarr: 12 objects, 3.0 MB in 2.0 s
        1 object is missing at the source, and here
        the metadata is rewritten: it names only levels 2:
        """
        lines = [
            f"{self.folder}: {format_count(self.objects, 'object')}, {self.bytes / 1e6:.1f} MB in {self.seconds:.1f} s"
        ]
        if self.kept:
            lines.append(f"{format_count(self.kept, 'object')} kept from an earlier run")
        if self.missing:
            be = "is" if self.missing == 1 else "are"
            lines.append(f"{format_count(self.missing, 'object')} {be} missing at the source, and here")
        if self.forbidden:
            lines.append(
                f"{format_count(self.forbidden, 'request')} refused, as a server may where listing is not allowed"
            )
        if self.retries:
            lines.append(f"{format_count(self.retries, 'request')} made again")
        if self.levels is not None:
            lines.append(f"the metadata is rewritten: it names only levels {self.levels}")
        if self.manifest is not None:
            lines.append(self._held())
            lines += [f"  {finding}" for finding in self.findings[:MAX_SHOWN]]
            if self.differences > MAX_SHOWN:
                lines.append(f"  and {self.differences - MAX_SHOWN} more")
        return "\n".join(lines)

    def _held(self) -> str:
        """Return how the copy compares with its manifest."""
        if not self.differences:
            return f"it is as {self.manifest} says"
        return f"it differs from {self.manifest} in {format_count(self.differences, 'object')}"
