/* Receive and unprotect a batch, protect and send a batch: the two loops around the system calls and SRTP.
 *
 * What was received is told in columns over one table of octets.
 *
 * The functions of SRTP and its sessions are handed in, so that a session belongs to Python as before and may be used
 * from there between two calls. What is let through is decided as in plain.py. */

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define EACH 16
#define SLOT 2048
#define ROOM_FOR_TRAILER 160
#define STRIDE (SLOT + ROOM_FOR_TRAILER)
#define LONGEST_WAIT_NS 1000000000LL

enum { TOO_LONG = -2, DISCARDED = -1, RTP = 0, RTCP = 1 };

/* The columns of a batch, as relay/lines/batch.py names them. */
enum { NUMBER, KIND, SLOT_USED, SIZE, ARRIVAL, HEAD, TIMESTAMP, SSRC, CONTENT };
#define COLUMNS 9

#define HEADER 12
/* Of a record of a packet: what it begins with, and all before the payload. */
#define ADDRESS 20
#define OVERHEAD 50

typedef int (*crypt_function)(void *session, void *packet, int *size);

typedef struct {
    int fd; /* -1: not open */
    int leads;
    int mux;
    void *inbound, *outbound; /* NULL: in clear */
    socklen_t remote_size;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } remote;
    uint32_t discarded;
    uint8_t *addresses; /* of the records of its packets, ADDRESS octets each; NULL: it is not tapped */
    int taps;
} line;

typedef struct lines {
    line *table;
    int size;
    int any_discarded;
    int epoll;
    crypt_function protect, unprotect, unprotect_rtcp;
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in6 sources[BATCH];
    _Alignas(struct cmsghdr) char notes[BATCH][64];
    int64_t columns[COLUMNS][BATCH];
    int64_t now, offset;
    uint8_t *records; /* of tapped packets, as recorder/wire.py packs them */
    size_t recorded, room;
    int64_t latest; /* When the latest of them came. */
    int unrecorded; /* There was no room for one. */
    _Alignas(16) uint8_t data[BATCH][STRIDE];
} lines;

static void make_ready(lines *all, int slot)
{
    all->parts[slot] = (struct iovec){all->data[slot], SLOT};
    all->messages[slot].msg_hdr = (struct msghdr){
        .msg_name = &all->sources[slot],
        .msg_namelen = sizeof all->sources[slot],
        .msg_iov = &all->parts[slot],
        .msg_iovlen = 1,
        .msg_control = all->notes[slot],
        .msg_controllen = sizeof all->notes[slot],
    };
}

static lines *lines_new(void *protect, void *unprotect, void *unprotect_rtcp)
{
    lines *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (made->epoll < 0) {
        free(made);
        return NULL;
    }
    made->protect = (crypt_function)protect;
    made->unprotect = (crypt_function)unprotect;
    made->unprotect_rtcp = (crypt_function)unprotect_rtcp;
    for (int slot = 0; slot < BATCH; slot++)
        make_ready(made, slot);
    return made;
}

static void lines_free(lines *all)
{
    close(all->epoll);
    for (int number = 0; number < all->size; number++)
        free(all->table[number].addresses);
    free(all->table);
    free(all->records);
    free(all);
}

static int lines_open(lines *all, int number, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = (uint32_t)number};
    int on = 1;
    if (number >= all->size) {
        int size = number < 64 ? 64 : number * 2;
        line *table = realloc(all->table, (size_t)size * sizeof *table);
        if (!table)
            return -ENOMEM;
        for (int i = all->size; i < size; i++)
            table[i] = (line){.fd = -1};
        all->table = table;
        all->size = size;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) || epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &event))
        return -errno;
    all->table[number] = (line){.fd = fd};
    return 0;
}

static void lines_close(lines *all, int number)
{
    epoll_ctl(all->epoll, EPOLL_CTL_DEL, all->table[number].fd, NULL);
    free(all->table[number].addresses);
    all->table[number] = (line){.fd = -1};
}

static void lines_lead_nowhere(lines *all, int number)
{
    line *it = &all->table[number];
    it->leads = 0;
    it->inbound = it->outbound = NULL;
}

/* `address`: 4 or 16 octets. Returns 0, or -EAFNOSUPPORT for another size. */
static int lines_lead(lines *all, int number, const uint8_t *address, int size, int port, int mux, void *inbound,
                      void *outbound)
{
    line *it = &all->table[number];
    lines_lead_nowhere(all, number);
    memset(&it->remote, 0, sizeof it->remote);
    if (size == 4) {
        it->remote.v4.sin_family = AF_INET;
        it->remote.v4.sin_port = htons((uint16_t)port);
        memcpy(&it->remote.v4.sin_addr, address, 4);
        it->remote_size = sizeof it->remote.v4;
    } else if (size == 16) {
        it->remote.v6.sin6_family = AF_INET6;
        it->remote.v6.sin6_port = htons((uint16_t)port);
        memcpy(&it->remote.v6.sin6_addr, address, 16);
        it->remote_size = sizeof it->remote.v6;
    } else {
        return -EAFNOSUPPORT;
    }
    it->mux = mux;
    it->inbound = inbound;
    it->outbound = outbound;
    it->leads = 1;
    return 0;
}

/* Lines with datagrams that were discarded since the last call, BATCH of them at most, and how many. */
static int lines_take_discarded(lines *all, int *numbers, int *counts)
{
    int found = 0;
    if (!all->any_discarded)
        return 0;
    all->any_discarded = 0;
    for (int number = 0; number < all->size; number++) {
        line *it = &all->table[number];
        if (!it->discarded)
            continue;
        if (found == BATCH) {
            all->any_discarded = 1;
            break;
        }
        numbers[found] = number;
        counts[found++] = (int)it->discarded;
        it->discarded = 0;
    }
    return found;
}

static int is_from(const line *it, const struct sockaddr_in6 *source)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)source;
    if (!it->leads || source->sin6_family != it->remote.any.sa_family)
        return 0;
    if (v4->sin_family == AF_INET)
        return v4->sin_port == it->remote.v4.sin_port && v4->sin_addr.s_addr == it->remote.v4.sin_addr.s_addr;
    return source->sin6_port == it->remote.v6.sin6_port &&
           !memcmp(&source->sin6_addr, &it->remote.v6.sin6_addr, sizeof source->sin6_addr);
}

static int let_through(lines *all, line *it, struct mmsghdr *message, uint8_t *data, int *size)
{
    crypt_function decrypt = all->unprotect;
    int kind = RTP;
    if (message->msg_hdr.msg_flags & MSG_TRUNC || !is_from(it, message->msg_hdr.msg_name))
        return DISCARDED;
    if (*size < 2 || data[0] < 128 || data[0] > 191)
        return DISCARDED;
    if (data[1] >= 192 && data[1] < 224) {
        kind = RTCP;
        decrypt = all->unprotect_rtcp;
        if (!it->mux)
            return DISCARDED;
    }
    if (it->inbound && decrypt(it->inbound, data, size))
        return DISCARDED;
    return kind;
}

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int64_t arrival_of(struct msghdr *header, int64_t now, int64_t offset)
{
    for (struct cmsghdr *note = CMSG_FIRSTHDR(header); note; note = CMSG_NXTHDR(header, note)) {
        if (note->cmsg_level == SOL_SOCKET && note->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(note), sizeof stamp);
            int64_t arrival = stamp.tv_sec * 1000000000LL + stamp.tv_nsec + offset;
            if (arrival > now)
                return now;
            return arrival < now - LONGEST_WAIT_NS ? now - LONGEST_WAIT_NS : arrival;
        }
    }
    return now;
}

static int64_t word(const uint8_t *at)
{
    return (int64_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* One datagram: into the columns at `passed`, or counted. Returns how many columns are filled then. */
static int take(lines *all, int number, int slot, int passed)
{
    struct mmsghdr *message = &all->messages[slot];
    const uint8_t *data = all->data[slot];
    int size = (int)message->msg_len;
    int kind = let_through(all, &all->table[number], message, all->data[slot], &size);
    if (kind == DISCARDED) {
        all->table[number].discarded++;
        all->any_discarded = 1;
        return passed;
    }
    all->columns[NUMBER][passed] = number;
    all->columns[KIND][passed] = kind;
    all->columns[SLOT_USED][passed] = slot;
    all->columns[SIZE][passed] = size;
    all->columns[ARRIVAL][passed] = arrival_of(&message->msg_hdr, all->now, all->offset);
    all->columns[HEAD][passed] = size < 12 ? 0 : word(data);
    all->columns[TIMESTAMP][passed] = size < 12 ? 0 : word(data + 4);
    all->columns[SSRC][passed] = size < 12 ? 0 : word(data + 8);
    all->columns[CONTENT][passed] = size < 14 ? 0 : data[12] << 8 | data[13];
    return passed + 1;
}

/* A socket is told as ready once for what comes: what is left in it has to be asked for. */
static void ask_again(lines *all, int number)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = (uint32_t)number};
    epoll_ctl(all->epoll, EPOLL_CTL_MOD, all->table[number].fd, &event);
}

/* Fills the columns for at most BATCH datagrams. Returns how many were let through; `more` is set when some may be
 * left. */
static int lines_receive(lines *all, int *more)
{
    struct epoll_event ready[BATCH];
    int passed = 0, used = 0;
    int count = epoll_wait(all->epoll, ready, BATCH, 0);
    *more = count == BATCH;
    if (count <= 0)
        return 0;
    all->now = nanoseconds(CLOCK_MONOTONIC);
    /* Of the wall clock only its distance from ours is wanted, at this moment. */
    all->offset = all->now - nanoseconds(CLOCK_REALTIME);
    for (int i = 0; i < count; i++) {
        int number = (int)ready[i].data.u32, got = 0;
        int room = BATCH - used < EACH ? BATCH - used : EACH;
        if (room)
            got = recvmmsg(all->table[number].fd, &all->messages[used], (unsigned)room, MSG_DONTWAIT, NULL);
        if (got == room || (got < 0 && errno != EAGAIN)) {
            ask_again(all, number);
            *more = 1;
        }
        for (int end = used + (got > 0 ? got : 0); used < end; used++)
            passed = take(all, number, used, passed);
    }
    for (int slot = 0; slot < used; slot++)
        make_ready(all, slot);
    return passed;
}

static int64_t *lines_columns(lines *all)
{
    return all->columns[0];
}

static uint8_t *lines_data(lines *all)
{
    return all->data[0];
}

/* Protects the packet in place and sends it if the line leads somewhere. Returns the status of SRTP, or TOO_LONG, if
 * it could not be protected, else 0. */
static int put(lines *all, const line *it, uint8_t *data, int size)
{
    int status;
    if (!it->leads)
        return 0;
    if (size > SLOT)
        return TOO_LONG;
    if (it->outbound && (status = all->protect(it->outbound, data, &size)))
        return status;
    sendto(it->fd, data, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL, &it->remote.any, it->remote_size);
    return 0;
}

/* Packets lie end to end in `packets`. `failed` becomes what `put` returns for each. */
static void lines_send(lines *all, int count, const int *numbers, const int *sizes, const uint8_t *packets, int *failed)
{
    _Alignas(16) uint8_t data[STRIDE];
    for (int i = 0; i < count; packets += sizes[i], i++) {
        if (sizes[i] <= SLOT)
            memcpy(data, packets, (size_t)sizes[i]);
        failed[i] = put(all, &all->table[numbers[i]], data, sizes[i]);
    }
}

/* From now on `record` makes a record for each of the addresses, ADDRESS octets each; none: no more. Returns 0, or
 * -ENOMEM. */
static int lines_tap(lines *all, int number, const uint8_t *addresses, int size)
{
    line *it = &all->table[number];
    free(it->addresses);
    it->addresses = NULL;
    it->taps = 0;
    if (!size)
        return 0;
    it->addresses = malloc((size_t)size);
    if (!it->addresses)
        return -ENOMEM;
    memcpy(it->addresses, addresses, (size_t)size);
    it->taps = size / ADDRESS;
    return 0;
}

static uint8_t *write64(uint8_t *at, int64_t value)
{
    uint64_t octets = htobe64((uint64_t)value);
    memcpy(at, &octets, sizeof octets);
    return at + sizeof octets;
}

/* The records of the packet in that column, in clear as it lies there, behind those of others. */
static void record(lines *all, int column, int64_t sequence, int64_t timestamp)
{
    const line *it = &all->table[all->columns[NUMBER][column]];
    size_t length = (size_t)all->columns[SIZE][column] - HEADER;
    size_t needed = all->recorded + (size_t)it->taps * (OVERHEAD + length);
    uint32_t ssrc = htobe32((uint32_t)all->columns[SSRC][column]);
    uint16_t octets = htobe16((uint16_t)length);
    if (needed > all->room) {
        uint8_t *records = realloc(all->records, needed * 2);
        if (!records) {
            all->unrecorded = 1;
            return;
        }
        all->records = records;
        all->room = needed * 2;
    }
    for (int tap = 0; tap < it->taps; tap++) {
        uint8_t *at = all->records + all->recorded;
        memcpy(at, it->addresses + tap * ADDRESS, ADDRESS);
        at = write64(at + ADDRESS, all->columns[ARRIVAL][column]);
        at = write64(write64(at, sequence), timestamp);
        memcpy(at, &ssrc, sizeof ssrc);
        memcpy(at + sizeof ssrc, &octets, sizeof octets);
        memcpy(at + sizeof ssrc + sizeof octets, all->data[all->columns[SLOT_USED][column]] + HEADER, length);
        all->recorded += OVERHEAD + length;
    }
    if (all->columns[ARRIVAL][column] > all->latest)
        all->latest = all->columns[ARRIVAL][column];
}

static uint8_t *lines_records(lines *all)
{
    return all->records;
}

/* How many octets of records there are since the last call, the latest packet came at `latest`; -ENOMEM: some are lost. */
static int64_t lines_recorded(lines *all, int64_t *latest)
{
    int64_t size = all->unrecorded ? -ENOMEM : (int64_t)all->recorded;
    *latest = all->latest;
    all->recorded = 0;
    all->latest = 0;
    all->unrecorded = 0;
    return size;
}
