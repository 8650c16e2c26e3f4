"""Builds relay.lines._native (cffi, API mode) when the package is installed; without a compiler it is left out."""

from pathlib import Path

import cffi

ffi = cffi.FFI()
ffi.cdef("""
    #define BATCH ...
    #define STRIDE ...
    #define COLUMNS ...
    typedef struct lines lines;
    lines *lines_new(void *protect, void *unprotect, void *unprotect_rtcp);
    void lines_free(lines *all);
    int lines_open(lines *all, int number, int fd);
    void lines_close(lines *all, int number);
    void lines_lead_nowhere(lines *all, int number);
    int lines_lead(lines *all, int number, const uint8_t *address, int size, int port, int mux, void *inbound,
                   void *outbound);
    int lines_take_discarded(lines *all, int *numbers, int *counts);
    int lines_receive(lines *all, int *more);
    int64_t *lines_columns(lines *all);
    uint8_t *lines_data(lines *all);
    void lines_send(lines *all, int count, const int *numbers, const int *sizes, const uint8_t *packets, int *failed);
    void lines_forward(lines *all, int count, const int64_t *numbers, const int64_t *slots, const int64_t *sizes,
                       int *failed);
""")
ffi.set_source(
    "relay.lines._native",
    (Path(__file__).parent / "_native.c").read_text(),
    extra_compile_args=["-O2", "-std=gnu11"],
    optional=True,
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
