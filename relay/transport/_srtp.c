/* SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714): one direction of a leg under one master key. The ciphers and the MAC are
 * nettle's; here is what the RFCs do with them, and what is remembered of each stream.
 *
 * Contexts are set up once: a packet costs its blocks of AES and SHA-1 and little more. relay/transport/libsrtp.py is
 * the same by libsrtp, and what this is compared with. */

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/aes.h>
#include <nettle/ctr.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

/* What a packet may grow by. */
#define TRAILER 20

/* Why a packet was not protected or unprotected; 0: it was. */
enum { MALFORMED = 1, NOT_AUTHENTIC, REPLAYED, EXHAUSTED, NO_ROOM };

#define SALT 14
#define TAG 10
#define GCM_IV 12
#define LONGEST_TAG 20
#define INDEX_BITS 48
#define ENCRYPTED 0x80000000u
#define RTP_HEADER 12
#define RTCP_HEADER 8
/* Packets that may be overtaken before they count as replayed. */
#define WINDOW 1024
/* Streams of one direction: of those that are received the one that was silent for longest is forgotten. */
#define MOST_STREAMS 64

/* Labels of RFC 3711 section 4.3; those of SRTCP are three more. */
enum { ENCRYPTION, AUTHENTICATION, SALTING, OF_RTCP };

typedef struct {
    nettle_cipher_func *encrypt;
    union {
        struct aes128_ctx aes128;
        struct aes256_ctx aes256;
    } aes;
    struct gcm_key *hash; /* NULL: counter mode and HMAC */
    struct hmac_sha1_ctx mac;
    uint8_t salt[SALT];
    int tag;
} keys;

/* Indices of packets that were there: the highest, and of the WINDOW up to it those whose bit is set. */
typedef struct {
    uint64_t highest, bits[WINDOW / 64];
    int begun;
} history;

/* Sizes in octets; a salt of 12 is one of 14 that ends in zeros (RFC 7714 section 11). */
typedef struct {
    int key_size, salt_size, tag, aead;
} suite;

typedef struct {
    uint32_t ssrc;
    uint64_t used;
    history rtp, rtcp;
} stream;

typedef struct srtp_session {
    keys rtp, rtcp;
    int outbound, count, room;
    uint64_t packets;
    stream *streams;
} srtp_session;

static int is_there(const history *it, uint64_t index)
{
    if (!it->begun || index > it->highest)
        return 0;
    return it->highest - index >= WINDOW || it->bits[index % WINDOW / 64] >> (index % 64) & 1;
}

static void add(history *it, uint64_t index)
{
    if (!it->begun || (index > it->highest && index - it->highest >= WINDOW))
        memset(it->bits, 0, sizeof it->bits);
    else
        for (uint64_t passed = it->highest + 1; passed <= index; passed++)
            it->bits[passed % WINDOW / 64] &= ~(1ULL << (passed % 64));
    if (!it->begun || index > it->highest)
        it->highest = index;
    it->begun = 1;
    it->bits[index % WINDOW / 64] |= 1ULL << (index % 64);
}

/* The index of a packet by its sequence number (RFC 3711 section 3.3.1). */
static uint64_t index_of(const history *it, uint16_t sequence)
{
    if (!it->begun)
        return sequence;
    uint64_t rollovers = it->highest >> 16;
    int gap = sequence - (int)(it->highest & 0xFFFF);
    if (gap < -0x8000)
        rollovers++;
    else if (gap > 0x8000 && rollovers)
        rollovers--;
    return rollovers << 16 | sequence;
}

static stream *find(const srtp_session *it, uint32_t ssrc)
{
    for (int i = 0; i < it->count; i++)
        if (it->streams[i].ssrc == ssrc)
            return &it->streams[i];
    return NULL;
}

static stream *silent_for_longest(srtp_session *it)
{
    stream *found = it->streams;
    for (int i = 1; i < it->count; i++)
        if (it->streams[i].used < found->used)
            found = &it->streams[i];
    return found;
}

/* A place for one more stream; NULL: there is none. What we sent is never forgotten: its keystream would be used again. */
static stream *begin(srtp_session *it, uint32_t ssrc)
{
    stream *made;
    if (it->count == MOST_STREAMS) {
        if (it->outbound)
            return NULL;
        made = silent_for_longest(it);
    } else {
        if (it->count == it->room) {
            int room = it->room ? it->room * 2 : 1;
            stream *streams = realloc(it->streams, (size_t)room * sizeof *streams);
            if (!streams)
                return NULL;
            it->streams = streams;
            it->room = room;
        }
        made = &it->streams[it->count++];
    }
    *made = (stream){.ssrc = ssrc};
    return made;
}

/* The stream of a packet, and `fresh` in its place if there was none yet. */
static stream *stream_of(srtp_session *it, uint32_t ssrc, stream *fresh)
{
    stream *found = find(it, ssrc);
    *fresh = (stream){.ssrc = ssrc};
    return found ? found : fresh;
}

/* The packet is what it claims to be, so that its stream may take room. Returns 0 or NO_ROOM. */
static int keep_stream(srtp_session *it, stream **found, const stream *fresh)
{
    if (*found == fresh && !(*found = begin(it, fresh->ssrc)))
        return NO_ROOM;
    (*found)->used = it->packets++;
    return 0;
}

static uint32_t word_at(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return be32toh(word);
}

static void put_word_at(uint8_t *at, uint32_t word)
{
    word = htobe32(word);
    memcpy(at, &word, sizeof word);
}

static void mix_in(uint8_t *at, uint64_t value, int octets)
{
    for (int i = octets - 1; i >= 0; i--, value >>= 8)
        at[i] ^= (uint8_t)value;
}

/* Counter mode of RFC 3711 section 4.1.1. */
static void crypt_by_counter(const keys *by, uint32_t ssrc, uint64_t index, uint8_t *at, size_t size)
{
    uint8_t counter[AES_BLOCK_SIZE] = {0};
    memcpy(counter, by->salt, SALT);
    mix_in(counter + 4, ssrc, 4);
    mix_in(counter + 8, index, 6);
    ctr_crypt(&by->aes, by->encrypt, AES_BLOCK_SIZE, counter, size, at, at);
}

static void sign(keys *by, const uint8_t *data, size_t size, const uint8_t *more, size_t octets, uint8_t *tag)
{
    hmac_sha1_update(&by->mac, size, data);
    hmac_sha1_update(&by->mac, octets, more);
    hmac_sha1_digest(&by->mac, (size_t)by->tag, tag);
}

/* The initialization vectors of RFC 7714 sections 8.1 and 9.1. */
static void make_iv(const keys *by, uint32_t ssrc, uint64_t index, uint8_t iv[GCM_IV])
{
    memcpy(iv, by->salt, GCM_IV);
    mix_in(iv + 2, ssrc, 4);
    mix_in(iv + 6, index, 6);
}

typedef struct {
    const uint8_t *octets;
    size_t size;
} in_clear;

static void begin_gcm(const keys *by, struct gcm_ctx *gcm, const uint8_t *iv, in_clear header)
{
    gcm_set_iv(gcm, by->hash, GCM_IV, iv);
    gcm_update(gcm, by->hash, header.size, header.octets);
}

static void seal(const keys *by, const uint8_t *iv, in_clear header, uint8_t *at, size_t size)
{
    struct gcm_ctx gcm;
    begin_gcm(by, &gcm, iv, header);
    gcm_encrypt(&gcm, by->hash, &by->aes, by->encrypt, size, at, at);
    gcm_digest(&gcm, by->hash, &by->aes, by->encrypt, (size_t)by->tag, at + size);
}

/* The tag lies behind the `size` octets, which are worth nothing if it is not theirs. */
static int unseal(const keys *by, const uint8_t *iv, in_clear header, uint8_t *at, size_t size)
{
    struct gcm_ctx gcm;
    uint8_t tag[LONGEST_TAG];
    begin_gcm(by, &gcm, iv, header);
    gcm_decrypt(&gcm, by->hash, &by->aes, by->encrypt, size, at, at);
    gcm_digest(&gcm, by->hash, &by->aes, by->encrypt, (size_t)by->tag, tag);
    return memeql_sec(tag, at + size, (size_t)by->tag) ? 0 : NOT_AUTHENTIC;
}

/* Octets before the payload (RFC 3550 section 5.1), 0: it is no RTP packet. */
static int header_of(const uint8_t *data, int size)
{
    int header = RTP_HEADER;
    if (size < header || data[0] >> 6 != 2)
        return 0;
    header += 4 * (data[0] & 15);
    if (data[0] & 16) {
        if (size < header + 4)
            return 0;
        header += 4 + 4 * (data[header + 2] << 8 | data[header + 3]);
    }
    return size < header ? 0 : header;
}

/* Protects the packet, which has room for TRAILER octets more, and says how long it is then. */
static int srtp_protect_rtp(srtp_session *it, uint8_t *data, int *size)
{
    keys *by = &it->rtp;
    stream fresh, *found;
    uint8_t iv[GCM_IV], rollovers[4];
    int header = header_of(data, *size), status;
    if (!header)
        return MALFORMED;
    uint32_t ssrc = word_at(data + 8);
    found = stream_of(it, ssrc, &fresh);
    uint64_t index = index_of(&found->rtp, (uint16_t)word_at(data));
    if (index >> INDEX_BITS)
        return EXHAUSTED;
    if (is_there(&found->rtp, index))
        return REPLAYED;
    if ((status = keep_stream(it, &found, &fresh)))
        return status;
    add(&found->rtp, index);
    if (by->hash) {
        make_iv(by, ssrc, index, iv);
        seal(by, iv, (in_clear){data, (size_t)header}, data + header, (size_t)(*size - header));
    } else {
        crypt_by_counter(by, ssrc, index, data + header, (size_t)(*size - header));
        put_word_at(rollovers, (uint32_t)(index >> 16));
        sign(by, data, (size_t)*size, rollovers, sizeof rollovers, data + *size);
    }
    *size += by->tag;
    return 0;
}

static int srtp_unprotect_rtp(srtp_session *it, uint8_t *data, int *size)
{
    keys *by = &it->rtp;
    stream fresh, *found;
    uint8_t iv[GCM_IV], rollovers[4], tag[LONGEST_TAG];
    int clear = *size - by->tag, header = header_of(data, clear);
    if (!header)
        return MALFORMED;
    uint32_t ssrc = word_at(data + 8);
    found = stream_of(it, ssrc, &fresh);
    uint64_t index = index_of(&found->rtp, (uint16_t)word_at(data));
    if (index >> INDEX_BITS || is_there(&found->rtp, index))
        return REPLAYED;
    if (by->hash) {
        make_iv(by, ssrc, index, iv);
        if (unseal(by, iv, (in_clear){data, (size_t)header}, data + header, (size_t)(clear - header)))
            return NOT_AUTHENTIC;
    } else {
        put_word_at(rollovers, (uint32_t)(index >> 16));
        sign(by, data, (size_t)clear, rollovers, sizeof rollovers, tag);
        if (!memeql_sec(tag, data + clear, (size_t)by->tag))
            return NOT_AUTHENTIC;
        crypt_by_counter(by, ssrc, index, data + header, (size_t)(clear - header));
    }
    if (keep_stream(it, &found, &fresh))
        return NO_ROOM;
    add(&found->rtp, index);
    *size = clear;
    return 0;
}

/* What is authenticated but not encrypted of an RTCP packet under AES-GCM (RFC 7714 section 9.2). */
static void bare(const uint8_t *data, uint32_t trailer, uint8_t header[RTCP_HEADER + 4])
{
    memcpy(header, data, RTCP_HEADER);
    put_word_at(header + RTCP_HEADER, trailer);
}

static int srtp_protect_rtcp(srtp_session *it, uint8_t *data, int *size)
{
    keys *by = &it->rtcp;
    stream fresh, *found;
    uint8_t iv[GCM_IV], header[RTCP_HEADER + 4];
    int status, encrypted = *size - RTCP_HEADER;
    if (encrypted < 0 || data[0] >> 6 != 2)
        return MALFORMED;
    uint32_t ssrc = word_at(data + 4);
    found = stream_of(it, ssrc, &fresh);
    uint64_t index = found->rtcp.begun ? found->rtcp.highest + 1 : 0;
    if (index >= ENCRYPTED)
        return EXHAUSTED;
    if ((status = keep_stream(it, &found, &fresh)))
        return status;
    add(&found->rtcp, index);
    if (by->hash) {
        make_iv(by, ssrc, index, iv);
        bare(data, ENCRYPTED | (uint32_t)index, header);
        seal(by, iv, (in_clear){header, sizeof header}, data + RTCP_HEADER, (size_t)encrypted);
        put_word_at(data + *size + by->tag, ENCRYPTED | (uint32_t)index);
    } else {
        crypt_by_counter(by, ssrc, index, data + RTCP_HEADER, (size_t)encrypted);
        put_word_at(data + *size, ENCRYPTED | (uint32_t)index);
        sign(by, data, (size_t)*size, data + *size, 4, data + *size + 4);
    }
    *size += 4 + by->tag;
    return 0;
}

/* Every SRTCP packet is encrypted, as was agreed: one that says that it is not is refused. */
static int srtp_unprotect_rtcp(srtp_session *it, uint8_t *data, int *size)
{
    keys *by = &it->rtcp;
    stream fresh, *found;
    uint8_t iv[GCM_IV], header[RTCP_HEADER + 4], tag[LONGEST_TAG];
    int clear = *size - by->tag - 4, encrypted = clear - RTCP_HEADER;
    if (encrypted < 0 || data[0] >> 6 != 2)
        return MALFORMED;
    uint32_t ssrc = word_at(data + 4), trailer = word_at(data + clear + (by->hash ? by->tag : 0));
    uint64_t index = trailer & ~ENCRYPTED;
    found = stream_of(it, ssrc, &fresh);
    if (!(trailer & ENCRYPTED))
        return MALFORMED;
    if (is_there(&found->rtcp, index))
        return REPLAYED;
    if (by->hash) {
        make_iv(by, ssrc, index, iv);
        bare(data, trailer, header);
        if (unseal(by, iv, (in_clear){header, sizeof header}, data + RTCP_HEADER, (size_t)encrypted))
            return NOT_AUTHENTIC;
    } else {
        sign(by, data, (size_t)clear, data + clear, 4, tag);
        if (!memeql_sec(tag, data + clear + 4, (size_t)by->tag))
            return NOT_AUTHENTIC;
        crypt_by_counter(by, ssrc, index, data + RTCP_HEADER, (size_t)encrypted);
    }
    if (keep_stream(it, &found, &fresh))
        return NO_ROOM;
    add(&found->rtcp, index);
    *size = clear;
    return 0;
}

static void set_aes(keys *by, const uint8_t *key, int key_size)
{
    if (key_size == AES128_KEY_SIZE) {
        aes128_set_encrypt_key(&by->aes.aes128, key);
        by->encrypt = (nettle_cipher_func *)aes128_encrypt;
    } else {
        aes256_set_encrypt_key(&by->aes.aes256, key);
        by->encrypt = (nettle_cipher_func *)aes256_encrypt;
    }
}

/* Key derivation (RFC 3711 section 4.3.1) with a rate of zero: so many octets of the pseudo-random function. */
static void derive(const keys *master, int label, uint8_t *made, size_t size)
{
    uint8_t counter[AES_BLOCK_SIZE] = {0};
    memcpy(counter, master->salt, SALT);
    counter[7] ^= (uint8_t)label;
    memset(made, 0, size);
    ctr_crypt(&master->aes, master->encrypt, AES_BLOCK_SIZE, counter, size, made, made);
}

/* Returns 0 or NO_ROOM. */
static int set_keys(keys *by, const keys *master, suite of, int label)
{
    uint8_t made[AES256_KEY_SIZE];
    derive(master, label + SALTING, by->salt, SALT);
    derive(master, label + AUTHENTICATION, made, SHA1_DIGEST_SIZE);
    hmac_sha1_set_key(&by->mac, SHA1_DIGEST_SIZE, made);
    derive(master, label + ENCRYPTION, made, (size_t)of.key_size);
    set_aes(by, made, of.key_size);
    explicit_bzero(made, sizeof made);
    by->tag = of.tag;
    if (!of.aead)
        return 0;
    by->hash = malloc(sizeof *by->hash);
    if (!by->hash)
        return NO_ROOM;
    gcm_set_key(by->hash, &by->aes, by->encrypt);
    return 0;
}

static void forget(keys *by)
{
    if (by->hash)
        explicit_bzero(by->hash, sizeof *by->hash);
    free(by->hash);
}

static void srtp_session_free(srtp_session *it)
{
    forget(&it->rtp);
    forget(&it->rtcp);
    free(it->streams);
    explicit_bzero(it, sizeof *it);
    free(it);
}

/* `master`: key and salt. NULL: there is no memory. */
static srtp_session *srtp_session_new(const uint8_t *master, suite of, int outbound)
{
    srtp_session *made = calloc(1, sizeof *made);
    keys root = {0};
    suite control = of;
    if (!made)
        return NULL;
    made->outbound = outbound;
    set_aes(&root, master, of.key_size);
    memcpy(root.salt, master + of.key_size, (size_t)of.salt_size);
    if (!of.aead)
        control.tag = TAG; /* whatever that of SRTP is (RFC 4568 section 6.2.2, RFC 5764 section 4.1.2) */
    int failed = set_keys(&made->rtp, &root, of, 0) || set_keys(&made->rtcp, &root, control, OF_RTCP);
    explicit_bzero(&root, sizeof root);
    if (!failed)
        return made;
    srtp_session_free(made);
    return NULL;
}
