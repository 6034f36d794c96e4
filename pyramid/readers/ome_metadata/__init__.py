"""OME-XML that is stored with an OME-Zarr, of what its source says or is.

It is ``OME/METADATA.ome.xml``, as the layout of bioformats2raw has it: valid by OME's schema of June 2016, with
``MetadataOnly`` in place of the pixels. `keeping` makes it of a source's own OME-XML, `making` of a description.
"""
