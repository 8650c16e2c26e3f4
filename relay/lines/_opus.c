/* Rows of Opus whose turn it is: which are decoded, and decoding them. libopus' function and its decoders are handed in;
 * a decoder is nobody else's meanwhile. */

typedef int (*decode_function)(void *decoder, const uint8_t *packet, int32_t size, int16_t *samples, int frame, int copy);

/* Whether the next packet of a row is the same as one of the few before it. */
static int is_again(const runs *it, int64_t row)
{
    int64_t head = it->head[row], now = row * SLOTS + (head & (SLOTS - 1));
    for (int64_t back = it->cycle; back > 0; back--) {
        int64_t then = row * SLOTS + ((head - back) & (SLOTS - 1));
        if (it->sizes[now] == it->sizes[then] && !memcmp(it->ring + now * FRAME, it->ring + then * FRAME, FRAME))
            return 1;
    }
    return 0;
}

/* Whether the next packet of a row is known to be silence, as relay.passing.rest says. `silent`: its last frame was. */
static int goes_on_resting(runs *it, int64_t row, int silent)
{
    it->calm[row] = silent ? it->calm[row] + 1 : 0;
    return it->calm[row] >= it->calm_turns && is_again(it, row);
}

/* The packet of a row with that number; returns how many samples it is, or less than 0. */
static int decode_one(const runs *it, intptr_t decode, int64_t row, int64_t number, int16_t *samples)
{
    int64_t slot = row * SLOTS + (number & (SLOTS - 1));
    if (!it->decoder[row])
        return -1;
    return ((decode_function)decode)((void *)(intptr_t)it->decoder[row], it->ring + slot * FRAME, (int32_t)it->sizes[slot],
                                     samples, (int)(it->rate[row] * TICK_MS / 1000), 0);
}

/* The next packet of a row, after what was left out before it. Returns whether it is a sound of a tick; else it is made
 * silence. */
static int decode_next(runs *it, intptr_t decode, int64_t row, int16_t *samples)
{
    int64_t frame = it->rate[row] * TICK_MS / 1000, head = it->head[row];
    for (int64_t back = it->rested[row] < it->cycle ? it->rested[row] : it->cycle; back > 0; back--)
        decode_one(it, decode, row, head - back, samples);
    it->rested[row] = 0;
    if (decode_one(it, decode, row, head, samples) == frame)
        return 1;
    memset(samples, 0, (size_t)frame * sizeof *samples);
    return 0;
}

typedef struct {
    int played, bad;
} decoded;

/* Takes away the next packet of those of `count` rows that are decoded to `rate`. `samples` and `sources`: of what is
 * played; `bad`: sources of which it could not be decoded. Each has room for `count`. `peaks`: of the last frames of `sources_there`
 * sources. */
static decoded runs_decode(runs *it, intptr_t decode, int64_t rate, int count, const int64_t *rows, const int32_t *peaks,
                           int sources_there, int16_t *samples, int64_t *sources, int64_t *bad)
{
    decoded done = {0, 0};
    int64_t frame = rate * TICK_MS / 1000;
    for (int i = 0; i < count; i++) {
        int64_t row = rows[i], source = it->source[row];
        if (it->rate[row] != rate)
            continue;
        if (goes_on_resting(it, row, source >= sources_there || peaks[source] <= it->silent_peak)) {
            it->rested[row]++;
        } else {
            if (!decode_next(it, decode, row, samples + frame * done.played))
                bad[done.bad++] = source;
            sources[done.played++] = source;
        }
        it->head[row]++;
    }
    return done;
}
