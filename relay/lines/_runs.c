/* Runs in columns: which packets of a batch are the next of their runs, passing them on or keeping them, what their
 * arrivals say, and whose turn it is in a tick. The same as relay/passing/steps.py, pace.py and waiting.py do in numpy;
 * the tables are theirs, and are read and written here through pointers.
 *
 * Packets of one line are looked at one after the other, so that two of a batch may both be the next. */

#define SECOND 1000000000LL
#define TICK_MS 20
#define FRAME 160
#define SLOTS 16
#define BUCKETS 8
#define OPUS_LAW -1
#define KEPT -1

/* Columns of relay.passing.table.RunTable. */
enum { LOOK_HEAD, LOOK_SSRC, LEAST, MOST, MASK, LOOK_CONTENT, PATIENCE, TO, OUT_HEAD, OUT_SSRC, SAMPLES, LOOKS };
enum { NEXT_SEQUENCE, NEXT_TIMESTAMP, OUT_SEQUENCE, OUT_TIMESTAMP, LAST, LOOK, STATE };

typedef struct {
    int64_t least, second, most;
} bucket;

typedef struct runs {
    int64_t rows;
    int64_t *looks, *state;
    /* Of relay.passing.pace.Pace. */
    int64_t *packets, *octets, *clock, *stamp, *transit;
    double *reported, *jitter;
    int64_t *since;
    bucket *buckets;
    /* Of relay.passing.waiting.Waiting. */
    uint8_t *ring;
    int64_t *sizes, *head, *begun, *turns, *source, *law, *queue_clock, *pauses;
    /* Of relay.passing.rest.Rest. */
    int64_t *calm, *rested;
    int64_t *decoder, *rate; /* Of libopus, at an address or 0; what it decodes to, Hz. */
    /* Rules of theirs, and of relay.playout. */
    int64_t never, farthest, past, bucket_ms, reset_ms, margin_ms, most_wait_ms, quiet_turns, spell_turns, calm_turns, cycle,
        quiet_peak, silent_peak;
    const int16_t *levels; /* Of the 256 octets of each law of G.711. */
} runs;

static int64_t units(int64_t time_ns, int64_t clock)
{
    return time_ns / SECOND * clock + time_ns % SECOND * clock / SECOND;
}

static int64_t base_of(const bucket *buckets)
{
    int64_t base = buckets[0].least;
    for (int i = 1; i < BUCKETS; i++)
        if (buckets[i].least < base)
            base = buckets[i].least;
    return base;
}

static int is_far(const runs *it, int64_t row, int64_t transit)
{
    return llabs(transit - base_of(it->buckets + row * BUCKETS)) > it->clock[row] * it->reset_ms / 1000;
}

/* Whether the packet in that column is the one that the run of its line expects. */
static int is_next(const lines *all, const runs *it, int i)
{
    int64_t row = all->columns[NUMBER][i], arrival = all->columns[ARRIVAL][i], size = all->columns[SIZE][i];
    const int64_t *look = it->looks + row * LOOKS, *state = it->state + row * STATE;
    if (all->columns[HEAD][i] != (look[LOOK_HEAD] | (state[NEXT_SEQUENCE] & 0xFFFF)) ||
        all->columns[TIMESTAMP][i] != (state[NEXT_TIMESTAMP] & 0xFFFFFFFF) || all->columns[SSRC][i] != look[LOOK_SSRC])
        return 0;
    if (size < HEADER || size < look[LEAST] || size > look[MOST] ||
        (all->columns[CONTENT][i] & look[MASK]) != look[LOOK_CONTENT] || arrival - state[LAST] >= look[PATIENCE])
        return 0;
    if (look[TO] != KEPT)
        return 1;
    return size <= HEADER + FRAME && state[NEXT_SEQUENCE] - it->head[row] < SLOTS - it->past &&
           !is_far(it, row, units(arrival, it->clock[row]) - state[NEXT_TIMESTAMP]);
}

static void put_word(uint8_t *at, int64_t word)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* Protects and sends the packet under its new header; it stays in the batch as it came. Returns as `put`. */
static int pass_on(lines *all, const int64_t *look, const int64_t *state, int i)
{
    _Alignas(16) uint8_t data[STRIDE];
    int64_t size = all->columns[SIZE][i];
    if (look[TO] < 0 || look[TO] >= all->size)
        return 0;
    memcpy(data + HEADER, all->data[all->columns[SLOT_USED][i]] + HEADER, (size_t)(size - HEADER));
    put_word(data, look[OUT_HEAD] | (state[OUT_SEQUENCE] & 0xFFFF));
    put_word(data + 4, state[OUT_TIMESTAMP]);
    put_word(data + 8, look[OUT_SSRC]);
    return put(all, &all->table[look[TO]], data, (int)size);
}

/* What is not filled of a slot is zero, so that two can be compared whole. */
static void keep(const lines *all, const runs *it, int64_t row, int i)
{
    int64_t slot = row * SLOTS + (it->state[row * STATE + NEXT_SEQUENCE] & (SLOTS - 1)), size = all->columns[SIZE][i] - HEADER;
    uint8_t *kept = it->ring + slot * FRAME;
    memcpy(kept, all->data[all->columns[SLOT_USED][i]] + HEADER, (size_t)size);
    memset(kept + size, 0, (size_t)(FRAME - size));
    it->sizes[slot] = size;
}

static void spread_out(runs *it, int64_t row, int64_t transit, int64_t now, int far)
{
    bucket *all = it->buckets + row * BUCKETS, *newest = all + BUCKETS - 1;
    if (far)
        for (int i = 0; i < BUCKETS; i++)
            all[i] = (bucket){it->farthest, -it->farthest, -it->farthest};
    if (far || now - it->since[row] >= it->clock[row] * it->bucket_ms / 1000) {
        it->since[row] = now;
        memmove(all, all + 1, (BUCKETS - 1) * sizeof *all);
        *newest = (bucket){transit, transit, transit};
        return;
    }
    if (transit < newest->least)
        newest->least = transit;
    if (transit > newest->most) {
        newest->second = newest->most;
        newest->most = transit;
    } else if (transit > newest->second) {
        newest->second = transit;
    }
}

/* What one more packet says of jitter and delay. */
static void reckon(runs *it, int64_t row, int64_t arrival, int64_t octets, int64_t samples)
{
    int64_t clock = it->clock[row], stamp = it->stamp[row] += samples, now = units(arrival, clock);
    int64_t transit = now - stamp;
    double reported = (double)arrival * (double)clock / 1e9 - (double)stamp, *jitter = it->jitter + row * 2;
    int far = is_far(it, row, transit);
    it->packets[row]++;
    it->octets[row] += octets;
    if (!far)
        jitter[0] += ((double)(llabs(transit - it->transit[row]) * 1000) / (double)clock - jitter[0]) / 16;
    jitter[1] += (fabs(reported - it->reported[row]) - jitter[1]) / 16;
    it->transit[row] = transit;
    it->reported[row] = reported;
    spread_out(it, row, transit, now, far);
}

static void advance(runs *it, int64_t row, int64_t arrival)
{
    int64_t *state = it->state + row * STATE, samples = it->looks[row * LOOKS + SAMPLES];
    state[NEXT_SEQUENCE]++;
    state[NEXT_TIMESTAMP] += samples;
    state[OUT_SEQUENCE]++;
    state[OUT_TIMESTAMP] += samples;
    state[LAST] = arrival;
}

static int is_odd(const int64_t *odd, int count, int64_t row)
{
    for (int i = 0; i < count; i++)
        if (odd[i] == row)
            return 1;
    return 0;
}

/* Of a batch: `left`: places of the packets that are not the next of their runs, and of all behind them on their lines;
 * `shown`: places, sequence numbers and timestamps of those that their runs want to see; `failed`: lines, and why a
 * packet could not be protected. Each has room for BATCH. */
typedef struct {
    int64_t *left, (*shown)[3], (*failed)[2];
} told;

/* How many of each there are. */
typedef struct {
    int left, shown, failed;
} taken;

/* Deals with the first `count` packets of the batch, of which nothing is in `to` yet. Those of tapped lines leave records
 * behind. */
static void take_batch(lines *all, runs *it, int count, told to, taken *done)
{
    int64_t odd[BATCH];
    int odds = 0, status;
    for (int i = 0; i < count; i++) {
        int64_t row = all->columns[NUMBER][i], arrival = all->columns[ARRIVAL][i];
        int64_t *look = it->looks + row * LOOKS, *state = it->state + row * STATE;
        if (row >= it->rows || look[LOOK_HEAD] == it->never || is_odd(odd, odds, row) || !is_next(all, it, i)) {
            if (row < it->rows && look[LOOK_HEAD] != it->never && all->columns[KIND][i] == RTP)
                odd[odds++] = row;
            to.left[done->left++] = i;
            continue;
        }
        if (arrival >= state[LOOK]) {
            to.shown[done->shown][0] = i;
            to.shown[done->shown][1] = state[NEXT_SEQUENCE];
            to.shown[done->shown++][2] = state[NEXT_TIMESTAMP];
        }
        if (row < all->size && all->table[row].taps)
            record(all, i, state[NEXT_SEQUENCE], state[NEXT_TIMESTAMP]);
        if (look[TO] == KEPT) {
            keep(all, it, row, i);
        } else if ((status = pass_on(all, look, state, i))) {
            to.failed[done->failed][0] = look[TO];
            to.failed[done->failed++][1] = status;
        }
        advance(it, row, arrival);
        reckon(it, row, arrival, all->columns[SIZE][i] - HEADER, look[SAMPLES]);
    }
}

static taken lines_take(lines *all, runs *it, int count, told to)
{
    taken done = {0};
    take_batch(all, it, count, to, &done);
    return done;
}

/* What a wait came to: of the last batch, `count` packets; `more` may be there; so long it did nothing. */
typedef struct {
    taken of;
    int count, more;
    int64_t slept;
} waited;

static int is_to_be_told(const waited *it)
{
    return it->of.left || it->of.shown || it->of.failed;
}

/* Batch after batch, until nothing is left or something is to be told. */
static void take_all(lines *all, runs *it, told to, waited *done)
{
    do {
        done->count = lines_receive(all, &done->more);
        take_batch(all, it, done->count, to, &done->of);
    } while (done->more && done->count && !is_to_be_told(done));
}

/* Receives and takes at once and each `beat` from then on, until `until` (both ns), until something is to be told, a
 * datagram was discarded, or `other` (a descriptor) can be read. */
static waited lines_wait(lines *all, runs *it, int other, int64_t until, int64_t beat, told to)
{
    waited done = {{0}, 0, 0, 0};
    struct pollfd events = {.fd = other, .events = POLLIN};
    int called = 0;
    for (;;) {
        take_all(all, it, to, &done);
        int64_t now = nanoseconds(CLOCK_MONOTONIC), pause = until - now < beat ? until - now : beat;
        if (called || pause <= 0 || done.more || all->any_discarded || is_to_be_told(&done))
            return done;
        struct timespec time = {pause / SECOND, pause % SECOND};
        called = ppoll(&events, 1, &time, NULL); /* also by a signal */
        done.slept += nanoseconds(CLOCK_MONOTONIC) - now;
    }
}

/* Rows of runs whose next packet has not come in time, into `late`, which has room for all. Returns how many. */
static int runs_late(const runs *it, int64_t now_ns, int64_t *late)
{
    int found = 0;
    for (int64_t row = 0; row < it->rows; row++) {
        const int64_t *look = it->looks + row * LOOKS;
        if (look[LOOK_HEAD] != it->never && now_ns - it->state[row * STATE + LAST] >= look[PATIENCE])
            late[found++] = row;
    }
    return found;
}

/* The lag that is wanted. */
static int64_t target_of(const runs *it, int64_t row, int64_t base)
{
    const bucket *buckets = it->buckets + row * BUCKETS;
    int64_t second = -it->farthest, most = -it->farthest, clock = it->clock[row];
    for (int i = 0; i < BUCKETS; i++) {
        if (buckets[i].most > most) {
            second = buckets[i].second > most ? buckets[i].second : most;
            most = buckets[i].most;
        } else if (buckets[i].most > second) {
            second = buckets[i].most;
        }
    }
    int64_t wanted = second - base + clock * it->margin_ms / 1000, limit = clock * it->most_wait_ms / 1000;
    return wanted < limit ? wanted : limit;
}

enum { PLAYS, RESTS, SHORTENED, ODD };

/* What becomes of a row in this tick. `faint`: its last frame was, or there was none. */
static int judge(runs *it, int64_t row, int64_t now_ns, int faint)
{
    int64_t clock = it->queue_clock[row], frame = clock * TICK_MS / 1000, base = base_of(it->buckets + row * BUCKETS);
    int64_t waiting = it->state[row * STATE + NEXT_SEQUENCE] - it->head[row];
    int64_t lag = units(now_ns, clock) - base - (it->state[row * STATE + NEXT_TIMESTAMP] - waiting * frame);
    int64_t over = lag - target_of(it, row, base), turns;
    if (waiting < 1 || waiting >= SLOTS - it->past || lag > clock * it->most_wait_ms / 1000 + 2 * frame)
        return ODD;
    if (faint && over < 0)
        return RESTS;
    turns = over > frame + clock * it->margin_ms / 1000 ? it->turns[row] + 1 : 0;
    if (turns >= (faint ? it->quiet_turns : it->spell_turns) && over >= frame && waiting >= 2)
        return SHORTENED;
    it->turns[row] = turns;
    return PLAYS;
}

/* The next frame of a row of G.711. Returns whether there is a sound in it. */
static int play(runs *it, int64_t row, int16_t *samples)
{
    const uint8_t *octets = it->ring + (row * SLOTS + (it->head[row]++ & (SLOTS - 1))) * FRAME;
    const int16_t *levels = it->levels + it->law[row] * 256;
    int least = 0, most = 0;
    for (int i = 0; i < FRAME; i++) {
        samples[i] = levels[octets[i]];
        least = samples[i] < least ? samples[i] : least;
        most = samples[i] > most ? samples[i] : most;
    }
    return most > it->silent_peak || -least > it->silent_peak;
}

typedef struct {
    int played, coded, shortened, odd;
} judged;

/* The turns of `count` rows. `sources` and `samples`: of the rows of G.711 that are played, without those that were
 * silent and still are; the other columns are of rows. Each has room for `count`. `peaks`: of the last frames of
 * `sources_there` sources. */
static judged runs_judge(runs *it, int count, const int64_t *rows, int64_t now_ns, const int32_t *peaks,
                         int sources_there, int64_t *sources, int16_t *samples, int64_t *coded, int64_t *shortened,
                         int64_t *odd)
{
    judged done = {0, 0, 0, 0};
    for (int i = 0; i < count; i++) {
        int64_t row = rows[i], source = it->source[row];
        int64_t peak = source < sources_there ? peaks[source] : 0;
        int turn = judge(it, row, now_ns, peak < it->quiet_peak);
        if (turn == ODD) {
            odd[done.odd++] = row;
        } else if (turn == SHORTENED) {
            shortened[done.shortened++] = row;
        } else if (turn == RESTS) {
            it->begun[row] = it->head[row];
            it->pauses[row]++;
        } else if (it->law[row] == OPUS_LAW) {
            coded[done.coded++] = row;
        } else if (play(it, row, samples + FRAME * done.played) || peak > it->silent_peak) {
            sources[done.played++] = source;
        }
    }
    return done;
}

/* relay.passing.outbound.Heard: `mixes` of each law in `octets`; `of_source`: the mix of each row of sound, negative for
 * the last one, silence. Voices of Opus, each of so many octets of `width`; `places`: the voice of each row, negative for
 * none. */
typedef struct {
    const uint8_t *octets;
    int mixes;
    const int64_t *of_source;
    const uint8_t *voices;
    int width;
    const int64_t *sizes, *places;
} heard;

/* What is heard in a row of sound by that law, or in Opus if it is negative; returns its octets, 0 for nothing. */
static int hear(const heard *it, int64_t source, int64_t law, const uint8_t **payload)
{
    if (law < 0) {
        int64_t place = it->places[source];
        if (place < 0)
            return 0;
        *payload = it->voices + place * it->width;
        return (int)it->sizes[place];
    }
    int64_t mix = it->of_source[source];
    *payload = it->octets + (law * it->mixes + (mix < 0 ? it->mixes - 1 : mix)) * FRAME;
    return FRAME;
}

#define MARKER (1 << 23)

/* Makes and sends a packet for each of `count` rows of relay.passing.outbound.Outbound, whose columns these are: what its
 * listener hears, and nothing in silence of which nothing is sent. `failed` as in `lines_take`; returns how many failed. */
static int lines_send_mixes(lines *all, int count, const int64_t *rows, const int64_t (*fixed)[5], int64_t (*next)[3],
                            int64_t (*sent)[3], const heard *it, int64_t (*failed)[2])
{
    _Alignas(16) uint8_t data[STRIDE];
    int failures = 0, status;
    for (int i = 0; i < count; i++) {
        int64_t row = rows[i], timestamp = next[row][1];
        const uint8_t *payload;
        int size = hear(it, fixed[row][2], fixed[row][3], &payload);
        next[row][1] += fixed[row][4];
        sent[row][1] += fixed[row][4];
        if (!size || size > SLOT - HEADER) {
            next[row][2] = 1;
            continue;
        }
        put_word(data, fixed[row][0] | (next[row][2] ? MARKER : 0) | (next[row][0]++ & 0xFFFF));
        put_word(data + 4, timestamp);
        put_word(data + 8, fixed[row][1]);
        memcpy(data + HEADER, payload, (size_t)size);
        next[row][2] = 0;
        sent[row][0]++;
        sent[row][2] += size;
        if ((status = put(all, &all->table[row], data, HEADER + size))) {
            failed[failures][0] = row;
            failed[failures++][1] = status;
        }
    }
    return failures;
}
