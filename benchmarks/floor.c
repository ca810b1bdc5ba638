/* floor: the least that any server can do, for the benchmarks.
 *
 *     floor [--plain]
 *
 * Reads records from standard input (one byte of kind, four bytes of length, big
 * endian, then the bytes) and sends what one read brought, at this pace one record,
 * to every client with one send(): no demuxing, no formats, no statistics. What this
 * costs is the kernel's share, which no server on the same machine can go below
 * without fewer, larger, later writes; so the benchmarks quote everything as a ratio
 * to it.
 *
 *     kind H   the stream's header: what a client gets first
 *     kind K   a fragment that begins a segment
 *     kind F   any other fragment
 *
 * Prints "http://127.0.0.1:PORT/" when it listens. A client gets the header and
 * the segment so far, then each fragment when it comes. All bytes live once, in
 * one buffer that all clients share; a client is its place in it. A client that
 * falls off the buffer is disconnected. --plain: no chunked coding.
 */
#define _GNU_SOURCE
#include <errno.h>
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
#include <unistd.h>

enum { ROOM = 96 << 20, KEPT = 32 << 20 };  /* the shared buffer, and what survives a move */
enum { MOST_CLIENTS = 1 << 16 };            /* clients are found by descriptor */
enum { BACKLOG = 4096 };                    /* a crowd connects in one instant */

struct client {
    int fd;
    int streaming;      /* has asked; before, it gets nothing */
    int waiting;        /* for the socket to take more */
    size_t lead;        /* bytes of head and header already sent */
    uint64_t place;     /* of the stream, absolute */
};

static struct client clients[MOST_CLIENTS];
static int order[MOST_CLIENTS], client_count;   /* descriptors, dense */
static unsigned char *room;
static uint64_t room_begin, live_edge, segment_begin;
static unsigned char *lead;
static size_t lead_length;
static int epoll_fd, listen_fd, plain;

static void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll_fd, operation, fd, &event);
}

static void drop(struct client *c)
{
    for (int i = 0; i < client_count; i++)
        if (order[i] == c->fd) {
            order[i] = order[--client_count];
            break;
        }
    close(c->fd);
    c->fd = -1;
}

/* Send what the client has not had; returns 0 when the client is gone. */
static int catch_up(struct client *c)
{
    while (c->lead < lead_length || c->place < live_edge) {
        int leading = c->lead < lead_length;
        if (!leading && c->place < room_begin)
            return 0;
        const unsigned char *from = leading ? lead + c->lead : room + (c->place - room_begin);
        size_t length = leading ? lead_length - c->lead : (size_t)(live_edge - c->place);
        ssize_t sent = send(c->fd, from, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return 0;
        if (sent > 0 && leading)
            c->lead += (size_t)sent;
        else if (sent > 0)
            c->place += (uint64_t)sent;
        if (sent < (ssize_t)length) {
            if (!c->waiting)
                watch(EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLOUT);
            c->waiting = 1;
            return 1;
        }
    }
    if (c->waiting)
        watch(EPOLL_CTL_MOD, c->fd, EPOLLIN);
    c->waiting = 0;
    return 1;
}

static void store(const void *bytes, size_t length)
{
    if (live_edge - room_begin + length > ROOM) {
        uint64_t from = live_edge - KEPT;
        memmove(room, room + (from - room_begin), KEPT);
        room_begin = from;
    }
    memcpy(room + (live_edge - room_begin), bytes, length);
    live_edge += length;
}

static void set_lead(const unsigned char *header, size_t length)
{
    lead = realloc(lead, length + 512);
    int head = sprintf((char *)lead,
                       "HTTP/1.1 200 OK\r\nContent-Type: video/x-matroska\r\n"
                       "Cache-Control: no-store\r\n%s\r\n",
                       plain ? "Connection: close\r\n" : "Transfer-Encoding: chunked\r\n");
    if (!plain)
        head += sprintf((char *)lead + head, "%zx\r\n", length);
    memcpy(lead + head, header, length);
    lead_length = (size_t)head + length;
    if (!plain) {
        memcpy(lead + lead_length, "\r\n", 2);
        lead_length += 2;
    }
}

static void add(int kind, const unsigned char *bytes, size_t length)
{
    char framing[32];
    if (kind == 'K')
        segment_begin = live_edge;
    if (!plain)
        store(framing, (size_t)sprintf(framing, "%zx\r\n", length));
    store(bytes, length);
    if (!plain)
        store("\r\n", 2);
}

static void fan_out(void)
{
    for (int i = 0; i < client_count; i++) {
        struct client *c = &clients[order[i]];
        if (c->streaming && !c->waiting && !catch_up(c)) {
            drop(c);
            i--;
        }
    }
}

static void read_records(void)
{
    static unsigned char *held;
    static size_t have, size;
    if (size - have < 1 << 16) {
        size += 1 << 20;
        held = realloc(held, size);
    }
    ssize_t got = read(0, held + have, size - have);
    if (got <= 0)
        exit(0);
    have += (size_t)got;
    size_t at = 0;
    while (have - at >= 5) {
        size_t length = (size_t)held[at + 1] << 24 | (size_t)held[at + 2] << 16
                        | (size_t)held[at + 3] << 8 | held[at + 4];
        if (have - at < 5 + length)
            break;
        if (held[at] == 'H')
            set_lead(held + at + 5, length);
        else
            add(held[at], held + at + 5, length);
        at += 5 + length;
    }
    memmove(held, held + at, have - at);
    have -= at;
    if (at)
        fan_out();
}

static void accept_all(void)
{
    for (int fd; (fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        int one = 1;
        if (fd >= MOST_CLIENTS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        clients[fd] = (struct client){.fd = fd};
        order[client_count++] = fd;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    struct rlimit files;
    int one = 1;
    plain = argc > 1 && strcmp(argv[1], "--plain") == 0;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    room = malloc(ROOM);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!room || epoll_fd < 0 || bind(listen_fd, (struct sockaddr *)&address, sizeof address) < 0
        || listen(listen_fd, BACKLOG) < 0)
        die("listen");
    getsockname(listen_fd, (struct sockaddr *)&address, &size);
    printf("http://127.0.0.1:%d/\n", ntohs(address.sin_port));
    fflush(stdout);
    watch(EPOLL_CTL_ADD, listen_fd, EPOLLIN);
    watch(EPOLL_CTL_ADD, 0, EPOLLIN);
    struct epoll_event events[512];
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 512, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == 0) {
                read_records();
            } else if (fd == listen_fd) {
                accept_all();
            } else if (clients[fd].fd == fd) {
                struct client *c = &clients[fd];
                char request[4096];
                if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                    if (recv(fd, request, sizeof request, MSG_DONTWAIT) == 0
                        || events[i].events & (EPOLLHUP | EPOLLERR)) {
                        drop(c);
                        continue;
                    }
                    if (!c->streaming) {    /* loopback: a request comes in one piece */
                        c->streaming = 1;
                        c->place = segment_begin;
                    }
                }
                if (c->streaming && !catch_up(c))
                    drop(c);
            }
        }
    }
}
