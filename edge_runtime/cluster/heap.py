"""Memory of a worker: what is freed is kept, because the next picture is about as large as the last."""

import ctypes

# Parameters of mallopt(3), and the most that glibc itself comes to where nobody sets them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MMAP_THRESHOLD_BYTES = 32 << 20


def keep_freed_memory() -> None:
    """Undoes what dask sets for its workers (`MALLOC_TRIM_THRESHOLD_`), where the C library is glibc.

    With it every picture is decoded into fresh pages that are given back at once, and having them zeroed takes nearly
    as long as decoding.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
        mallopt(_TRIM_THRESHOLD, 2 * _MMAP_THRESHOLD_BYTES)
