"""The files of one site, as a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyramid.readers.patterns.listing import Listing
    from pyramid.readers.patterns.template import Template


class SiteFiles(str):
    """The TIFFs of one site of a plate, which were listed with those of others.

    It is the text of their folder or URL, so that it passes wherever a source does.

    Parameters
    ----------
    listing
        The files.
    template
        The pattern of their names, with the site's own text in place of its fields.
    """

    __slots__ = ("listing", "template")
    listing: Listing
    template: Template

    def __new__(cls, listing: Listing, template: Template) -> SiteFiles:
        """Return the text of the base of `listing`, with what it stands for."""
        made = super().__new__(cls, listing.base)
        made.listing, made.template = listing, template
        return made

    def __reduce__(self) -> tuple[type[SiteFiles], tuple[Listing, Template]]:
        return SiteFiles, (self.listing, self.template)
