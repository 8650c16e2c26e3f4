"""What the process keeps of the memory that it has given back: glibc's mallopt(3), malloc_trim(3)."""

import contextlib
import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_COLUMN = 128 << 10
_BLOCK = 32 << 20
_IDLE = 8 << 20


def keep_little() -> None:
    """From now on a large column goes back to the system when nobody holds it any more; glibc would learn to keep the
    room for the next one, which is longer or shorter."""
    with contextlib.suppress(AttributeError):  # a C library that is not glibc
        _libc().mallopt(_M_MMAP_THRESHOLD, _COLUMN)


def keep_blocks() -> None:
    """Gives back what is free, and keeps what is freed from now on: of blocks of one size, to map each anew would take
    longer than to mix it."""
    with contextlib.suppress(AttributeError):
        libc = _libc()
        libc.malloc_trim(0)
        libc.mallopt(_M_MMAP_THRESHOLD, _BLOCK)
        libc.mallopt(_M_TRIM_THRESHOLD, _IDLE)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
