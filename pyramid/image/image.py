"""What is opened: an image, or a collection of images. Both show themselves as tables."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pyramid.image import collection_table, table
from pyramid.image.level import Level
from pyramid.ngff import Group, Multiscale, OmeroChannel
from pyramid.tables import by

Kind: TypeAlias = Literal["plate", "well", "series", "labels"]


@dataclass(frozen=True, repr=False, eq=False)
class Image:
    """An OME-Zarr image.

    ``str(image)`` is a table; in a notebook it shows itself with a picture.

    Parameters
    ----------
    url
        Where it is, free of secrets.
    version
        Version of OME-Zarr that it is written in.
    metadata
        All that its attributes tell.
    levels
        Its levels, the largest first.
    labels
        Paths of its label images below its ``labels``.
    notices
        What is odd about it, a sentence each.
    """

    url: str
    version: str
    metadata: Multiscale
    levels: tuple[Level, ...]
    labels: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def axes(self) -> str:
        """Letters of ``tczyx``, in the order of its arrays' axes."""
        return self.metadata.axes

    @property
    def units(self) -> tuple[str | None, ...]:
        """Unit of each axis, None where it is unknown."""
        return self.metadata.units

    @property
    def name(self) -> str:
        """What it is called: the name in its metadata, or else that of its folder."""
        return self.metadata.name or self.url.rstrip("/").rpartition("/")[2]

    @property
    def channels(self) -> tuple[OmeroChannel, ...]:
        """How each channel is shown; empty where the image does not say."""
        return self.metadata.channels

    def to_dict(self) -> dict[str, Any]:
        """All that is known of it, ready for JSON."""
        return table.as_dict(self)

    def __str__(self) -> str:
        """A table of its levels and channels."""
        return table.as_text(self)

    def __repr__(self) -> str:
        """Its place, axes and largest shape."""
        return f"<Image {self.url!r}: {self.axes} {by(self.levels[0].shape)}, {len(self.levels)} levels>"

    def _repr_html_(self) -> str:
        """A table with a picture of a small level."""
        from pyramid.image.picture import as_png  # noqa: PLC0415  (the codecs are for those who look)

        try:
            encoded = base64.b64encode(as_png(self)).decode()
            picture = f'<img alt="a small level" src="data:image/png;base64,{encoded}">'
        except Exception as error:  # whatever is wrong with its pixels, the table is right
            picture = f"<p>There is no picture: {html.escape(str(error) or type(error).__name__)}</p>"
        return picture + table.as_html(self)


@dataclass(frozen=True, repr=False, eq=False)
class Collection:
    """What holds images and is none: a plate, a well, images side by side, or the labels of an image.

    ``str(collection)`` is a table. An image in it is opened by its own path or URL.

    Parameters
    ----------
    url
        Where it is, free of secrets.
    kind
        ``plate``, ``well``, ``series`` (images side by side, as ``bioformats2raw.layout`` has them) or ``labels``.
    version
        Version of OME-Zarr that it is written in; None where it does not say.
    zarr_format
        2 or 3: that of the Zarr groups it is made of.
    metadata
        All that its attributes tell.
    paths
        Of the wells of a plate, or of the images, below it.
    counted
        Whether `paths` are all that there are: images side by side that are not listed are not looked for over a
        network, unless all are asked for.
    members
        Those that were read: the first alone, as a sample, unless all were asked for.
    notices
        What is odd about it, a sentence each.
    """

    url: str
    kind: Kind
    version: str | None
    zarr_format: int
    metadata: Group
    paths: tuple[str, ...]
    counted: bool = True
    members: tuple[Image | Collection, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[Image, ...]:
        """The images that were read, those of its wells too."""
        return tuple(
            image
            for member in self.members
            for image in (member.images if isinstance(member, Collection) else (member,))
        )

    def to_dict(self) -> dict[str, Any]:
        """All that is known of it, ready for JSON."""
        return collection_table.as_dict(self)

    def __str__(self) -> str:
        """What it holds, and the images that were read."""
        return collection_table.as_text(self)

    def __repr__(self) -> str:
        """Its place, and what it holds."""
        return f"<Collection {self.url!r}: {collection_table.summary(self)}>"

    def _repr_html_(self) -> str:
        """What it holds, and the images that were read."""
        return collection_table.as_html(self)
