"""Images and collections of images, as opened; both print as tables."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyramid.image.collection_table as collection_table
import pyramid.image.table as table
from pyramid.image.level import ImageLevel
from pyramid.image.selecting import parse_select, select_image
from pyramid.model import StoreFormat
from pyramid.ngff import Group, Multiscale, OmeroChannel
from pyramid.tables import format_count, format_shape, render_html, render_text

if TYPE_CHECKING:
    from pyramid.engine.report import RunReport
    from pyramid.previewing import Preview
    from pyramid.viewing import Viewer

Kind: TypeAlias = Literal["plate", "well", "series", "labels"]


@dataclass(frozen=True, repr=False, eq=False)
class Image:
    """An OME-Zarr image.

    ``str(image)`` is a table; a notebook shows it with a picture.

    Parameters
    ----------
    url
        URL or path of the image, free of secrets.
    version
        Version of OME-Zarr that it is written in.
    metadata
        The metadata in its attributes.
    levels
        Its levels, the largest first.
    labels
        Paths of its label images below its ``labels``.
    notices
        What is odd about it, a sentence each.
    report
        What the run did that made it; None for an image that was opened.
    """

    url: str
    version: str
    metadata: Multiscale
    levels: tuple[ImageLevel, ...]
    labels: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    report: RunReport | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "report": None}  # a run is of one process

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
        """The name in its metadata, or else that of its folder."""
        return self.metadata.name or self.url.rstrip("/").rpartition("/")[2]

    @property
    def channels(self) -> tuple[OmeroChannel, ...]:
        """The display settings of each channel; empty where the image has none."""
        return self.metadata.channels

    def select(self, selection: str | Mapping[str, Any] | None = None, /, **picks: Any) -> Image:
        """Return a part of the image, of which nothing is read yet.

        Its levels have the scale and the translation of the part. On a coarser level it reaches from the pixel that
        holds its first pixel to the one that holds its last. A step is divided by the level's factor and rounded down,
        to at least 1.

        Parameters
        ----------
        selection
            Text as ``"c=DAPI|GFP,z=::2"``, or a mapping.
        **picks
            A slice for each axis, an index (the axis then has one pixel), or a list; of channels also names.

        Raises
        ------
        OptionError
            If an axis, an index or a channel is not there, or nothing is taken.

        Examples
        --------
        >>> import numpy as np, pyramid, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> image = pyramid.convert(np.zeros((2, 300, 400), "uint8"), f"{folder}/cells.ome.zarr", axes="cyx")
        >>> [level.shape for level in image.select(c=0, y=slice(101, 201)).levels]
        [(1, 100, 400), (1, 51, 200)]
        """
        given = parse_select(selection, picks)
        return self if given is None else select_image(self, given)

    def view(self, **options: Any) -> Viewer:
        """Serve the image on this machine, to be seen in a browser.

        Parameters
        ----------
        **options
            Those of `pyramid.view`.

        Returns
        -------
        Viewer
            A notebook shows it as a frame. It has a `url`, and ends with `close`.
        """
        import pyramid  # noqa: PLC0415  (the server is on a higher floor, which the package's surface reaches)

        return pyramid.view(self, **options)

    def preview(  # noqa: PLR0913  (a user's options, each by its name)
        self,
        *,
        size: int = 1024,
        select: str | Mapping[str, Any] | None = None,
        projection: str | None = None,
        levels: bool = False,
        montage: str | None = None,
        scale_bar: bool = True,
        legend: bool = True,
    ) -> Preview:
        """Return a picture of the image, as `pyramid.preview` does.

        Parameters
        ----------
        size, select, projection, levels, montage, scale_bar, legend
            As for `pyramid.preview`.

        Raises
        ------
        OptionError, SourceError
            As `pyramid.preview`.

        Examples
        --------
        >>> import numpy as np, pyramid, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/cells.ome.zarr")
        >>> image.preview(size=200)
        <Preview of 200 x 150 pixels>
        """
        from pyramid.image.look import make_look  # noqa: PLC0415  (NumPy and codecs: not for metadata)
        from pyramid.image.picture import preview_image  # noqa: PLC0415

        look = make_look(size, projection, levels=levels, montage=montage, scale_bar=scale_bar, legend=legend)
        return preview_image(self.select(select), look)

    def to_dict(self) -> dict[str, Any]:
        """Return all that is known of the image, ready for JSON."""
        return table.as_dict(self)

    def __str__(self) -> str:
        """Return a table of its levels and channels."""
        return render_text(table.image_tables(self))

    def __repr__(self) -> str:
        """Return its URL, axes and largest shape."""
        shape = format_shape(self.levels[0].shape)
        return f"<Image {self.url!r}: {self.axes} {shape}, {format_count(len(self.levels), 'level')}>"

    def _repr_html_(self) -> str:
        """Return a table with a picture of a small level."""
        from pyramid.image.picture import as_png  # noqa: PLC0415  (the codecs are for those who look)

        try:
            encoded = base64.b64encode(as_png(self)).decode()
            picture = f'<img alt="a small level" src="data:image/png;base64,{encoded}">'
        except Exception as error:  # whatever is wrong with its pixels, the table is right
            picture = f"<p>No picture can be shown: {html.escape(str(error) or type(error).__name__)}</p>"
        return picture + render_html(table.image_tables(self))


@dataclass(frozen=True, repr=False, eq=False)
class Collection:
    """A group of images: a plate, a well, a series, or the labels of an image.

    ``str(collection)`` is a table. An image in it is opened by its own path or URL.

    Parameters
    ----------
    url
        URL or path of the group, free of secrets.
    kind
        ``plate``, ``well``, ``series`` (images side by side, as ``bioformats2raw.layout`` has them) or ``labels``.
    version
        Version of OME-Zarr that it is written in; None where it does not say.
    zarr_format
        The format of its groups: 2 or 3 of Zarr, or ``"n5"``.
    metadata
        The metadata in its attributes.
    paths
        Paths of the wells of a plate, or of the images, below it.
    counted
        Whether `paths` are complete. Over a network, images of a series that are not listed are looked for only if all
        are asked for.
    members
        The members that were read: only the first, as a sample, unless all were asked for.
    notices
        What is odd about it, a sentence each.
    """

    url: str
    kind: Kind
    version: str | None
    zarr_format: StoreFormat
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
        """Return all that is known of the collection, ready for JSON."""
        return collection_table.as_dict(self)

    def __str__(self) -> str:
        """Return tables of its members and of the images that were read."""
        return render_text(collection_table.collection_tables(self))

    def __repr__(self) -> str:
        """Return its URL, kind and number of members."""
        return f"<Collection {self.url!r}: {collection_table.summary(self)}>"

    def _repr_html_(self) -> str:
        """Return tables of its members and of the images that were read."""
        return render_html(collection_table.collection_tables(self))
