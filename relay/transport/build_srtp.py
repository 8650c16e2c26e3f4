"""Builds relay.transport._srtp (cffi, API mode, with nettle) when the package is installed; without a compiler or
nettle it is left out."""

from pathlib import Path

import cffi

ffi = cffi.FFI()
ffi.cdef("""
    #define TRAILER ...
    typedef struct srtp_session srtp_session;
    typedef struct { int key_size, salt_size, tag, aead; } suite;
    srtp_session *srtp_session_new(const uint8_t *master, suite of, int outbound);
    void srtp_session_free(srtp_session *it);
    int srtp_protect_rtp(srtp_session *it, uint8_t *data, int *size);
    int srtp_unprotect_rtp(srtp_session *it, uint8_t *data, int *size);
    int srtp_protect_rtcp(srtp_session *it, uint8_t *data, int *size);
    int srtp_unprotect_rtcp(srtp_session *it, uint8_t *data, int *size);
""")
ffi.set_source(
    "relay.transport._srtp",
    (Path(__file__).parent / "_srtp.c").read_text(),
    libraries=["nettle"],
    extra_compile_args=["-O2", "-std=gnu11"],
    optional=True,
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
