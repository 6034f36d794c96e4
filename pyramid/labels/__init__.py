"""Label images of an image, written and replaced below its ``labels``.

A label image is converted as any image is, into ``labels/NAME``. One that replaces another is converted into a folder
within that, which no metadata names, and becomes the label when one document is replaced: that of ``labels/NAME``, with
the paths of the new levels. So readers see the old or the new, on disk and on object storage, and a run that is killed
leaves the old. What the document no longer names is removed after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyramid.errors import OptionError, PyramidError, TargetError
from pyramid.hierarchy.nodes import read_node
from pyramid.image import Image, read_image
from pyramid.labels.committing import check_list, commit_label
from pyramid.labels.fitting import check_fits, fitted_options
from pyramid.model import SourceSpec
from pyramid.packing.converting import is_archive
from pyramid.readers import open_source
from pyramid.stores import locate, open_objects
from pyramid.stores.sides import share_storage_options
from pyramid.writing.generations import generation_of

if TYPE_CHECKING:
    from pyramid.engine.report import RunReport
    from pyramid.options.convert import Options


@dataclass(frozen=True)
class LabelRun:
    """The conversion of a label image.

    Parameters
    ----------
    root, name
        The URL of the image, and the name of the label.
    target
        The URL that is converted to: ``labels/NAME``, or a folder within it.
    options
        The options of that conversion.
    generation
        Number of times that the label was replaced, with this one.
    image
        The image that is labelled.
    """

    root: str
    name: str
    target: str
    options: Options
    generation: int
    image: Image

    @property
    def label_url(self) -> str:
        """The URL of the label when it is whole."""
        return f"{self.root.rstrip('/')}/labels/{self.name}"

    def commit(self) -> None:
        """Make what was converted the label, and list it."""
        commit_label(self.root, self.name, self.generation, self.image.version, self.options.target_storage_options)


def plan_label(source: object, target: str | None, options: Options) -> LabelRun:
    """Return the conversion that writes a label image, once the source fits the image.

    Parameters
    ----------
    source
        The source of the labels.
    target
        The URL of the image.
    options
        The options, with ``labels``.

    Raises
    ------
    OptionError
        If an option cannot be one of labels.
    TargetError
        If no image is there, or the labels do not fit it.
    """
    name = options.labels
    assert name is not None
    options = share_storage_options(options, source, target)
    if target is None:
        raise OptionError("labels: they are those of an image; give the image as TARGET")
    if is_archive(locate(target)):
        raise TargetError(f"{target} is one file, into which no labels are written; unpack it, and pack it again after")
    image = _image_at(target, options.target_storage_options)
    fitted = fitted_options(options, image)
    check_fits(_spec_of(source, fitted), image, target)
    check_list(open_objects(f"{target.rstrip('/')}/labels", options.target_storage_options), name, image.version)
    generation, replaces = _generation(target, options)
    url = f"{target.rstrip('/')}/labels/{name}"
    if not replaces:
        return LabelRun(target, name, url, fitted, 0, image)
    return LabelRun(target, name, f"{url}/v{generation}", fitted, generation, image)


def write_label(record: RunReport, run: Callable[[RunReport], RunReport]) -> RunReport:
    """Write a label image by `run`, which converts what a report is about."""
    job = plan_label(record.source, record.target, record.options)
    record.target, record.options = job.target, job.options
    run(record)
    job.commit()
    record.target = job.label_url
    return record


def _image_at(target: str, options: Mapping[str, object] | None) -> Image:
    try:
        return read_image(target, options)
    except PyramidError as error:
        raise TargetError(f"labels are those of an image, and TARGET is none: {error}") from error


def _spec_of(source: object, options: Options) -> SourceSpec:
    return open_source(source, options).spec


def _generation(target: str, options: Options) -> tuple[int, bool]:
    """Return the number of the next replacement, and whether the label is replaced."""
    objects = open_objects(f"{target.rstrip('/')}/labels/{options.labels}", options.target_storage_options)
    node = read_node(objects)
    if node is None or "multiscales" not in node.ome:
        return 0, False
    generation = generation_of(node) + 1
    begun = options.resume and read_node(objects, f"v{generation}") is not None
    return generation, options.overwrite or begun
