"""HDF5 files: single datasets, and the images of Imaris and BigDataViewer.

h5py reads the structure of a file. The bytes of pixels are read from the file itself and decoded here, because the
library of HDF5 lets only one thread in at a time.
"""

from pyramid.readers.hdf5.opener import open_hdf5

__all__ = ["open_hdf5"]
