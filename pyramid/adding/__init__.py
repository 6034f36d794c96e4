"""Levels added to a level 0 that stays as it is: `add_levels`.

The new levels are written at paths that no metadata names, and become those of the group when its one document is
replaced. Until then the group is read as before; a run that stops leaves a record, its journal and its claim in a
folder of the group, and goes on from there.
"""

from pyramid.adding.running import add_levels, run_adding

__all__ = ["add_levels", "run_adding"]
