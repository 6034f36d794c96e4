"""Many TIFFs as one image, by what their names say.

1. `listing` lists a folder, a glob or a bucket.
2. `template` parses the pattern of the names, or `guessing` finds it.
3. `values` and `mapping` find the place of each file, and what is missing.
4. `names` keeps that small, and `places` opens a file by its name.
5. `reading` describes the image, and `source` reads it.
"""

from pyramid.readers.patterns.opener import open_files

__all__ = ["open_files"]
