"""A run that goes on: what must be as when it began, and what is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pyramid import __version__
from pyramid.errors import OptionError, SourceError, TargetError, list_some, short_repr
from pyramid.hierarchy.nodes import read_node
from pyramid.hierarchy.unfinished import is_in_progress
from pyramid.model import Source
from pyramid.ngff.values import mapping_or_empty
from pyramid.planning import Plan, Resources
from pyramid.planning.resources import show_memory
from pyramid.readers.fingerprint import digest, fingerprint
from pyramid.stores import Objects, open_objects
from pyramid.writing.claims import read_record
from pyramid.writing.journal import Journal, Segment, read_segments

if TYPE_CHECKING:
    from pyramid.engine.build import Tally
    from pyramid.engine.receipt import Receipt
    from pyramid.engine.run_manifest import RunManifest

# The most differences that an error lists.
MAX_LISTED = 4
# Key of the record of an image that `pyramid.create` has begun.
CREATED = "created"
# What differs may be long, as a list of levels.
MAX_SHOWN = 60
# How a run of `convert` begins from the start, as messages say it.
ANEW = "with overwrite=True"
# Key of a record that holds the paths of levels that are removed once others are in their place.
REPLACED = "replaced"


class SourceChangedError(OptionError):
    """The source is not the one that an unfinished run has begun with."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that has begun.

    Parameters
    ----------
    location
        The target.
    record
        What it does, as it was recorded.
    segments, synced
        Its journal, and how many of its segments count for good.
    anew
        How a run begins from the start, as messages say it.
    """

    location: str
    record: Mapping[str, Any]
    segments: tuple[Segment, ...]
    synced: int
    anew: str = ANEW

    def fitted(self, plan: Plan, source: Source, now: Resources) -> Plan:
        """Return the plan of the run for the workers and memory of today.

        Raises
        ------
        OptionError
            If it was begun with another plan or source, of which the error names what differs. Also if a block does not
            fit the memory of today.
        """
        record = {name: value for name, value in self.record.items() if name != REPLACED}
        found = [*differences(record, describe(plan, source), "")]
        if found:
            changed = any(difference.startswith("source ") for difference in found)
            raise (SourceChangedError if changed else OptionError)(
                f"{self.location} was begun with another plan or source: {list_some(found, MAX_LISTED)}; give what it "
                f"was begun with, or start again {self.anew}"
            )
        fits = now.memory_bytes // max(plan.peak_bytes, 1)
        if fits < 1:
            raise OptionError(
                f"memory: one block of the unfinished run takes {show_memory(plan.peak_bytes)}, and "
                f"{show_memory(now.memory_bytes)} is allowed; {now.remedy(plan.peak_bytes)}"
            )
        resources = replace(plan.resources, workers=min(now.workers, fits), memory_bytes=now.memory_bytes)
        done = sum(last + 1 - first for segment in self.segments for first, last in segment.blocks)
        return replace(plan, resources=resources, done_tasks=done)

    @property
    def resources(self) -> Resources:
        """Workers and memory that its blocks were planned for."""
        try:
            return Resources(**self.record["resources"])
        except (KeyError, TypeError) as error:
            raise TargetError(
                f"the record of the unfinished run is damaged ({error}); start again {self.anew}"
            ) from error


def find_unfinished(url: str, options: Mapping[str, Any] | None, anew: str = ANEW) -> Unfinished | None:
    """Return the run that has begun at a target; None where nothing is there.

    `anew` says in messages how a run begins from the start.

    Raises
    ------
    TargetError
        If something else is there, or a run that kept no record, or one of another version of ome-pyramid.
    """
    objects = open_objects(url, options)
    record = read_record(objects)
    if record is None:
        if next(iter(objects.keys()), None) is None:
            return None
        if is_finished(url, options):
            raise TargetError(f"{objects.location} is finished: nothing is left to do")
        raise TargetError(
            f"{objects.location} exists, and is not an unfinished conversion; give another target, or overwrite=True"
        )
    if not record:
        raise TargetError(
            f"{objects.location} was begun by a run that kept no record, so it cannot go on; start again {anew}"
        )
    if CREATED in record:
        raise TargetError(
            f"{objects.location} was begun by pyramid.create, which goes on with it (resume=True); give another "
            "target, or start again with overwrite=True"
        )
    if record.get("ome_pyramid") != __version__:
        raise TargetError(
            f"{objects.location} was begun by ome-pyramid {short_repr(record.get('ome_pyramid'))}, and this is "
            f"{__version__}; go on with that version, or start again {anew}"
        )
    segments, synced = read_segments(objects, digest_of(record))
    return Unfinished(str(objects.location), record, tuple(segments), synced, anew)


def is_finished(url: str, options: Mapping[str, Any] | None) -> bool:
    """Return whether a target is an OME-Zarr image whose run has ended.

    Raises
    ------
    TargetError
        If its metadata is damaged.
    """
    objects = open_objects(url, options)
    try:
        node = read_node(objects)
    except SourceError as error:
        raise TargetError(
            f"{objects.location}: {error}; give another target, or start again with overwrite=True"
        ) from error
    return node is not None and not is_in_progress(node) and "multiscales" in node.ome


def made_from(url: str, options: Mapping[str, Any] | None) -> str | None:
    """Return the name of the source of a finished target; None if it does not say."""
    node = read_node(open_objects(url, options))
    name = None if node is None else mapping_or_empty(node.ome.get("_creator")).get("source")
    return name if isinstance(name, str) else None


def digest_of(record: Mapping[str, Any]) -> str:
    """Return the digest of what a run does."""
    return digest([json.dumps(record, sort_keys=True).encode()])


def describe(plan: Plan, source: Source) -> dict[str, Any]:
    """Return what must be the same when a run goes on, as values for JSON."""
    levels = [
        {"shape": level.shape, "chunks": level.chunks, "shards": level.shards, "factors": level.factors}
        | ({"own": level.own} if level.own else {})
        for level in plan.levels
    ]
    described: dict[str, Any] = _plain(
        {
            "ome_pyramid": __version__,
            "ome_zarr_version": plan.version,
            "method": plan.method,
            "nodata": plan.nodata,
            "encoding": asdict(plan.encoding),
            "axes": plan.spec.axes,
            "dtype": plan.spec.dtype,
            "levels": levels,
            "resources": asdict(plan.resources),
            "source": fingerprint(source),
            **({"keeps_base": True, "paths": plan.paths} if plan.keeps_base else {}),
        }
    )
    return described


@dataclass
class Resumed:
    """The journal of a run, and the blocks that are done.

    Parameters
    ----------
    journal
        Takes further receipts.
    done
        A flag for each block of each pass.
    manifest
        Takes the digests of the objects; None if nobody wants them.
    check_held
        Raises TakenError if another run has taken the target.
    """

    journal: Journal
    done: list[bytearray]
    manifest: RunManifest | None = None
    check_held: Callable[[], None] = lambda: None

    def take(self, pass_number: int, receipt: Receipt) -> None:
        """Note a receipt in the journal, and its digests for the manifest."""
        self.check_held()
        if self.manifest is not None:
            self.manifest.take(receipt.entries)
        self.journal.add(
            Segment(
                pass_number,
                ((receipt.block, receipt.block),),
                receipt.source_bytes,
                dict(receipt.extremes),
                dict(receipt.stored),
                entries=receipt.entries,
                digested=self.manifest is not None,
            )
        )


def go_on(
    tally: Tally,
    objects: Objects,
    record: Mapping[str, Any],
    before: Unfinished | None,
    manifest: RunManifest | None = None,
) -> Resumed:
    """Return the journal of a run, and count the blocks that were done before."""
    segments, anew = (before.segments, before.anew) if before is not None else ((), ANEW)
    done = [bytearray(pass_.tasks) for pass_ in tally.plan.passes]
    for segment in segments:
        fresh = 0
        for first, last in segment.blocks:
            if not 0 <= segment.pass_ < len(done) or not 0 <= first <= last < len(done[segment.pass_]):
                raise TargetError(f"{objects.location}: its journal is damaged; start again {anew}")
            fresh += last + 1 - first
            done[segment.pass_][first : last + 1] = b"\1" * (last + 1 - first)
        tally.restore(fresh, segment)
    if manifest is not None:
        manifest.restore(segments)
    synced = before.synced if before is not None else 0
    return Resumed(Journal(objects, digest_of(record), len(segments), synced), done, manifest)


def differences(before: object, now: object, name: str) -> Iterator[str]:
    """Yield what differs between two documents."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*now, *before)):
            yield from differences(before.get(key), now.get(key), f"{name} {key}".strip())
    elif isinstance(before, list) and isinstance(now, list) and before and now and isinstance(now[0], Mapping):
        if len(before) != len(now):
            yield f"number of {name} is {len(now)}, and was {len(before)}"
        for number, (one, other) in enumerate(zip(before, now, strict=False)):
            yield from differences(one, other, f"{name.removesuffix('s')} {number}")
    elif before != now:
        yield f"{name.replace('_', ' ')} is {short_repr(now)[:MAX_SHOWN]}, and was {short_repr(before)[:MAX_SHOWN]}"


def _plain(value: object) -> Any:  # noqa: ANN401  (any value of JSON)
    """Return a value as JSON gives it back."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
