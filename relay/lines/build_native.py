"""Builds relay.lines._native (cffi, API mode) when the package is installed; without a compiler it is left out."""

from pathlib import Path

import cffi

ffi = cffi.FFI()
ffi.cdef("""
    #define BATCH ...
    #define STRIDE ...
    typedef struct lines lines;
    lines *lines_new(void *protect, void *unprotect, void *unprotect_rtcp);
    void lines_free(lines *all);
    int lines_open(lines *all, int number, int fd);
    void lines_close(lines *all, int number);
    void lines_lead_nowhere(lines *all, int number);
    int lines_lead(lines *all, int number, const uint8_t *address, int size, int port, int mux, void *inbound,
                   void *outbound);
    int lines_take_discarded(lines *all, int *numbers, int *counts);
    int lines_receive(lines *all, int *numbers, int *kinds, int *slots, int *sizes, int64_t *arrivals, int *more);
    uint8_t *lines_data(lines *all);
    void lines_send(lines *all, int count, const int *numbers, const int *sizes, const uint8_t *packets, int *failed);
""")
ffi.set_source(
    "relay.lines._native",
    (Path(__file__).parent / "_native.c").read_text(),
    extra_compile_args=["-O2", "-std=gnu11"],
    optional=True,
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
