/* The floor: the kernel's own cost of a lab, by one C process that sends rtnetlink messages and nothing else.
 *
 *   floor cycle N [last]   N namespaces on one bridge, built and ended; "last": the bridge is switched on at the end
 *   floor typed N [sends|ahead]  the same by the eight commands of each namespace in the order in which they are typed: one request
 *                          after another; "sends": in two sends for each namespace; "ahead": and a thread makes the namespaces
 *   floor parts N          what each kernel piece of such a build costs, one by one, in microseconds per namespace
 *   floor snap R           R reads of links, addresses, routes and neighbours of every namespace in /run/netns and of this one
 *   floor check N          are h0 ... hN-1 complete: links switched on, default route? exit status 0 when all are
 *
 * Each message is a struct whose layout is the message, so the tables below are the whole protocol. A namespace gets one send
 * of four messages of which only the last asks for an ACK; all cables go in as few sends as fit. Only refusals come back from
 * the others, and any refusal ends the program.
 * Run it in a network namespace of its own with a tmpfs on /run. Output is one line of JSON, times in seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BRIDGE = 100, FIRST_PORT = 1000, ETH0 = 2, CABLES_PER_SEND = 800, MOST = 4096 };
#define GATEWAY htonl(0x0a000001) /* 10.0.0.1/16; host i is 10.0.1.0 + i */
#define SELF "/proc/thread-self/ns/net"

/* Messages. Every part is a multiple of four bytes, as netlink wants it. */
#define ATTR(type, of) { .rta_len = sizeof(struct rtattr) + sizeof(of), .rta_type = (type) }
#define NEST(type, from, to) { .rta_len = (char *)(to) - (char *)(from), .rta_type = (type) }

struct up { struct nlmsghdr h; struct ifinfomsg i; };
struct address { struct nlmsghdr h; struct ifaddrmsg i; struct rtattr a; in_addr_t local; struct rtattr b; in_addr_t address; };
struct route { struct nlmsghdr h; struct rtmsg i; struct rtattr a; in_addr_t gateway; struct rtattr b; int dev; };
struct inside { struct up lo; struct address address; struct up eth0; struct route route; };
struct plug { struct nlmsghdr h; struct ifinfomsg i; struct rtattr a; int master; };
struct bridge { struct nlmsghdr h; struct ifinfomsg i; struct rtattr a; char name[IFNAMSIZ]; struct rtattr info, kind; char word[8]; };
struct cable {
    struct nlmsghdr h; struct ifinfomsg i; struct rtattr a; char name[IFNAMSIZ]; struct rtattr b; int master;
    struct rtattr info, kind; char word[8]; struct rtattr data, peer; struct ifinfomsg pi; struct rtattr c; char pname[IFNAMSIZ];
    struct rtattr d; int nsfd; char end[];
};

static int home, nsfds[MOST], sockets[MOST];

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
static void die(const char *what) { fprintf(stderr, "floor: %s: %s\n", what, strerror(errno)); exit(1); }
static void check(int ok, const char *what) { if (!ok) die(what); }
static void enter(int fd) { check(!setns(fd, CLONE_NEWNET), "setns"); }
static int port_is_there(int any, int i) { struct ifreq r; snprintf(r.ifr_name, IFNAMSIZ, "v%d", i); return !ioctl(any, SIOCGIFINDEX, &r); }

static int route_socket(void) {
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), one = 1;
    check(s >= 0 && !setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one), "socket");
    return s;
}

static struct nlmsghdr header(int type, int flags, size_t size) {
    return (struct nlmsghdr){ .nlmsg_len = size, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = 1 };
}

/* Send messages of which the last asks for its ACK, and wait for it; any refusal is the end. */
static void talk(int s, const void *messages, size_t size, const char *what) {
    static char reply[1 << 16];
    check(send(s, messages, size, 0) == (ssize_t)size && recv(s, reply, sizeof reply, 0) > 0, what);
    errno = -((struct nlmsgerr *)NLMSG_DATA(reply))->error;
    check(!errno, what);
}

static struct up up(int index, int flags) {
    return (struct up){ header(RTM_NEWLINK, flags, sizeof(struct up)), { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP } };
}

static struct address address(int index, in_addr_t ip, int flags) {
    return (struct address){ header(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | flags, sizeof(struct address)),
        { .ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = index }, ATTR(IFA_LOCAL, ip), ip, ATTR(IFA_ADDRESS, ip), ip };
}

static struct inside inside(int i) {
    in_addr_t gateway = GATEWAY; int dev = ETH0;
    return (struct inside){ up(1, 0), address(ETH0, htonl(0x0a000100 + i), 0), up(ETH0, 0),
        { header(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(struct route)),
          { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST },
          ATTR(RTA_GATEWAY, gateway), gateway, ATTR(RTA_OIF, dev), dev } };
}

static void make_bridge(int s, int flags) {
    struct bridge m = { header(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof m),
        { .ifi_index = BRIDGE, .ifi_flags = flags, .ifi_change = flags }, ATTR(IFLA_IFNAME, m.name), "br0",
        NEST(IFLA_LINKINFO, &m.info, &m + 1), ATTR(IFLA_INFO_KIND, m.word), "bridge" };
    struct address a = address(BRIDGE, GATEWAY, NLM_F_ACK);
    talk(s, &m, sizeof m, "bridge");
    talk(s, &a, sizeof a, "address of the bridge");
}

static struct cable cable(int i, int nsfd, int master, int flags, int ack) {
    struct cable m = { header(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | ack, sizeof m),
        { .ifi_index = FIRST_PORT + i, .ifi_flags = flags, .ifi_change = flags }, ATTR(IFLA_IFNAME, m.name), "", ATTR(IFLA_MASTER, m.master), master,
        NEST(IFLA_LINKINFO, &m.info, m.end), ATTR(IFLA_INFO_KIND, m.word), "veth", NEST(IFLA_INFO_DATA, &m.data, m.end),
        NEST(VETH_INFO_PEER, &m.peer, m.end), { .ifi_index = ETH0 }, ATTR(IFLA_IFNAME, m.pname), "eth0", ATTR(IFLA_NET_NS_FD, m.nsfd), nsfd };
    snprintf(m.name, IFNAMSIZ, "v%d", i);
    return m;
}

static void make_namespace(int i, double *spent) {
    char path[64];
    double t = now();
    snprintf(path, sizeof path, "/run/netns/h%d", i);
    check(!unshare(CLONE_NEWNET), "unshare");
    spent[0] += now() - t, t = now();
    int f = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    check(f >= 0 && !close(f) && !mount(SELF, path, "none", MS_BIND, NULL), path);
    spent[1] += now() - t, t = now();
    nsfds[i] = open(SELF, O_RDONLY | O_CLOEXEC);
    sockets[i] = route_socket();
    spent[2] += now() - t;
}

static void build(int s, int n, int last) {
    double spent[3] = { 0 };
    static struct cable cables[CABLES_PER_SEND];
    make_bridge(s, last ? 0 : IFF_UP);
    for (int i = 0; i < n; i++) make_namespace(i, spent);
    enter(home);
    for (int i = 0, k = 0; i < n; i++) {
        int send_now = i == n - 1 || k == CABLES_PER_SEND - 1;
        cables[k++] = cable(i, nsfds[i], BRIDGE, IFF_UP, send_now ? NLM_F_ACK : 0);
        if (send_now) talk(s, cables, k * sizeof *cables, "cables"), k = 0;
    }
    for (int i = 0; i < n; i++) { struct inside m = inside(i); talk(sockets[i], &m, sizeof m, "inside"); }
    if (last) { struct up m = up(BRIDGE, NLM_F_ACK); talk(s, &m, sizeof m, "bridge up"); }
}

/* As typed, in order: a namespace is complete before the next one is made. A thread may make them in advance, AHEAD of them. */
enum { AHEAD = 3 };
static int wanted;
static sem_t room, ready;

static void *make_ahead(void *nothing) {
    for (int i = 0; i < wanted; i++) {
        sem_wait(&room);
        check(!setns(home, CLONE_NEWNET) && !unshare(CLONE_NEWNET), "unshare");
        nsfds[i] = open(SELF, O_RDONLY | O_CLOEXEC);
        sem_post(&ready);
    }
    return nothing;
}

static void name_namespace(int i) {
    char path[64], made[64];
    snprintf(path, sizeof path, "/run/netns/h%d", i);
    snprintf(made, sizeof made, "/proc/self/fd/%d", nsfds[i]);
    int f = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    check(f >= 0 && !close(f) && !mount(made, path, "none", MS_BIND, NULL), path);
    enter(nsfds[i]);
    sockets[i] = route_socket();
    enter(home);
}

/* Several messages in a row, of equal size or not: each with an ACK of its own when one by one, else only the last. */
static void talk_all(int s, void *messages, size_t size, int one_by_one, const char *what) {
    for (char *at = messages, *end = at + size; at < end;) {
        struct nlmsghdr *m = (void *)at;
        at += m->nlmsg_len;
        if (one_by_one || at >= end) m->nlmsg_flags |= NLM_F_ACK; else m->nlmsg_flags &= ~NLM_F_ACK;
        if (one_by_one) talk(s, m, m->nlmsg_len, what);
    }
    if (!one_by_one) talk(s, messages, size, what);
}

static void build_as_typed(int s, int n, int one_by_one, int ahead) {
    double spent[3];
    pthread_t maker;
    struct { struct cable cable; struct plug plug; struct up up; } outside;
    make_bridge(s, IFF_UP);
    wanted = n;
    if (ahead) check(!sem_init(&room, 0, AHEAD) && !sem_init(&ready, 0, 0) && !pthread_create(&maker, NULL, make_ahead, NULL), "thread");
    for (int i = 0; i < n; i++) {
        if (ahead) sem_wait(&ready), name_namespace(i), sem_post(&room);
        else make_namespace(i, spent), enter(home);
        outside.cable = cable(i, nsfds[i], 0, 0, 0);
        outside.plug = (struct plug){ header(RTM_NEWLINK, 0, sizeof outside.plug), { .ifi_index = FIRST_PORT + i }, ATTR(IFLA_MASTER, outside.plug.master), BRIDGE };
        outside.up = up(FIRST_PORT + i, 0);
        talk_all(s, &outside, sizeof outside, one_by_one, "outside");
        struct inside m = inside(i);
        talk_all(sockets[i], &m, sizeof m, one_by_one, "inside");
    }
    if (ahead) pthread_join(maker, NULL);
}

static void down(int n) {
    char path[64];
    for (int i = 0; i < n; i++) close(sockets[i]), close(nsfds[i]);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/run/netns/h%d", i);
        check(!umount2(path, MNT_DETACH) && !unlink(path), path);
    }
}

static void wait_gone(int n) {
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    double limit = now() + 120;
    for (int i = 0; i < n; i++)
        while (port_is_there(any, i)) { check(now() < limit, "the end takes too long"); usleep(500); }
    close(any);
}

static int complete(int i);

static int cycle(int n, int typed, const char *how) {
    int s = route_socket();
    double t = now();
    if (typed) build_as_typed(s, n, !*how, !strcmp(how, "ahead"));
    else build(s, n, !strcmp(how, "last"));
    double built = now() - t;
    for (int i = 0; i < n; i++)
        if (!complete(i)) return fprintf(stderr, "floor: h%d is not complete\n", i), 1;
    enter(home);
    t = now();
    down(n);
    double called = now() - t;
    wait_gone(n);
    printf("{\"build\": %.6f, \"call\": %.6f, \"gone\": %.6f}\n", built, called, now() - t);
    return 0;
}

#define EACH(name, ...) do { double t = now(); for (int i = 0; i < n; i++) { __VA_ARGS__ } \
    printf("\"%s\": %.1f, ", name, (now() - t) / n * 1e6); } while (0)

static int parts(int n) {
    int s = route_socket();
    double spent[3] = { 0 };
    make_bridge(s, IFF_UP);
    for (int i = 0; i < n; i++) make_namespace(i, spent);
    enter(home);
    printf("{\"unshare\": %.1f, \"name\": %.1f, \"descriptor and socket\": %.1f, ", spent[0] / n * 1e6, spent[1] / n * 1e6, spent[2] / n * 1e6);
    EACH("cable", struct cable m = cable(i, nsfds[i], BRIDGE, 0, NLM_F_ACK); talk(s, &m, sizeof m, "cable"););
    EACH("port up", struct up m = up(FIRST_PORT + i, NLM_F_ACK); talk(s, &m, sizeof m, "port"););
    EACH("lo up", struct up m = up(1, NLM_F_ACK); talk(sockets[i], &m, sizeof m, "lo"););
    EACH("address", struct inside m = inside(i); m.address.h.nlmsg_flags |= NLM_F_ACK; talk(sockets[i], &m.address, sizeof m.address, "address"););
    EACH("eth0 up", struct up m = up(ETH0, NLM_F_ACK); talk(sockets[i], &m, sizeof m, "eth0"););
    EACH("route", struct inside m = inside(i); talk(sockets[i], &m.route, sizeof m.route, "route"););
    double t = now();
    down(n);
    double called = now() - t;
    wait_gone(n);
    printf("\"end, the call\": %.1f, \"end, until gone\": %.1f}\n", called / n * 1e6, (now() - t) / n * 1e6);
    return 0;
}

/* Reading. Each table: its question, the size of its header, how many rows came. */
static struct { const char *name; int type; size_t size; long rows; } tables[] = {
    { "links", RTM_GETLINK, sizeof(struct ifinfomsg), 0 }, { "addrs", RTM_GETADDR, sizeof(struct ifaddrmsg), 0 },
    { "routes", RTM_GETROUTE, sizeof(struct rtmsg), 0 }, { "neighbours", RTM_GETNEIGH, sizeof(struct ndmsg), 0 },
};
enum { TABLES = sizeof tables / sizeof *tables };
static volatile unsigned seen; /* what the walk over the attributes leaves, so that it is not optimised away */

static void read_table(int s, int t) {
    static char buffer[1 << 17];
    struct { struct nlmsghdr h; char head[32]; } ask = { header(tables[t].type, NLM_F_DUMP, NLMSG_LENGTH(tables[t].size)), { 0 } };
    check(send(s, &ask, ask.h.nlmsg_len, 0) > 0, "ask");
    for (;;) {
        int left = recv(s, buffer, sizeof buffer, 0);
        check(left > 0, "read");
        for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
            if (m->nlmsg_type == NLMSG_DONE) return;
            check(m->nlmsg_type != NLMSG_ERROR, "dump");
            struct rtattr *a = (void *)((char *)NLMSG_DATA(m) + NLMSG_ALIGN(tables[t].size));
            for (int rest = m->nlmsg_len - NLMSG_LENGTH(tables[t].size); RTA_OK(a, rest); a = RTA_NEXT(a, rest)) seen += a->rta_type;
            tables[t].rows++;
        }
    }
}

static int named(char names[][NAME_MAX + 1]) {
    int count = 0;
    DIR *folder = opendir("/run/netns");
    for (struct dirent *e; folder && count < MOST - 1 && (e = readdir(folder));)
        if (e->d_name[0] != '.') strcpy(names[count++], e->d_name);
    return count;
}

static int snap(int rounds) {
    static char names[MOST][NAME_MAX + 1];
    char path[sizeof names[0] + 16];
    int count = named(names);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/run/netns/%.255s", names[i]);
        int f = open(path, O_RDONLY | O_CLOEXEC);
        enter(f);
        close(f);
        sockets[i] = route_socket();
    }
    enter(home);
    sockets[count++] = route_socket();
    printf("{\"seconds\": [");
    for (int r = 0; r < rounds; r++) {
        for (int t = 0; t < TABLES; t++) tables[t].rows = 0;
        double began = now();
        for (int i = 0; i < count; i++)
            for (int t = 0; t < TABLES; t++) read_table(sockets[i], t);
        printf("%s%.6f", r ? ", " : "", now() - began);
    }
    printf("], \"namespaces\": %d", count);
    for (int t = 0; t < TABLES; t++) printf(", \"%s\": %ld", tables[t].name, tables[t].rows);
    printf("}\n");
    return 0;
}

/* Is there a default route by the gateway? RTM_GETROUTE for an address that only it reaches. */
static int complete(int i) {
    char path[64], reply[8192];
    snprintf(path, sizeof path, "/run/netns/h%d", i);
    int f = open(path, O_RDONLY | O_CLOEXEC);
    if (f < 0) return 0;
    enter(f);
    close(f);
    int s = route_socket(), any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ok = 0;
    struct { struct nlmsghdr h; struct rtmsg i; struct rtattr a; in_addr_t to; } ask = { header(RTM_GETROUTE, 0, sizeof ask),
        { .rtm_family = AF_INET, .rtm_dst_len = 32 }, ATTR(RTA_DST, ask.to), htonl(0xc6336401) };
    check(send(s, &ask, sizeof ask, 0) > 0, "ask for the route");
    int size = recv(s, reply, sizeof reply, 0);
    struct nlmsghdr *m = (void *)reply;
    if (NLMSG_OK(m, size) && m->nlmsg_type == RTM_NEWROUTE) {
        struct rtattr *a = RTM_RTA(NLMSG_DATA(m));
        for (int rest = RTM_PAYLOAD(m); RTA_OK(a, rest); a = RTA_NEXT(a, rest))
            if (a->rta_type == RTA_GATEWAY && *(in_addr_t *)RTA_DATA(a) == GATEWAY) ok = 1;
    }
    for (int k = 0; k < 2; k++) {
        struct ifreq r = { 0 };
        strcpy(r.ifr_name, k ? "eth0" : "lo");
        if (ioctl(any, SIOCGIFFLAGS, &r) || !(r.ifr_flags & IFF_UP)) ok = 0;
    }
    close(s), close(any);
    return ok;
}

static int check_all(int n) {
    int good = 0;
    for (int i = 0; i < n; i++) good += complete(i);
    enter(home);
    int any = socket(AF_INET, SOCK_DGRAM, 0), ports = 0;
    for (int i = 0; i < n; i++) ports += port_is_there(any, i);
    printf("{\"complete\": %d, \"ports\": %d}\n", good, ports);
    return good != n || ports != n;
}

int main(int count, char **words) {
    struct rlimit files;
    int n = count > 2 ? atoi(words[2]) : 0;
    if (n < 1 || n > MOST - 1) return fprintf(stderr, "usage: floor cycle|typed|parts|snap|check NUMBER [last|sends|ahead]\n"), 2;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    home = open(SELF, O_RDONLY | O_CLOEXEC);
    mkdir("/run/netns", 0755);
    if (!strcmp(words[1], "cycle") || !strcmp(words[1], "typed")) return cycle(n, *words[1] == 't', count > 3 ? words[3] : "");
    if (!strcmp(words[1], "parts")) return parts(n);
    if (!strcmp(words[1], "snap")) return snap(n);
    return check_all(n);
}
