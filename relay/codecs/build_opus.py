"""Builds relay.codecs._opus (cffi, API mode) when the package is installed; without a compiler it is left out. It needs
nothing of libopus, which is opened at run time."""

from pathlib import Path

import cffi

ffi = cffi.FFI()
ffi.cdef("""
    void encode_each(intptr_t encode, int count, const intptr_t *encoders, const int16_t *samples, int frame,
                     uint8_t *packets, int most, int32_t *sizes);
""")
ffi.set_source(
    "relay.codecs._opus",
    (Path(__file__).parent / "_opus.c").read_text(),
    extra_compile_args=["-O2", "-std=gnu11"],
    optional=True,
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
