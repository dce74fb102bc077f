"""How a feature vector lies in Redis: a header of 16 bytes, then float32 values, all little endian."""

import numpy as np

LAYOUT = 1
"""Number of the layout written here; a reader that meets another one treats the key as missing."""

HEADER = np.dtype([("layout", "<u2"), ("feature_set", "<u2"), ("count", "<u4"), ("as_of_ms", "<i8")])
"""The header: layout, version of the feature set, number of values, as-of time in milliseconds."""

VALUE = np.dtype("<f4")
