"""Files of pixels on this machine and at URLs, read by ranges of bytes."""
