"""Memory between pictures: what is freed is kept, because the next one is about as large as the last."""

import ctypes

# Parameters of mallopt(3), and the most that glibc itself comes to where nobody sets them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MMAP_THRESHOLD_BYTES = 32 << 20


def keep_freed_memory() -> None:
    """Sets the thresholds at which glibc gives memory back; does nothing with another C library.

    Without it what several threads read and decode into is given back at once, and taken again page by page, each to be
    zeroed: 90 pages a picture; and a worker of dask, which wants memory back soonest (`MALLOC_TRIM_THRESHOLD_`), spends
    on that nearly as long as on decoding.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
        mallopt(_TRIM_THRESHOLD, 2 * _MMAP_THRESHOLD_BYTES)
