"""What a scheduler is given: tasks that are independent of each other, each of which gives an array of one receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import dask.threaded
from dask.base import DaskMethodsMixin

if TYPE_CHECKING:
    import dask.array as da


class Wave(DaskMethodsMixin):  # type: ignore[misc]  # dask is not typed
    """Tasks as a Dask collection of its own: to import `dask.array` takes longer than a small image to convert.

    Parameters
    ----------
    graph
        The tasks by their keys.
    """

    __dask_scheduler__ = staticmethod(dask.threaded.get)
    __dask_optimize__ = None  # there is nothing to fuse

    def __init__(self, graph: Mapping[Any, Any]) -> None:
        self._graph = graph

    def __dask_graph__(self) -> Mapping[Any, Any]:
        """Give the tasks by their keys."""
        return self._graph

    def __dask_keys__(self) -> list[Any]:
        """Give the keys of what is asked for: of every task."""
        return list(self._graph)

    def __dask_tokenize__(self) -> object:
        """Give what no other collection has."""
        return next(iter(self._graph))

    def __dask_postcompute__(self) -> tuple[Callable[[Any], Any], tuple[()]]:
        """Say what becomes of the results."""
        return list, ()

    def __dask_postpersist__(self) -> tuple[Callable[[Mapping[Any, Any]], Wave], tuple[()]]:
        """Say how the collection is made again, of futures."""
        return Wave, ()


# A source that is a Dask array makes one of receipts.
Receipts: TypeAlias = "Wave | da.Array"
