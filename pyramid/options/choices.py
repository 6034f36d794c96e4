"""The values that some options of ``convert`` may have."""

from __future__ import annotations

# The codecs, and the highest effort of each. Without a codec the effort is ignored, so any that a codec has will do.
MAX_CODEC_LEVELS = {"blosc:lz4": 9, "blosc:zstd": 9, "zstd": 22, "gzip": 9, "none": 22, "bzip2": 9, "xz": 9}
# The codecs that only N5 specifies, and the lowest effort of each that has no effort 0.
N5_CODECS = ("bzip2", "xz")
MIN_CODEC_LEVELS = {"bzip2": 1}
# The versions of OME-Zarr that are written, and the answer to another.
WRITTEN = ("0.4", "0.5", "0.6")
WRITTEN_REMEDY = "earlier ones can be read and not written: give 0.5, which most viewers open"
METHODS_HELP = (
    "how pixels are combined: mean (mode for labels), nearest, mode, median, min, max, gaussian, or the name of a "
    "plug-in"
)
