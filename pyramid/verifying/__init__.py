"""Verify the pixels of an OME-Zarr, and repair what can be repaired."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pyramid.engine.machine import available_cores, free_bytes
from pyramid.engine.workers import MEMORY_SHARE
from pyramid.errors import OptionError, SourceError, StorageError, ending_with_remedy, with_remedy
from pyramid.feedback.log import timed
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.inventory import compare
from pyramid.model import Source
from pyramid.options.convert import Options, make_options
from pyramid.planning.resources import Resources
from pyramid.readers import open_source
from pyramid.stores import Location, Readable, locate, open_objects, path_or_url, share_storage_options
from pyramid.verifying.checking import Checked, Checking
from pyramid.verifying.findings import Finding, LevelCheck, Verification
from pyramid.verifying.keys import KeyCheck
from pyramid.verifying.progress import VerifyProgress, VerifyTally
from pyramid.verifying.repairing import Repairer
from pyramid.verifying.sampling import parse_sample
from pyramid.verifying.source import match_source
from pyramid.verifying.tree import FoundImage, Tree
from pyramid.writing.objects import open_writer

logger = logging.getLogger(__name__)

__all__ = ["Finding", "LevelCheck", "Verification", "VerifyProgress", "verify"]


@ending_with_remedy()
def verify(  # noqa: PLR0913  (a user's options, each by its name)
    url: str | os.PathLike[str],
    source: object = None,
    *,
    repair: bool = False,
    sample: str | float | None = None,
    manifest: str | os.PathLike[str] | None = None,
    axes: str | None = None,
    series: int | None = None,
    memory: str | int | None = None,
    workers: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    source_storage_options: Mapping[str, Any] | None = None,
    progress: bool | Callable[[VerifyProgress], object] | None = None,
) -> Verification:
    """Verify that the pixels of an OME-Zarr are right.

    The set of keys is held against the grids of its levels. Every chunk is decoded. Every level is compared with what
    the method makes of the level below, and level 0 with the source if that is given.

    Parameters
    ----------
    url
        A path or URL of an image, labels, a plate, a well, a collection, or a Zarr array.
    source
        What level 0 was made of, as for `convert`; only for a single image.
    repair
        Whether bad objects are written anew: of level 0 from the source, of others from the level below. Nothing else
        is written.
    sample
        The share of blocks to look at, as ``"1%"`` or ``0.01``; all by default. The choice is always the same.
    manifest
        A manifest of the store, which its keys, sizes and digests must agree with.
    axes, series
        How the source is read, as for `convert`.
    memory, workers
        As for `convert`.
    storage_options, source_storage_options
        Options with which the stores are opened, as for `convert`.
    progress
        A function that is called with a `VerifyProgress` after each block. True shows progress, False shows none; by
        default a notebook shows it.

    Returns
    -------
    Verification
        What was found; its ``ok`` is true if nothing is wrong. After a repair, what is found then.

    Raises
    ------
    SourceError
        If the URL holds no Zarr, or it or the source cannot be read.
    OptionError
        If an option cannot be used.
    TargetError
        If a repaired object cannot be written.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.ones((600, 700), "uint8"), f"{folder}/ones.ome.zarr")
    >>> verify(f"{folder}/ones.ome.zarr").ok
    True
    """
    location, share = path_or_url(url, "url"), parse_sample(sample)
    given = {"axes": axes, "series": series, "memory": memory, "workers": workers}
    stores = {"storage_options": storage_options, "source_storage_options": source_storage_options}
    options = make_options({**given, **stores})
    if source is None and (axes is not None or series is not None or source_storage_options is not None):
        raise OptionError("source: axes, series and source_storage_options are for a source; give it too")
    if repair and locate(location).archive is not None:
        raise OptionError("repair: an archive is not changed in place; unpack it, repair the folder, and pack that")
    options = share_storage_options(options, source if source is not None else location, location)
    with showing_progress(progress, "verify") as callback, timed("the verification"):
        done = _Run(location, options, share, VerifyTally(callback)).verify(source, repair=repair)
        return (
            done
            if manifest is None
            else replace(done, findings=(*done.findings, *_differing(manifest, location, options)))
        )


def _differing(manifest: str | os.PathLike[str], url: str, options: Options) -> Iterator[Finding]:
    """Yield the differences of a store from its manifest."""
    stored = options.target_storage_options
    for one in compare(url, manifest, workers=options.workers, storage_options=stored):
        yield Finding("manifest", str(one), key=one.key or None)


@contextmanager
def _reading(location: Location) -> Iterator[None]:
    """Turn errors of documents and of the storage into SourceError with a remedy."""
    try:
        yield
    except (SourceError, StorageError) as error:
        is_metadata = isinstance(error, SourceError)
        text = with_remedy(
            error, "correct that in its metadata" if is_metadata else "check the address and the credentials"
        )
        where = "" if text.startswith(str(location)) else f"{location}: "
        raise SourceError(f"{where}{text}") from error


@dataclass(frozen=True)
class _Run:
    """One verification."""

    url: str
    options: Options
    sample: float | None
    tally: VerifyTally

    def verify(self, source: object, *, repair: bool) -> Verification:
        objects = Readable(open_objects(self.url, self.options.target_storage_options))
        logger.info("verify: %s", objects.location)
        opened = None if source is None else open_source(source, self.options)
        with _reading(objects.location):
            tree = Tree(objects, self.url, self.options.target_storage_options)
            images, findings = _read_tree(tree)
            keys, unchecked = self._list_keys(tree, images)
        if opened is not None:
            _check_single(images, findings)
        self.tally.is_total_final = not repair  # what is repaired is read again
        checked = self._check_all(images, opened, keys)
        repaired = tuple(self._repair(checked)) if repair else ()
        done_before = 0
        self.tally.is_total_final = True
        if not repaired:
            self.tally.report()
        else:
            done_before = self.tally.done_bytes
            self.tally.doubtful.clear()
            images, findings = _read_tree(Tree(objects, self.url, self.options.target_storage_options))
            keys, unchecked = self._list_keys(tree, images)
            checked = self._check_all(images, opened, keys)
        give_notices(objects.notices)
        begun = [f"{one.image}/".lstrip("/") for one in findings if one.problem == "unfinished"]
        listed = () if keys is None else keys.findings()
        extra = [one for one in listed if not str(one.key).startswith(tuple(begun))]
        result = self._result(str(objects.location), checked, [*findings, *extra], unchecked, repaired)
        return replace(result, checked_bytes=result.checked_bytes - done_before)

    def _list_keys(self, tree: Tree, images: Sequence[FoundImage]) -> tuple[KeyCheck | None, list[str]]:
        levels = [level for image in images for level in image.levels]
        keys = KeyCheck([path for path, node in tree.nodes.items() if node.array is None], levels)
        if keys.take(tree.objects):
            return keys, []
        return None, ["keys that belong to no level: the server does not list what it has"]

    def _check_all(self, images: Sequence[FoundImage], source: Source | None, keys: KeyCheck | None) -> list[Checked]:
        """Check each image in turn."""
        self.tally.total_bytes += round(
            sum(level.facts.nbytes for image in images for level in image.levels) * (self.sample or 1)
        )
        self.tally.report()
        checking = Checking(self._resources(), self.sample, self.tally, keys)
        return [
            checking.check(image, match_source(source, image) if source is not None and not image.is_label else None)
            for image in images
        ]

    def _resources(self) -> Resources:
        memory = self.options.memory or int(free_bytes() * MEMORY_SHARE)
        return Resources(self.options.workers or available_cores(), memory)

    def _repair(self, checked: Sequence[Checked]) -> Iterator[str]:
        """Write what can be rebuilt, and yield its keys."""
        writer = open_writer(self.url, self.options.target_storage_options)
        try:
            for one in checked:
                if one.has_wrong_documents:
                    one.findings.append(_not_repaired(one))
                    continue
                skips = one.image.is_ours and one.image.may_lack
                yield from Repairer(self.url, writer, skips).repair(one.judge())
        finally:
            writer.finish()

    def _result(
        self,
        url: str,
        checked: Sequence[Checked],
        findings: Sequence[Finding],
        unchecked: Sequence[str],
        repaired: tuple[str, ...],
    ) -> Verification:
        return Verification(
            url=url,
            levels=tuple(level for one in checked for level in one.level_checks()),
            findings=(*findings, *(finding for one in checked for finding in one.all_findings)),
            unchecked=(*unchecked, *(text for one in checked for text in one.unchecked)),
            checked_bytes=self.tally.done_bytes,
            total_bytes=sum(level.facts.nbytes for one in checked for level in one.image.levels),
            sample=self.sample,
            repaired=repaired,
            seconds=self.tally.seconds,
        )


def _read_tree(tree: Tree) -> tuple[list[FoundImage], list[Finding]]:
    """Return all images, and findings about parts that cannot be read."""
    found = list(tree.images())
    images = [one for one in found if isinstance(one, FoundImage)]
    return images, [one for one in found if isinstance(one, Finding)]


def _check_single(images: Sequence[FoundImage], findings: Sequence[Finding]) -> None:
    count = sum(not image.is_label for image in images)
    if count != 1 and not (count == 0 and findings):  # what is unfinished or unreadable is reported as that
        raise OptionError(f"source: it is compared with one image, and the URL holds {count}; give the URL of one")


def _not_repaired(checked: Checked) -> Finding:
    message = "nothing of the image is repaired, since its documents are wrong; correct them first"
    return Finding("metadata", message, checked.image.path, suspect=True)
