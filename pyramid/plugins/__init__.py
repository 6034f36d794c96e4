"""Images in other programs: napari and bioio, each by its own interface.

Neither is needed to install this package. `napari.yaml` is the manifest that napari finds by an entry point.
"""
