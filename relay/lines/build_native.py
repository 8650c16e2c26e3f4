"""Builds relay.lines._native (cffi, API mode) when the package is installed; without a compiler it is left out."""

from pathlib import Path

import cffi

ffi = cffi.FFI()
ffi.cdef("""
    #define BATCH ...
    #define STRIDE ...
    #define COLUMNS ...
    #define OVERHEAD ...
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
    int lines_tap(lines *all, int number, const uint8_t *addresses, int size);
    uint8_t *lines_records(lines *all);
    int64_t lines_recorded(lines *all, int64_t *latest);

    typedef struct { int64_t least, second, most; } bucket;
    typedef struct {
        int64_t rows;
        int64_t *looks, *state;
        int64_t *packets, *octets, *clock, *stamp, *transit;
        double *reported, *jitter;
        int64_t *since;
        bucket *buckets;
        uint8_t *ring;
        int64_t *sizes, *head, *begun, *turns, *source, *law, *queue_clock, *pauses;
        int64_t *calm, *rested;
        int64_t *decoder, *rate;
        int64_t never, farthest, past, bucket_ms, reset_ms, margin_ms, most_wait_ms, quiet_turns, spell_turns,
            calm_turns, cycle, quiet_peak, silent_peak;
        const int16_t *levels;
    } runs;
    typedef struct { int left, shown, failed; } taken;
    typedef struct { int64_t *left, (*shown)[3], (*failed)[2]; } told;
    taken lines_take(lines *all, runs *it, int count, told to);
    typedef struct { taken of; int count, more; int64_t slept; } waited;
    waited lines_wait(lines *all, runs *it, int other, int64_t until, int64_t beat, told to);
    int runs_late(const runs *it, int64_t now_ns, int64_t *late);
    typedef struct { int played, coded, shortened, odd; } judged;
    judged runs_judge(runs *it, int count, const int64_t *rows, int64_t now_ns, const int32_t *peaks,
                      int sources_there, int64_t *sources, int16_t *samples, int64_t *coded, int64_t *shortened,
                      int64_t *odd);
    typedef struct { int played, bad; } decoded;
    decoded runs_decode(runs *it, intptr_t decode, int64_t rate, int count, const int64_t *rows, const int32_t *peaks,
                        int sources_there, int16_t *samples, int64_t *sources, int64_t *bad);
    typedef struct {
        const uint8_t *octets;
        int mixes;
        const int64_t *of_source;
        const uint8_t *voices;
        int width;
        const int64_t *sizes, *places;
    } heard;
    int lines_send_mixes(lines *all, int count, const int64_t *rows, const int64_t (*fixed)[5], int64_t (*next)[3],
                         int64_t (*sent)[3], const heard *it, int64_t (*failed)[2]);
""")
ffi.set_source(
    "relay.lines._native",
    "\n".join((Path(__file__).parent / name).read_text() for name in ("_native.c", "_runs.c", "_opus.c")),
    extra_compile_args=["-O2", "-std=gnu11", "-ffp-contract=off"],
    optional=True,
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
