"""Python sockets that live in a namespace: made by hand, and within ``lab["red"].python()`` and ``%%netns red --python``."""

from __future__ import annotations

import asyncio
import errno
import gc
import multiprocessing
import os
import select
import socket
import ssl
import struct
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.errors import KernelRefused, NamespaceNotFound
from nsmagic.pythonic import LabSocket, MachineSocket
from tests import loops
from tests.conftest import Notebook

pytestmark = pytest.mark.sandbox

RED, BLUE = "10.0.0.1", "10.0.0.2"
BUILD = """
    ip netns add red
    ip netns add blue
    ip link add veth-red netns red type veth peer name veth-blue netns blue
    ip -n red addr add 10.0.0.1/24 dev veth-red
    ip -n blue addr add 10.0.0.2/24 dev veth-blue
    ip -n red addr add fd00::1/64 dev veth-red nodad
    ip -n blue addr add fd00::2/64 dev veth-blue nodad
    ip -n red link set veth-red up
    ip -n blue link set veth-blue up
    ip -n red link set lo up
    ip -n blue link set lo up
    mkdir -p /etc/netns/blue
    echo 10.0.0.1 web.lab >> /etc/hosts
    echo 10.0.0.1 red.lab > /etc/netns/blue/hosts
    echo fd00::1 red6.lab >> /etc/netns/blue/hosts
    echo 127.0.0.1 localhost >> /etc/netns/blue/hosts
"""
LINK_LOCAL = "until ip -n blue -6 addr show dev veth-blue scope link | grep -q fe80 && ! ip -n blue -6 addr | grep -q tentative; do :; done"


@pytest.fixture(scope="module")
def pair() -> Iterator[Lab]:
    """A lab with red and blue and a cable between them."""
    with Lab() as lab:
        lab.run(BUILD).check()
        yield lab


@contextmanager
def accepting(server: socket.socket, handle: Callable[[socket.socket], None]) -> Iterator[None]:
    """Serve one connection in a thread."""
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            made, _ = server.accept()
            with made:
                handle(made)
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            failed.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    thread.join(10)
    assert not thread.is_alive()
    assert not failed, failed


def echo(made: socket.socket) -> None:
    made.sendall(made.recv(100).upper())


def netns_of(made: socket.socket) -> int:
    """A number that is the same for all sockets of a namespace (``SO_NETNS_COOKIE``, Linux 5.14)."""
    return int(struct.unpack("=Q", made.getsockopt(socket.SOL_SOCKET, 71, 8))[0])


def cookie(lab: Lab, ns: str) -> int:
    with lab.socket(ns) as made:
        return netns_of(made)


def machine_cookie() -> int:
    with MachineSocket() as made:
        return netns_of(made)


def holders(inode: str) -> list[str]:
    """This process's descriptors that are the socket."""
    return [fd for fd in os.listdir("/proc/self/fd") if _target(fd) == inode]


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


# Sockets made by hand


def test_tcp_between_namespaces_also_on_port_80(pair: Lab) -> None:
    with pair["red"].socket() as server, pair["blue"].socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((RED, 80))
        server.listen()
        with accepting(server, echo):
            client.settimeout(5)
            client.connect((RED, 80))
            assert client.getsockname()[0] == BLUE
            client.sendall(b"hello")
            assert client.recv(100) == b"HELLO"
    with MachineSocket() as outside:
        outside.settimeout(0.5)
        assert outside.connect_ex(("127.0.0.1", 80)) in (errno.ECONNREFUSED, 0, errno.EAGAIN)


def test_udp(pair: Lab) -> None:
    with pair["red"].socket(type=socket.SOCK_DGRAM) as server, pair["blue"].socket(type=socket.SOCK_DGRAM) as client:
        server.bind((RED, 53))
        server.settimeout(5)
        client.sendto(b"question", (RED, 53))
        data, peer = server.recvfrom(100)
        assert (data, peer[0]) == (b"question", BLUE)


def test_ipv6(pair: Lab) -> None:
    with pair["red"].socket(socket.AF_INET6) as server, pair["blue"].socket(socket.AF_INET6) as client:
        server.bind(("fd00::1", 8080))
        server.listen()
        with accepting(server, echo):
            client.settimeout(5)
            client.connect(("fd00::1", 8080))
            client.sendall(b"six")
            assert client.recv(100) == b"SIX"


def test_raw_icmp(pair: Lab) -> None:
    """An echo request made by hand, from a process with no right to."""
    with pair["blue"].socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(5)
        body = b"nsmagic!"
        head = struct.pack("!BBHHH", 8, 0, 0, 7, 1)
        total = sum(struct.unpack(f"!{len(head + body) // 2}H", head + body))
        total = (total >> 16) + (total & 0xFFFF)
        raw.sendto(struct.pack("!BBHHH", 8, 0, ~total & 0xFFFF, 7, 1) + body, (RED, 0))
        packet = raw.recv(200)
        assert packet[20:22] == b"\0\0"
        assert packet[-8:] == body
        assert raw.proto == socket.IPPROTO_ICMP


def test_packet_socket_sees_frames(pair: Lab) -> None:
    with pair["red"].socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as capture:
        capture.bind(("veth-red", 0))
        capture.settimeout(5)
        pair.run("ping -c 1 10.0.0.1", "blue").check()
        kinds = set()
        while not {b"\x08\x00"} <= kinds:
            kinds.add(capture.recv(2000)[12:14])
        assert capture.getsockname()[0] == "veth-red"


def test_kinds_of_a_socket_are_known(pair: Lab) -> None:
    with pair.socket("red", socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_UDP) as made:
        assert (made.family, made.type, made.proto) == (socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
        assert not made.get_inheritable()
        assert made.getblocking()
    with pair.socket("red", type=socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as made:
        assert made.gettimeout() == 0.0
        assert made.type == socket.SOCK_DGRAM
        with pytest.raises(BlockingIOError):
            made.recv(1)


def test_what_cannot_be_made_is_refused_in_the_kernel_s_words(pair: Lab) -> None:
    with pytest.raises(KernelRefused, match="socket: Protocol not supported") as caught:
        pair.socket("red", socket.AF_INET, socket.SOCK_STREAM, 200)
    assert caught.value.errno == errno.EPROTONOSUPPORT
    with pytest.raises(NamespaceNotFound):
        pair.socket("green")


# Whose they are


@pytest.mark.parametrize("how", ["reset", "close"])
def test_closed_with_the_lab(how: str) -> None:
    """Also one of which a file is open, one that a thread waits in, and one that ssl took over."""
    with Lab() as lab:
        lab.run("ip netns add red\nip -n red link set lo up").check()
        plain = lab["red"].socket()
        inodes = []
        with lab["red"].python():
            server = socket.create_server(("127.0.0.1", 80))
            client = socket.create_connection(("127.0.0.1", 80), timeout=5)
            accepted, _ = server.accept()
            copy = accepted.dup()
        file = client.makefile("rb")
        client.close()
        taken = ssl.create_default_context().wrap_socket(
            accepted, do_handshake_on_connect=False, server_hostname="red.lab"
        )
        waiting: list[Any] = []

        def wait() -> None:
            try:
                waiting.append(server.accept())
            except OSError as error:
                waiting.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        for made in (plain, server, copy, taken):
            inodes.append(_target(str(made.fileno())))
        inodes.append(_target(str(file.fileno())))
        assert all(inode.startswith("socket:") for inode in inodes)
        del made
        getattr(lab, how)()
        assert [holders(inode) for inode in inodes] == [[]] * len(inodes)
        assert plain.fileno() == server.fileno() == taken.fileno() == -1
        thread.join(5)
        assert isinstance(waiting[0], OSError)
        file.close()
    assert gc.isenabled()


def test_not_closed_before(pair: Lab) -> None:
    made = pair["red"].socket()
    pair.run("true").check()
    assert made.fileno() >= 0
    made.close()


def test_closed_in_a_forked_copy_of_the_process(pair: Lab) -> None:
    with pair["red"].socket() as server, pair["blue"].socket() as client:
        server.bind((RED, 0))
        server.listen()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writer, f"{server.fileno()} {client.fileno()}".encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(pid, 0)
        assert os.read(reader, 100) == b"-1 -1"
        os.close(reader)
        # Ours were not shut by it.
        with accepting(server, echo):
            client.connect(server.getsockname())
            client.sendall(b"still")
            assert client.recv(100) == b"STILL"


# Python in a namespace


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"hello {self.client_address[0]}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def web(lab: Lab, port: int = 80) -> Iterator[HTTPServer]:
    """A web server in red, in a thread, as a notebook would have it."""
    with lab["red"].python():
        server = HTTPServer(("0.0.0.0", port), Pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_the_web_from_another_room(pair: Lab) -> None:
    with web(pair):
        with pair["blue"].python():
            for host in (RED, "red.lab", "web.lab"):
                if host == "web.lab":
                    with pytest.raises(OSError, match=r"name resolution|not known"):
                        urllib.request.urlopen(f"http://{host}/", timeout=5)
                else:
                    with urllib.request.urlopen(f"http://{host}/", timeout=5) as answer:
                        assert answer.read() == b"hello 10.0.0.2"
        with pair["red"].python(), urllib.request.urlopen("http://web.lab/", timeout=5) as answer:
            assert answer.read() == b"hello 10.0.0.1", "red has no hosts file of its own: the lab's"


def test_names_are_those_of_the_namespace(pair: Lab) -> None:
    with pair["blue"].python():
        assert socket.gethostbyname("red.lab") == RED
        assert socket.gethostbyname_ex("red.lab") == ("red.lab", [], [RED])
        assert socket.gethostbyaddr(RED)[0] == "red.lab"
        assert socket.getnameinfo((RED, 80), 0) == ("red.lab", "http")
        assert socket.getnameinfo(("fd00::1", 80, 0, 0), socket.NI_NUMERICSERV) == ("red6.lab", "80")
        assert socket.getfqdn(RED) == "red.lab"
        found = socket.getaddrinfo("red.lab", "http", type=socket.SOCK_STREAM)
        assert found == [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (RED, 80))]
        assert isinstance(found[0][0], socket.AddressFamily)
        assert socket.getaddrinfo(b"red.lab", 80, proto=17)[0][4] == (RED, 80)
        assert {each[4][0] for each in socket.getaddrinfo(None, 80, flags=socket.AI_PASSIVE)} >= {"0.0.0.0"}
        with pytest.raises(socket.gaierror) as caught:
            socket.getaddrinfo("no.such.lab", 80)
        assert caught.value.errno == socket.EAI_NONAME or caught.value.errno == socket.EAI_AGAIN
        with pytest.raises(socket.herror):
            socket.gethostbyaddr("10.0.0.77")
        with pytest.raises(ValueError):
            socket.getaddrinfo("x" * 70, 80)
    with pair["red"].python(), pytest.raises(socket.gaierror):
        socket.gethostbyname("red.lab")


def test_interfaces_are_those_of_the_namespace(pair: Lab) -> None:
    machines = socket.if_nameindex()
    with pair["blue"].python():
        found = socket.if_nameindex()
        assert [name for _, name in found] == list(pair["blue"].links.ifname)
        for number, name in found:
            assert (socket.if_nametoindex(name), socket.if_indextoname(number)) == (number, name)
        with pytest.raises(OSError, match="blue has no interface nope"):
            socket.if_nametoindex("nope")
        with pytest.raises(OSError, match="blue has no interface 999"):
            socket.if_indextoname(999)
    assert socket.if_nameindex() == machines


def test_looking_up_is_quick_also_when_there_is_no_answer(pair: Lab) -> None:
    with pair["blue"].python():
        start = time.monotonic()
        with pytest.raises(OSError):
            urllib.request.urlopen("http://example.com/", timeout=5)
        assert time.monotonic() - start < 1.5


def test_a_name_given_to_connect_is_looked_up_there_too(pair: Lab) -> None:
    """The machine's own resolver must not be asked: Python's socket would, in C."""
    pair.run(LINK_LOCAL).check()
    scoped = pair.run("ip -n red -6 addr show dev veth-red scope link").value.address[0] + "%veth-blue"
    with web(pair, 8090), pair["blue"].python():
        for family, host in ((socket.AF_INET, "red.lab"), (socket.AF_INET, b"red.lab")):
            with socket.socket(family) as made:
                made.settimeout(5)
                made.connect((host, 8090))
                assert made.getpeername()[:2] == (RED, 8090)
        for host in ("red6.lab", scoped):
            with socket.socket(socket.AF_INET6) as six:
                six.settimeout(5)
                assert six.connect_ex((host, 8090)) == errno.ECONNREFUSED, "it was reached: the server has IPv4 only"
        with socket.socket(type=socket.SOCK_DGRAM) as one:
            assert one.sendto(b"x", ("red.lab", 9)) == one.sendto(b"x", 0, ("red.lab", 9)) == 1
            assert one.sendmsg([b"ab", b"c"], [], 0, ("red.lab", 9)) == 3
        with socket.socket(type=socket.SOCK_DGRAM) as one:
            one.bind(("localhost", 0))
            assert one.getsockname()[0] == "127.0.0.1"
        with socket.socket() as made, pytest.raises(socket.gaierror):
            made.connect(("no.such.lab", 80))


def test_asyncio(pair: Lab) -> None:
    async def talk() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        with pair["red"].python():
            server = await asyncio.start_server(serve, "0.0.0.0", 7000)
        async with server:
            with pair["blue"].python():
                reader, writer = await asyncio.wait_for(asyncio.open_connection("red.lab", 7000), 5)
            writer.write(b"streams\n")
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            await writer.wait_closed()
        return answer

    assert loops.run(talk()) == b"STREAMS\n"
    # The loop's own pair of Unix sockets, made within a block, stays the machine's.
    with pair["blue"].python():
        loop = asyncio.new_event_loop()
    own = [each for each in vars(loop).values() if isinstance(each, socket.socket)]
    assert [netns_of(each) for each in own] == [machine_cookie()] * 2
    loop.close()


def test_two_tasks_in_two_namespaces(pair: Lab) -> None:
    async def where(ns: str, seen: dict[str, int]) -> None:
        with pair[ns].python():
            await asyncio.sleep(0.01)
            with socket.socket() as made:
                seen[ns] = netns_of(made)

    async def both() -> dict[str, int]:
        seen: dict[str, int] = {}
        await asyncio.gather(where("red", seen), where("blue", seen))
        return seen

    assert loops.run(both()) == {ns: cookie(pair, ns) for ns in ("red", "blue")}


def anonymous(protocol: int) -> ssl.SSLContext:
    """TLS without certificates, which nothing here could make."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")
    return context


def test_tls(pair: Lab) -> None:
    there, here = anonymous(ssl.PROTOCOL_TLS_SERVER), anonymous(ssl.PROTOCOL_TLS_CLIENT)
    with pair["red"].python():
        server = socket.create_server((RED, 443))

    def serve(made: socket.socket) -> None:
        with there.wrap_socket(made, server_side=True) as safe:
            echo(safe)

    with server, accepting(server, serve), pair["blue"].python():
        made = socket.create_connection(("red.lab", 443), timeout=5)
        with here.wrap_socket(made, server_hostname="red.lab") as safe:
            safe.sendall(b"secret")
            assert safe.recv(100) == b"SECRET"
            assert safe.version() == "TLSv1.2"
            assert isinstance(safe, socket.socket)


if find_spec("requests") is not None:  # comes with JupyterLab

    def test_requests(pair: Lab) -> None:
        import requests

        with web(pair), pair["blue"].python():
            assert requests.get("http://red.lab/", timeout=5).text == "hello 10.0.0.2"


def test_outside_of_a_block_everything_is_python_s_own(pair: Lab) -> None:
    names = ("socket", "getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
    before = {name: getattr(socket, name) for name in names}, threading.Thread.start
    with pytest.raises(ZeroDivisionError), pair["red"].python():
        assert [socket.socket, 1 // 0] == []
    with pair["red"].python():
        assert socket.socket is LabSocket
    assert ({name: getattr(socket, name) for name in names}, threading.Thread.start) == before
    with socket.socket() as made:
        assert type(made) is MachineSocket
        assert netns_of(made) == machine_cookie()


def test_what_a_module_kept_from_a_block_is_ordinary_after_it(pair: Lab) -> None:
    with pair["red"].python():
        from socket import getaddrinfo
        from socket import socket as kept

        class Own(kept):  # type: ignore[misc]
            """As ``ssl`` does when it is first imported."""

        with kept() as made:
            assert netns_of(made) == cookie(pair, "red")
    with kept() as made, Own() as own:
        assert netns_of(made) == netns_of(own) == machine_cookie()
    assert getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)
    with pytest.raises(socket.gaierror):
        getaddrinfo("web.lab", 80)


def test_blocks_within_blocks(pair: Lab) -> None:
    red, blue = cookie(pair, "red"), cookie(pair, "blue")
    with pair["red"].python(), socket.socket() as first:
        with pair["blue"].python(), socket.socket() as second:
            assert (netns_of(first), netns_of(second)) == (red, blue)
            assert socket.gethostbyname("red.lab") == RED
        with socket.socket() as third:
            assert netns_of(third) == red
        with pytest.raises(socket.gaierror):
            socket.gethostbyname("red.lab")


@pytest.mark.not_in_vm("a socket there is one end of a pair of the machine's")
def test_two_labs_at_once(pair: Lab) -> None:
    with Lab() as other:
        other.run("ip netns add red").check()
        with pair["red"].python(), other["red"].python(), socket.socket() as made:
            assert netns_of(made) == cookie(other, "red") != cookie(pair, "red")


def test_two_threads_in_two_namespaces(pair: Lab) -> None:
    """Neither waits for the other, and threads that they start are where they are."""
    seen: dict[str, list[int]] = {"red": [], "blue": []}
    both_in = threading.Barrier(2)

    def look(ns: str) -> None:
        with socket.socket() as made:
            seen[ns].append(netns_of(made))

    def work(ns: str) -> None:
        with pair[ns].python():
            both_in.wait(5)
            look(ns)
            helper = threading.Thread(target=look, args=(ns,))
            helper.start()
            helper.join(5)
            both_in.wait(5)

    threads = [threading.Thread(target=work, args=(ns,)) for ns in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == {ns: [cookie(pair, ns)] * 2 for ns in seen}
    assert socket.socket is MachineSocket


def test_a_thread_that_is_older_than_the_block_does_not_leave_the_lab(pair: Lab) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def look() -> int:
        with socket.socket() as made:
            return netns_of(made)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(look).result(5) == machine_cookie()
        with pair["red"].python():
            assert pool.submit(look).result(5) == cookie(pair, "red")
        assert pool.submit(look).result(5) == machine_cookie()


# One kind of socket to the rest of Python


def test_isinstance_both_ways(pair: Lab) -> None:
    outside = socket.socket()
    with pair["red"].python():
        inside = socket.socket()
        assert isinstance(outside, socket.socket)
        assert isinstance(inside, socket.socket)
        assert issubclass(ssl.SSLSocket, socket.socket)
        assert not isinstance("text", socket.socket)
        assert issubclass(socket.socket, MachineSocket)
        assert not isinstance(outside, type("Own", (socket.socket,), {}))
    assert isinstance(inside, socket.socket)
    assert isinstance(inside, socket.SocketType)
    assert netns_of(inside) != netns_of(outside)
    inside.close()
    outside.close()


@pytest.mark.not_in_vm("a socket there is one end of a pair of the machine's")
def test_accepted_copied_and_adopted_sockets(pair: Lab) -> None:
    red = cookie(pair, "red")
    with pair["red"].python():
        server = socket.create_server((RED, 0))
        client = socket.create_connection(server.getsockname(), timeout=5)
        accepted, peer = server.accept()
        adopted = socket.fromfd(accepted.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        again = socket.socket(fileno=os.dup(client.fileno()))
        ours, theirs = socket.socketpair()
        assert ours.family == socket.AF_UNIX
        assert (accepted.family, accepted.type, accepted.gettimeout()) == (socket.AF_INET, socket.SOCK_STREAM, None)
        assert peer == client.getsockname()
    late = socket.create_connection  # the machine's again
    with pytest.raises(OSError):
        late(server.getsockname(), timeout=0.3).close()
    copy = server.dup()
    with pair["blue"].python():
        second = socket.create_connection(server.getsockname(), timeout=5)
    from_copy, _ = copy.accept()
    made = [server, client, accepted, adopted, again, copy, from_copy]
    assert {netns_of(each) for each in made} == {red}
    assert netns_of(ours) == machine_cookie()
    second.sendall(b"over")
    with from_copy.makefile("rb") as file:
        assert file.read(4) == b"over"
    for each in (*made, ours, theirs, second):
        each.close()


def test_select_poll_and_timeouts(pair: Lab) -> None:
    socket.setdefaulttimeout(3.5)
    try:
        with pair["red"].python(), socket.socket(type=socket.SOCK_DGRAM) as made:
            assert made.gettimeout() == 3.5
            made.settimeout(0.05)
            made.bind((RED, 0))
            with pytest.raises(TimeoutError):
                made.recv(1)
            assert select.select([made], [], [], 0)[0] == []
            made.sendto(b"x", made.getsockname())
            assert select.select([made], [], [], 5)[0] == [made]
    finally:
        socket.setdefaulttimeout(None)


def test_refusals_are_oserrors(pair: Lab) -> None:
    with pair["red"].python():
        with pytest.raises(OSError, match="Protocol not supported") as caught:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, 200)
        assert caught.value.errno == errno.EPROTONOSUPPORT
        with pytest.raises(OSError) as unreachable:
            socket.create_connection(("192.0.2.1", 80), timeout=2)
        assert unreachable.value.errno == errno.ENETUNREACH


def test_machine_sockets_of_other_families_stay(pair: Lab, tmp_path: Path) -> None:
    with pair["red"].python():
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(tmp_path / "s"))
            assert netns_of(made) == machine_cookie()
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as made:
            assert made.family == socket.AF_NETLINK
    assert (tmp_path / "s").exists()


def _child(queue: Any) -> None:
    with socket.socket() as made:
        queue.put(netns_of(made))


def test_a_forked_child_has_its_own_sockets(pair: Lab) -> None:
    """``multiprocessing`` within a block: the child cannot use the parent's lab, and says so or uses the machine's."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    assert queue.get() == machine_cookie()
    child.join(5)
    assert child.exitcode == 0
    child.close()


def test_the_lab_dies_within_a_block() -> None:
    with Lab() as lab:
        lab.run("ip netns add red\nip -n red link set lo up").check()
        with lab["red"].python():
            server = socket.create_server(("127.0.0.1", 80))
            lab.close()
            assert server.fileno() == -1
            with pytest.raises(OSError):
                server.accept()
    assert socket.socket is MachineSocket


# In a notebook


def test_cell_with_python(notebook: Notebook) -> None:
    assert notebook.cell("%%netns\n" + BUILD).ok
    served = notebook.cell(
        """%%netns red --python
import socket, threading
server = socket.create_server(("10.0.0.1", 80))
def serve():
    made, peer = server.accept()
    with made:
        made.sendall(b"hello " + peer[0].encode())
thread = threading.Thread(target=serve); thread.start()
server.getsockname()[1]
"""
    )
    assert served.error is None
    assert served.value == 80
    asked = notebook.cell(
        """%%netns blue --python --out text
import socket
with socket.create_connection(("red.lab", 80), timeout=5) as client:
    text = client.makefile().read()
text
"""
    )
    assert asked.error is None
    assert notebook.shell.user_ns["text"] == "hello 10.0.0.2"
    assert (
        notebook.cell("import socket; thread.join(5); server.close(); type(socket.socket()).__name__").value == "socket"
    )
    failed = notebook.cell(
        "%%netns red --python\nimport socket\nsocket.socket().connect(('10.0.0.9', 80)) if 0 else 1/0"
    )
    assert isinstance(failed.error, ZeroDivisionError)
    assert socket.socket is MachineSocket
    missing = notebook.cell("%%netns green --python\nprint('no')")
    assert isinstance(missing.error, NamespaceNotFound)
    assert missing.out.splitlines()[0] == 'there is no namespace "green"'
