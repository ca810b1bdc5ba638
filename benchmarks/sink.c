/* sink: thousands of clients in one process, for the benchmarks.
 *
 *     sink [options] HOST PORT PATH CLIENTS
 *
 * Every client connects, asks for PATH, and throws away what it gets; the sink
 * counts. It says what it sees as one JSON object a line on standard output and
 * is told what to do by lines on standard input:
 *
 *     go            connect (all sockets exist before: this is the crowd's instant)
 *     begin         a window of measurement begins: counters to zero
 *     count         say how many bytes have come since
 *     end [NS]      report the window; marks sent later than NS are not looked at
 *     joined        say how the crowd stands, without waiting for the rest of it
 *     quit          the end, as is the end of standard input
 *
 *     {"event": "joined", ...}   once: every client has media, or has failed
 *     {"event": "begin", ...}    {"event": "count", ...}    {"event": "end", ...}
 *
 * Options:
 *     --rate=R        connect R clients a second (default: all at once)
 *     --raw           bare TCP: an empty line for a request, no HTTP head
 *     --streams=S     PATH holds one %d: client i asks for stream i modulo S
 *     --sources=A     use A source addresses, from 127.0.0.1 on (28,000 ports each)
 *     --marks         look for marks (see marks.py) and measure how late they are
 *     --kernel-time   a mark arrives when the kernel has it, not when we read it
 *     --stalled=K     K clients read nothing after their first media
 *     --radio         ask for titles, as radios do; media are all behind the HTTP head
 *     --slow=K        K further clients read no more than --slow-rate=BYTES a second
 *
 * "Media" begins at the first Matroska Cluster, so neither the HTTP head nor the
 * stream's header counts as the first byte. Bytes are what the socket delivered,
 * framing included: they are what the server had to send. All times are
 * CLOCK_MONOTONIC.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* A mark: the magic, 8 hex digits of sequence, 16 of the sender's nanoseconds. */
#define MAGIC "mkvtwist-benchmark-mark:"
enum { MAGIC_LEN = 24, MARK_LEN = 48, CARRY = MARK_LEN - 1 };

enum { BUFFER = 1 << 20 };      /* one recv takes what a socket may hold */
enum { MARKS = 1 << 16 };       /* sequence numbers remembered: half an hour at 30 a second */
enum { TICK_MS = 20 };          /* how often slow clients read and the rate is looked at */
enum { BUCKETS = 2048 };        /* of the latency histogram: 32 to each doubling, 3 % wide */
enum { SMALL_RCVBUF = 65536 };  /* slow clients: do not let the kernel hide their lag */

enum state { NEW, CONNECTING, HEAD, LEAD, MEDIA, CLOSED };
enum kind { FAST, SLOW, STALLED };

struct client {
    int fd;
    enum state state;
    enum kind kind;
    uint32_t word;              /* the last four bytes: for the end of the head, the Cluster */
    int64_t first;              /* when media came, after the crowd's instant */
    uint64_t bytes;             /* in this window */
    double allowance;           /* slow: bytes that may be read */
    unsigned char start[12];    /* "HTTP/1.1 200" */
    unsigned started;
    unsigned carried;
    unsigned char carry[CARRY]; /* a mark may straddle two reads */
};

struct mark {
    int64_t sent, worst;
    uint32_t seq, count;
};

static struct client *clients;
static int count, fast_count, streams = 1, sources = 1, rate, raw, radio, marks, kernel_time;
static int stalled_count, slow_count;
static double slow_rate;
static const char *path;
static struct sockaddr_in server;
static int epoll_fd;
static int64_t instant, window_begin;
static int connected, with_media, failed, refused, alive, lost, joined_said;
static int next_to_connect = -1;
static struct mark table[MARKS];
static uint64_t histogram[BUCKETS], mark_total;
static unsigned char skip[256];
static unsigned char *buffer;   /* CARRY bytes of room, then BUFFER */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t wall_minus_monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec - now_ns();
}

static void die(const char *what)
{
    fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- latency histogram: exact below 64 us, then 32 buckets a doubling ---- */

static int bucket_of(int64_t us)
{
    if (us < 64)
        return us < 0 ? 0 : (int)us;
    int doubling = 63 - __builtin_clzll((unsigned long long)us);
    int bucket = 64 + (doubling - 6) * 32 + (int)((us >> (doubling - 5)) & 31);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static int64_t bucket_top(int bucket)
{
    if (bucket < 64)
        return bucket;
    int doubling = (bucket - 64) / 32 + 6;
    return (int64_t)(32 + (bucket - 64) % 32 + 1) << (doubling - 5);
}

static int64_t histogram_at(double share)
{
    uint64_t seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if (seen && (double)seen >= share * (double)mark_total)
            return bucket_top(i);
    }
    return 0;
}

/* ---- marks ---- */

static int hex(const unsigned char *text, int digits, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        int c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return 0;
        *value = *value << 4 | (unsigned)digit;
    }
    return 1;
}

static void mark_seen(uint64_t seq, int64_t sent, int64_t arrived)
{
    if (!window_begin || sent < window_begin)
        return;                 /* of the burst, or from before the window */
    int64_t late = arrived - sent;
    struct mark *mark = &table[seq % MARKS];
    if (mark->count == 0 || mark->seq != seq || mark->sent != sent)
        *mark = (struct mark){.seq = (uint32_t)seq, .sent = sent};
    mark->count++;
    if (late > mark->worst)
        mark->worst = late;
    histogram[bucket_of(late / 1000)]++;
    mark_total++;
}

/* Boyer-Moore-Horspool: looks at one byte in 24 of what is mostly noise. */
static void scan(struct client *c, const unsigned char *data, size_t length, int64_t arrived)
{
    size_t i = MAGIC_LEN - 1;
    while (i < length) {
        if (skip[data[i]]) {
            i += skip[data[i]];
            continue;
        }
        const unsigned char *at = data + i - (MAGIC_LEN - 1);
        if (memcmp(at, MAGIC, MAGIC_LEN) == 0) {
            uint64_t seq, sent;
            if (at + MARK_LEN > data + length)
                break;
            if (hex(at + MAGIC_LEN, 8, &seq) && hex(at + MAGIC_LEN + 8, 16, &sent))
                mark_seen(seq, (int64_t)sent, arrived);
        }
        i += MAGIC_LEN;         /* the last byte of the magic is there only once */
    }
    c->carried = length < CARRY ? (unsigned)length : CARRY;
    memmove(c->carry, data + length - c->carried, c->carried);
}

/* ---- clients ---- */

static void say_joined(int timed_out);

static void close_client(struct client *c)
{
    if (c->state == CLOSED)
        return;
    if (c->state == MEDIA) {
        alive--;
        lost++;
    } else {
        failed++;
    }
    close(c->fd);
    c->state = CLOSED;
    say_joined(0);
}

static void want(struct client *c, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = (uint32_t)(c - clients)};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0)
        die("epoll_ctl");
}

static void media_begins(struct client *c)
{
    c->state = MEDIA;
    c->first = now_ns() - instant;
    with_media++;
    alive++;
    if (c->kind != FAST)
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    say_joined(0);
}

/* Goes byte by byte through the HTTP head and the stream's header. */
static void lead(struct client *c, const unsigned char *data, size_t length)
{
    for (size_t i = 0; i < length && c->state != MEDIA; i++) {
        if (c->started < sizeof c->start)
            c->start[c->started++] = data[i];
        c->word = c->word << 8 | data[i];
        if (c->state == HEAD && c->word == 0x0d0a0d0a) {
            if (c->started < 12 || memcmp(c->start + 8, " 200", 4) != 0) {
                refused++;
                close_client(c);
                return;
            }
            c->state = LEAD;
            if (radio)
                media_begins(c);
        } else if (c->state == LEAD && c->word == 0x1f43b675) {
            media_begins(c);
        }
    }
}

static ssize_t receive(struct client *c, size_t most, int64_t *arrived, int64_t offset)
{
    if (c->state == MEDIA && !marks)    /* TCP throws the bytes away without a copy */
        return recv(c->fd, buffer + CARRY, most, MSG_DONTWAIT | MSG_TRUNC);
    if (!kernel_time) {
        ssize_t got = recv(c->fd, buffer + CARRY, most, MSG_DONTWAIT);
        if (marks)
            *arrived = now_ns();
        return got;
    }
    char control[256];
    struct iovec piece = {buffer + CARRY, most};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1,
                             .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(c->fd, &message, MSG_DONTWAIT);
    *arrived = 0;
    if (got > 0)
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h))
            if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SO_TIMESTAMPNS) {
                struct timespec t;
                memcpy(&t, CMSG_DATA(h), sizeof t);
                *arrived = t.tv_sec * 1000000000LL + t.tv_nsec - offset;
            }
    if (!*arrived)
        *arrived = now_ns();
    return got;
}

static ssize_t read_client(struct client *c, size_t most, int64_t offset)
{
    int64_t arrived = 0;
    ssize_t got = receive(c, most, &arrived, offset);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        close_client(c);
        return -1;
    }
    c->bytes += (uint64_t)got;
    if (c->state == HEAD || c->state == LEAD)
        lead(c, buffer + CARRY, (size_t)got);
    if (c->state == MEDIA && marks && c->kind == FAST) {
        unsigned char *data = buffer + CARRY - c->carried;
        memcpy(data, c->carry, c->carried);
        scan(c, data, (size_t)got + c->carried, arrived);
    }
    return got;
}

static void make_socket(int index)
{
    struct client *c = &clients[index];
    int one = 1, small = SMALL_RCVBUF;
    c->kind = index < fast_count ? FAST : index < fast_count + slow_count ? SLOW : STALLED;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    if (sources > 1) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index % sources));
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0)
            die("bind");
    }
    if (c->kind != FAST)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (kernel_time)
        setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
}

static void connect_one(struct client *c)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)(c - clients)};
    c->state = CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) {
        close_client(c);
        return;
    }
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl");
}

static void ask(struct client *c)
{
    char where[512], request[1024];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        close_client(c);
        return;
    }
    if (streams > 1)
        snprintf(where, sizeof where, path, (int)((c - clients) % streams));
    else
        snprintf(where, sizeof where, "%s", path);
    /* Bare TCP too says something: a server whose queue was full has forgotten us, and
     * learns that we are there only when we speak. */
    int length = raw ? snprintf(request, sizeof request, "\r\n") :
                 snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                          "User-Agent: mkvtwist-benchmarks\r\nAccept: */*\r\n%s\r\n",
                          where, ntohs(server.sin_port), radio ? "Icy-MetaData: 1\r\n" : "");
    if (send(c->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        close_client(c);
        return;
    }
    connected++;
    c->state = raw ? LEAD : HEAD;
    want(c, EPOLLIN);
}

/* ---- what is said ---- */

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void say_joined(int timed_out)
{
    if (joined_said || (!timed_out && with_media + failed < count))
        return;
    joined_said = 1;
    int64_t *times = malloc(sizeof *times * (size_t)(with_media + 1));
    int n = 0;
    for (int i = 0; i < count; i++)
        if (clients[i].state == MEDIA)
            times[n++] = clients[i].first;
    qsort(times, (size_t)n, sizeof *times, compare_times);
    printf("{\"event\": \"joined\", \"time\": %" PRId64 ", \"clients\": %d, \"with_media\": %d, "
           "\"failed\": %d, \"refused\": %d", now_ns(), count, n, failed, refused);
    if (n)
        printf(", \"first_us\": {\"p1\": %" PRId64 ", \"p50\": %" PRId64 ", \"p90\": %" PRId64
               ", \"p99\": %" PRId64 ", \"max\": %" PRId64 "}",
               times[n / 100] / 1000, times[n / 2] / 1000, times[n * 9 / 10] / 1000,
               times[n * 99 / 100] / 1000, times[n - 1] / 1000);
    printf("}\n");
    free(times);
}

static void begin(void)
{
    for (int i = 0; i < count; i++)
        clients[i].bytes = 0;
    memset(table, 0, sizeof table);
    memset(histogram, 0, sizeof histogram);
    mark_total = 0;
    lost = 0;
    window_begin = now_ns();
    printf("{\"event\": \"begin\", \"time\": %" PRId64 ", \"alive\": %d}\n", window_begin, alive);
}

static void count_bytes(void)
{
    uint64_t total = 0;
    for (int i = 0; i < count; i++)
        total += clients[i].bytes;
    printf("{\"event\": \"count\", \"time\": %" PRId64 ", \"bytes\": %" PRIu64 "}\n",
           now_ns(), total);
}

static void end(int64_t until)
{
    uint64_t least = UINT64_MAX, most = 0, other = 0;
    int fast_alive = 0, incomplete = 0, first = 1;
    for (int i = 0; i < count; i++) {
        if (clients[i].kind != FAST) {
            other += clients[i].bytes;
            continue;
        }
        if (clients[i].state != MEDIA)
            continue;
        fast_alive++;
        least = clients[i].bytes < least ? clients[i].bytes : least;
        most = clients[i].bytes > most ? clients[i].bytes : most;
    }
    printf("{\"event\": \"end\", \"time\": %" PRId64 ", \"alive\": %d, \"lost\": %d, \"least\": %" PRIu64 ", \"most\": %" PRIu64 ", \"not_fast\": %" PRIu64,
           now_ns(), alive, lost, fast_alive ? least : 0, most, other);
    if (marks) {
        printf(", \"each_us\": {\"p50\": %" PRId64 ", \"p99\": %" PRId64 ", \"max\": %" PRId64
               "}, \"last_us\": [", histogram_at(.5), histogram_at(.99), histogram_at(1));
        for (int i = 0; i < MARKS; i++) {
            if (!table[i].count || (until && table[i].sent > until))
                continue;
            if (table[i].count < (uint32_t)fast_alive) {
                incomplete++;
                continue;
            }
            printf("%s%" PRId64, first ? "" : ", ", table[i].worst / 1000);
            first = 0;
        }
        printf("], \"incomplete\": %d", incomplete);
    }
    printf("}\n");
    window_begin = 0;
}

static void command(char *line)
{
    if (strcmp(line, "go") == 0) {
        instant = now_ns();
        next_to_connect = 0;
    } else if (strcmp(line, "joined") == 0) {
        say_joined(1);          /* the harness has waited long enough */
    } else if (strcmp(line, "begin") == 0) {
        begin();
    } else if (strcmp(line, "count") == 0) {
        count_bytes();
    } else if (strncmp(line, "end", 3) == 0) {
        end(strtoll(line + 3, NULL, 10));
    } else if (strcmp(line, "quit") == 0) {
        exit(0);
    }
}

static void read_commands(void)
{
    static char text[4096];
    static size_t held;
    ssize_t got = read(0, text + held, sizeof text - 1 - held);
    if (got <= 0)
        exit(0);
    held += (size_t)got;
    text[held] = 0;
    for (char *newline; (newline = strchr(text, '\n'));) {
        *newline = 0;
        command(text);
        held -= (size_t)(newline + 1 - text);
        memmove(text, newline + 1, held + 1);
    }
}

/* ---- the loop ---- */

static void connect_due(int64_t now)
{
    if (next_to_connect < 0)
        return;
    int64_t due = rate ? 1 + (now - instant) * rate / 1000000000LL : count;
    while (next_to_connect < count && next_to_connect < due)
        connect_one(&clients[next_to_connect++]);
}

static void tick(int64_t now, int64_t offset)
{
    static int64_t before;
    double seconds = before ? (double)(now - before) / 1e9 : 0;
    before = now;
    for (int i = fast_count; i < fast_count + slow_count; i++) {
        struct client *c = &clients[i];
        if (c->state != MEDIA)
            continue;
        c->allowance += slow_rate * seconds;
        while (c->allowance >= 1) {
            size_t most = c->allowance < BUFFER ? (size_t)c->allowance : BUFFER;
            ssize_t got = read_client(c, most, offset);
            if (got <= 0) {
                c->allowance = 0;   /* nothing there: no saving up */
                break;
            }
            c->allowance -= (double)got;
        }
    }
}

static int number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"rate", 1, 0, 'r'},    {"raw", 0, 0, 'w'},         {"streams", 1, 0, 'n'},
        {"sources", 1, 0, 'a'}, {"marks", 0, 0, 'm'},       {"kernel-time", 0, 0, 'k'},
        {"stalled", 1, 0, 'z'}, {"slow", 1, 0, 's'},        {"slow-rate", 1, 0, 'b'},
        {"radio", 0, 0, 'i'},
        {0, 0, 0, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'r': rate = number(optarg); break;
        case 'w': raw = 1; break;
        case 'i': radio = 1; break;
        case 'n': streams = number(optarg); break;
        case 'a': sources = number(optarg); break;
        case 'm': marks = 1; break;
        case 'k': kernel_time = 1; break;
        case 'z': stalled_count = number(optarg); break;
        case 's': slow_count = number(optarg); break;
        case 'b': slow_rate = strtod(optarg, NULL); break;
        default: return 2;
        }
    }
    if (argc - optind != 4) {
        fprintf(stderr, "usage: sink [options] HOST PORT PATH CLIENTS\n");
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)number(argv[optind + 1]));
    if (inet_pton(AF_INET, argv[optind], &server.sin_addr) != 1) {
        fprintf(stderr, "sink: %s is not an IPv4 address\n", argv[optind]);
        return 2;
    }
    path = argv[optind + 2];
    count = number(argv[optind + 3]);
    fast_count = count - slow_count - stalled_count;
    kernel_time = kernel_time && marks;

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);

    memset(skip, MAGIC_LEN, sizeof skip);
    for (int i = 0; i < MAGIC_LEN; i++)
        skip[(unsigned char)MAGIC[i]] = (unsigned char)(MAGIC_LEN - 1 - i);
    buffer = malloc(CARRY + BUFFER);
    clients = calloc((size_t)count, sizeof *clients);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!buffer || !clients || epoll_fd < 0)
        die("start");
    for (int i = 0; i < count; i++)
        make_socket(i);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &event);
    printf("{\"event\": \"ready\"}\n");

    struct epoll_event events[512];
    int64_t last_tick = 0;
    for (;;) {
        int wait = slow_count || (next_to_connect >= 0 && next_to_connect < count) ? TICK_MS : -1;
        int n = epoll_wait(epoll_fd, events, 512, wait);
        int64_t offset = kernel_time ? wall_minus_monotonic() : 0;
        for (int i = 0; i < n; i++) {
            if (events[i].data.u32 == UINT32_MAX) {
                read_commands();
                continue;
            }
            struct client *c = &clients[events[i].data.u32];
            if (c->state == CONNECTING)
                ask(c);
            else if (c->state != CLOSED)
                read_client(c, BUFFER, offset);
        }
        int64_t now = now_ns();
        connect_due(now);
        if (now - last_tick >= TICK_MS * 1000000LL) {
            last_tick = now;
            tick(now, offset);
        }
    }
}
