"""The frequent mistakes: what was refused, in which lab, and the hint; then that no refusal at all upsets the rules."""

from __future__ import annotations

import errno
import os
import re
import shlex
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic.commands import hints
from nsmagic.commands.case import retarget
from nsmagic.commands.command import Command, Sequence
from nsmagic.commands.hints import hint, machine_warning, no_reply, slip
from nsmagic.commands.packages import MODULES, NATIVE, NETWORK_TOOLS, PACKAGES
from nsmagic.commands.parse import parse
from nsmagic.errors import (
    CommandFailed,
    CommandNotFound,
    CommandSyntaxError,
    CommandTimeout,
    KernelRefused,
    LabDied,
    NamespaceNotFound,
    NsmagicError,
)
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot
from tests.fuzz import examples

UP = 0x1
LAB = Snapshot.from_data(
    {
        "namespaces": [["host"], ["blue"], ["red"]],
        "links": [
            ["host", 1, "lo", "loopback", UP | 8], ["host", 2, "br0", "bridge", UP], ["host", 3, "p0", "veth", UP, "UP", "", 1500, "br0"],
            ["host", 7, "br1", "bridge", 0], ["host", 8, "down0", "veth", 0],
            ["red", 1, "lo", "loopback", 8], ["red", 4, "veth-red", "veth", UP],
            ["blue", 1, "lo", "loopback", 8], ["blue", 5, "veth-blue", "veth", 0],
            ["(lan)", 6, "outside0", "veth", UP],
        ],
        "addrs": [
            ["host", 1, "lo", "inet", "127.0.0.1", 8, "", "host"], ["host", 8, "down0", "inet", "10.7.0.1", 24],
            ["red", 4, "veth-red", "inet", "192.168.15.1", 24], ["red", 4, "veth-red", "inet6", "fd00::1", 64],
            ["blue", 5, "veth-blue", "inet", "192.168.15.2", 24],
        ],
        "routes": [
            ["red", "inet", "192.168.15.0/24", "", "veth-red", "192.168.15.1", "kernel", "link"],
            ["red", "inet", "10.1.0.0/16", "192.168.15.9", "veth-red", "", "boot", "global"],
        ],
    }
)  # fmt: skip
EMPTY = Snapshot.from_data({"namespaces": [["host"]], "links": [["host", 1, "lo", "loopback"]]})


def refused(message: str, number: int, **subject: Any) -> KernelRefused:
    kernel = message.removeprefix("Error: ").rstrip(".") if message.startswith("Error: ") else os.strerror(number)
    return KernelRefused(message, errno=number, kernel=kernel, subject=subject)


def answer(text: str, error: NsmagicError, ns: str = "host", lab: Snapshot = LAB, **made: str) -> str | None:
    """The hint for a line that was refused in that namespace; ``made`` maps ``ns__name`` to a cell."""
    run = parse(tuple(shlex.split(text)))
    if isinstance(run, Sequence):
        run = run.commands[0]
    command = run if isinstance(run, Command) else None
    made_by = {(key.partition("__")[0], key.partition("__")[2].replace("_", "-")): cell for key, cell in made.items()}
    return hint(error, text, command, lab, ns, made_by)


def no_device(name: str, **subject: Any) -> KernelRefused:
    return refused(f'Cannot find device "{name}"', errno.ENODEV, dev=name, **subject)


EXISTS = "RTNETLINK answers: File exists"
GATEWAY = "Error: Nexthop has invalid gateway."

CASES: list[tuple[str, str, NsmagicError, str, str | None]] = [
    # what was typed, in which namespace, the error, the hint
    ("ip link set veth-rad up", "host", no_device("veth-rad"),
     "host has lo, br0, p0, br1, down0; did you mean veth-red? It is in red:  ip -n red link set veth-red up", None),
    ("ip link set veth-red up", "host", no_device("veth-red"), "veth-red is in red:  ip -n red link set veth-red up", None),
    ("ip -n blue link set veth-red up", "host", no_device("veth-red", ns="blue"),
     "veth-red is in red:  ip -n red link set veth-red up", None),
    ("ip link set veth-red netns red", "host", no_device("veth-red"), "veth-red is in red already (made by cell 4)", "red__veth_red"),
    ("ip link set veth-red netns red", "host", no_device("veth-red"), "veth-red is in red already", None),
    ("ip link set veth-red netns blue", "host", no_device("veth-red"), "veth-red is in red:  ip -n red link set veth-red netns blue", None),
    ("ip addr add 192.168.15.1/24 dev veth-red", "host", no_device("veth-red"),
     "veth-red is in red:  ip -n red addr add 192.168.15.1/24 dev veth-red", None),
    ("ip link set br0 up", "red", no_device("br0", ns="red"),
     "br0 is in host; in a %%netns cell without a namespace:  ip link set br0 up", None),
    ("ip link set brr0 up", "red", no_device("brr0", ns="red"), "red has lo, veth-red; did you mean br0? It is in host; "
     "in a %%netns cell without a namespace:  ip link set br0 up", None),
    ("ip link set veth-rde up", "red", no_device("veth-rde", ns="red"), "red has lo, veth-red; did you mean veth-red?", None),
    ("ip link set outside0 up", "host", no_device("outside0"), "outside0 is in (lan), not in host", None),
    ("ip link set eth0 up", "blue", no_device("eth0", ns="blue"), "blue has lo, veth-blue", None),
    ("ip link del veth-9", "blue", no_device("veth-9", ns="blue"), "blue has lo, veth-blue; did you mean veth-blue?", None),
    ("ip link del zzz", "blue", no_device("zzz", ns="blue"),
     "blue has lo, veth-blue; deleting one end of a veth deletes the other too, so zzz may be gone already", None),
    ("ifconfig veth-red up", "host", refused("veth-red: ERROR while getting interface flags: No such device", errno.ENODEV),
     "veth-red is in red:  ip netns exec red ifconfig veth-red up", None),
    ("brctl addif br0 veth-red", "host", refused("interface veth-red does not exist!", errno.ENODEV, dev="veth-red"),
     "veth-red is in red:  ip netns exec red brctl addif br0 veth-red", None),
    ("ping -I veth-red 192.168.15.2", "host", CommandFailed("ping: SO_BINDTODEVICE veth-red: No such device"),
     "veth-red is in red:  ip netns exec red ping -I veth-red 192.168.15.2", None),
    ("ip link set p0 master br9", "host", refused('Error: argument "br9" is wrong: Device does not exist', errno.ENODEV, dev="br9", role="master"),
     "host has lo, br0, p0, br1, down0; did you mean br1?", None),
    # names
    ("ip link add veth-red-to-blue type veth", "host", refused("Error: Attribute failed policy validation.", errno.ERANGE),
     'an interface name has at most 15 bytes; "veth-red-to-blue" has 16', None),
    ("ip link add a0 type veth peer veth-blue-to-red", "host", refused("Error: Attribute failed policy validation.", errno.ERANGE),
     'an interface name has at most 15 bytes; "veth-blue-to-red" has 16', None),
    ("brctl addbr a/b", "host", refused("add bridge failed: Invalid argument", errno.EINVAL), 'an interface name has no slash and no white space: "a/b"', None),
    # a cell that ran twice
    ("ip link add br0 type bridge", "host", refused(EXISTS, errno.EEXIST),
     "br0 exists already in host (made by cell 4); run %lab reset and the cells again, or delete it", "host__br0"),
    ("ip link add p0 type veth peer name q0", "host", refused(EXISTS, errno.EEXIST),
     "p0 exists already in host; run %lab reset and the cells again, or delete it", None),
    ("ip link add q0 type veth peer name veth-red netns red", "host", refused(EXISTS, errno.EEXIST),
     "veth-red exists already in red; run %lab reset and the cells again, or delete it", None),
    ("ip netns add red", "host", refused('Cannot create namespace file "/run/netns/red": File exists', errno.EEXIST),
     "the namespace red exists already (made by cell 4); run %lab reset and the cells again, or:  ip netns del red", "__red"),
    ("ip link set p0 netns red name veth-red", "host", refused(EXISTS, errno.EEXIST),
     "red has a veth-red already; give this one another name first:  ip link set p0 name veth-red-2", None),
    ("ip addr add 192.168.15.1/24 dev veth-red", "red", refused("Error: ipv4: Address already assigned.", errno.EEXIST),
     "veth-red has 192.168.15.1/24 already; ip addr replace takes it as it is", None),
    ("ip route add 10.1.0.0/16 via 192.168.15.9", "red", refused(EXISTS, errno.EEXIST),
     "red has a route to 10.1.0.0/16 already (10.1.0.0/16 via 192.168.15.9 dev veth-red); ip route replace changes it", None),
    ("ip route add 192.168.15.0/24 dev veth-red", "red", refused(EXISTS, errno.EEXIST),
     "red has the route to 192.168.15.0/24 already: the kernel made it when veth-red got its address", None),
    ("ip neigh add 192.168.15.2 lladdr 2:0:0:0:0:1 dev veth-red", "red", refused(EXISTS, errno.EEXIST),
     "192.168.15.2 has an entry on veth-red already; ip neigh replace changes it", None),
    ("ip rule add from 10.0.0.0/8 table 7", "red", refused(EXISTS, errno.EEXIST), "the same rule is there already; ip rule shows it", None),
    ("bridge fdb add 02:00:00:00:00:01 dev p0 master", "host", refused(EXISTS, errno.EEXIST),
     "02:00:00:00:00:01 has an entry on p0 already; bridge fdb replace changes it", None),
    # addresses
    ("ip addr del 192.168.15.1/16 dev veth-red", "red", refused("Error: ipv4: Address not found.", errno.EADDRNOTAVAIL),
     "veth-red has 192.168.15.1/24; give the same length:  ip addr del 192.168.15.1/24 dev veth-red", None),
    ("ip addr del 192.168.15.7/24 dev veth-red", "red", refused("Error: ipv4: Address not found.", errno.EADDRNOTAVAIL),
     "veth-red has 192.168.15.1/24, fd00::1/64", None),
    ("ip addr del 192.168.15.1/24 dev lo", "red", refused("Error: ipv4: Address not found.", errno.EADDRNOTAVAIL),
     "192.168.15.1 is on veth-red", None),
    ("ip addr del 10.0.0.1/24 dev br0", "host", refused("Error: ipv4: Address not found.", errno.EADDRNOTAVAIL), "br0 has no address", None),
    ("ip addr add fd00::2/64 dev veth-red", "red", refused("Error: ipv6: IPv6 is disabled on this device.", errno.EACCES),
     "IPv6 is switched off on veth-red:  sysctl -w net.ipv6.conf.veth-red.disable_ipv6=0", None),
    # gateways and routes
    ("ip route add default via 10.9.0.2", "red", refused(GATEWAY, errno.ENETUNREACH),
     "10.9.0.2 is on no link of red; its networks are 192.168.15.0/24 (veth-red)", None),
    ("ip route add default via 192.168.15.1", "red", refused(GATEWAY, errno.EINVAL),
     "192.168.15.1 is red's own address; a gateway is the neighbour that forwards", None),
    ("ip route add default via 192.168.15.1", "blue", refused(GATEWAY, errno.ENETUNREACH),
     "192.168.15.1 is behind veth-blue, which is down:  ip link set veth-blue up", None),
    ("ip -n blue route add default via 192.168.15.1", "host", refused(GATEWAY, errno.ENETUNREACH, ns="blue"),
     "192.168.15.1 is behind veth-blue, which is down:  ip -n blue link set veth-blue up", None),
    ("ip route add default via 10.0.0.1", "(lan)", refused(GATEWAY, errno.ENETUNREACH),
     "10.0.0.1 cannot be reached: (lan) has no address and so no network yet", None),
    ("route add default gw 10.9.0.2", "red", refused("SIOCADDRT: Network is unreachable", errno.ENETUNREACH),
     "10.9.0.2 is on no link of red; its networks are 192.168.15.0/24 (veth-red)", None),
    ("ip -6 route add default via fd00:9::1", "red", refused("RTNETLINK answers: No route to host", errno.EHOSTUNREACH),
     "fd00:9::1 is on no link of red; its networks are fd00::/64 (veth-red)", None),
    ("ip route add 10.0.0.0/8 dev down0", "host", refused("RTNETLINK answers: Network is down", errno.ENETDOWN),
     "down0 is down; a route needs it up:  ip link set down0 up", None),
    ("ip route add 10.0.0.5/24 dev br0", "host", refused("Error: Invalid prefix for given prefix length.", errno.EINVAL),
     "10.0.0.5/24 has bits behind its length; the network is 10.0.0.0/24", None),
    ("ip route del 10.77.0.0/16", "red", refused("RTNETLINK answers: No such process", errno.ESRCH),
     "red has no such route; it has 192.168.15.0/24 dev veth-red, 10.1.0.0/16 via 192.168.15.9 dev veth-red", None),
    ("ip route del default", "blue", refused("RTNETLINK answers: No such process", errno.ESRCH), "blue has no route at all", None),
    ("ip route add default", "red", refused("RTNETLINK answers: No such device", errno.ENODEV),
     "a route needs a gateway or an interface:  … via GATEWAY, or … dev IF", None),
    ("ip route get 10.9.9.9", "blue", refused("RTNETLINK answers: Network is unreachable", errno.ENETUNREACH),
     "no route of blue covers 10.9.9.9; %routes blue shows them", None),
    ("curl http://10.9.9.9", "red", CommandFailed("curl: (7) Couldn't connect: Network is unreachable"),
     "%why red 10.9.9.9 --port 80 explains", None),
    ("curl -s -m 2 http://[fd00::2]:8080/index.html", "red", CommandFailed("curl: exit status 28: (28) timed out"),
     "%why red fd00::2 --port 8080 explains", None),
    ("nc -z -w 1 10.9.9.9 443", "red", CommandFailed("nc: exit status 1"), "%why red 10.9.9.9 --port 443 explains", None),
    ("nc -u -w 1 10.9.9.9 53", "host", CommandFailed("nc: exit status 1"), "%why 10.9.9.9 --port 53 --proto udp explains", None),
    ("ssh -p 2222 root@10.9.9.9", "red", CommandFailed("ssh: connect to host: Connection refused"),
     "%why red 10.9.9.9 --port 2222 explains", None),
    ("dig +short web.lab @10.9.9.9", "red", CommandFailed(";; no servers could be reached", status=9),
     "%why red 10.9.9.9 --port 53 --proto udp explains", None),
    ("nslookup web.lab 10.9.9.9", "host", CommandFailed(";; no servers could be reached", status=1),
     "%why 10.9.9.9 --port 53 --proto udp explains", None),
    ("traceroute 10.9.9.9", "red", CommandFailed("connect: Network is unreachable"),
     "no route of red covers this address; %routes red shows them", None),
    # kinds, bridges, switches
    ("ip link add d0 type dummy", "host", refused("Error: Unknown device type.", errno.EOPNOTSUPP),
     "the kernel here has no dummy links: the module dummy is missing, and a lab cannot load it", None),
    ("tc qdisc add dev p0 root netem delay 100ms", "host", CommandFailed("Error: Specified qdisc kind is unknown."),
     "the kernel here has no qdisc netem: the module sch_netem is missing, and a lab cannot load it", None),
    ("tc qdisc add dev p0 root netm delay 100ms", "host", CommandFailed('Unknown qdisc "netm", hence option "delay" is unparsable'),
     'there is no qdisc "netm"; did you mean netem?', None),
    ("sudo tc -s -n red qdisc add dev veth-rad root tbf", "host", CommandFailed('Cannot find device "veth-rad"'),
     "red has lo, veth-red; did you mean veth-red?", None),
    ("ip link add v5 link p0 type vlan id 5", "host", refused("Error: Unknown device type.", errno.EOPNOTSUPP),
     "the kernel here has no vlan links: the module 8021q is missing, and a lab cannot load it", None),
    ("ip link add br7 type brigde", "host", refused("Error: Unknown device type.", errno.EOPNOTSUPP),
     'the kernel knows no kind "brigde"; did you mean bridge?', None),
    ("ip link add x type zzzz", "host", refused("Error: Unknown device type.", errno.EOPNOTSUPP),
     'the kernel knows no kind "zzzz"; frequent ones are veth, bridge, vlan, vxlan, macvlan, dummy', None),
    ("ip link set br0 type bridge vlan_filtering 1", "host", refused("RTNETLINK answers: Operation not supported", errno.EOPNOTSUPP),
     "the kernel here cannot do vlan_filtering of a bridge", None),
    ("ip link set br1 master br0", "host", refused("RTNETLINK answers: Too many levels of symbolic links", errno.ELOOP),
     "br1 is a bridge itself; connect two bridges with a veth, one end in each", None),
    ("ip link set lo master br0", "host", refused("RTNETLINK answers: Invalid argument", errno.EINVAL), "lo cannot be a port of a bridge", None),
    ("ip link set p0 master down0", "host", refused("RTNETLINK answers: Operation not supported", errno.EOPNOTSUPP),
     "down0 is no bridge but veth", None),
    ("brctl addif br1 p0", "host", refused("device p0 is already a member of a bridge; can't add it to bridge br1.", errno.EBUSY),
     "p0 is a port of br0 already; take it out first:  ip link set p0 nomaster", None),
    ("brctl delbr br0", "host", refused("bridge br0 is still up; can't delete it", errno.EBUSY), "br0 is up; take it down first:  ip link set br0 down", None),
    ("ip link set lo netns red", "host", refused("Error: The interface netns is immutable.", errno.EINVAL),
     "lo stays in its namespace; every namespace has its own", None),
    ("ip link del lo", "host", refused("RTNETLINK answers: Operation not supported", errno.EOPNOTSUPP),
     "lo cannot be deleted; it goes with its namespace", None),
    ("ip link set p0 address 02:00:00:00:00:01", "host", refused("RTNETLINK answers: Device or resource busy", errno.EBUSY),
     "p0 is up; take it down first:  ip link set p0 down", None),
    ("ip link set p0 address 01:00:00:00:00:01", "host", refused("RTNETLINK answers: Cannot assign requested address", errno.EADDRNOTAVAIL),
     "the first byte of an interface's MAC is even, as in 02:00:00:00:00:01", None),
    # namespaces
    ("ip -n rde link", "host", NamespaceNotFound('Cannot open network namespace "rde": No such file or directory', name="rde", known=["blue", "red"]),
     "the namespaces are blue, red; did you mean red?", None),
    ("ip netns del green", "host", refused('Cannot remove namespace file "/run/netns/green": No such file or directory', errno.ENOENT),
     "the namespaces are blue, red", None),
    ("ip link set p0 netns green", "host", refused('Error: argument "green" is wrong: Invalid "netns" value', errno.EINVAL),
     "the namespaces are blue, red; make it with:  ip netns add green", None),
    ("ip netns exec host ls", "red", CommandFailed('Cannot open network namespace "host": No such file or directory'),
     "host is the lab itself; leave the namespace away", None),
    ("ip netns del red", "host", refused('Cannot remove namespace file "/run/netns/red": Device or resource busy', errno.EBUSY),
     "something still uses red; its processes:  ip netns pids red", None),
    ("ip netns add a/b", "host", refused('Invalid netns name "a/b"', errno.EINVAL),
     "the name of a namespace is a file's name: no slash in it, and not . or .. itself", None),
    # entries that are not there
    ("arp -d 192.168.15.9", "red", refused("No ARP entry for 192.168.15.9", errno.ENOENT), "red has no such entry; %arp red shows them", None),
    ("ip rule del prio 5", "red", refused("RTNETLINK answers: No such file or directory", errno.ENOENT), "red has no such rule; ip rule shows them", None),
    ("bridge fdb del 02:00:00:00:00:01 dev p0 master", "host", refused("RTNETLINK answers: No such file or directory", errno.ENOENT),
     "p0 has no such entry; bridge fdb show dev p0 lists them", None),
    # parameters, rights, programs
    ("sysctl -w net.ipv4.ip_forwrd=1", "host", refused("sysctl: cannot stat /proc/sys/net/ipv4/ip_forwrd: No such file or directory", errno.ENOENT),
     "there is no such parameter; look for it with:  sysctl -a -r ip_forwrd", None),
    ("sysctl -w vm.swappiness=1", "host", refused('sysctl: permission denied on key "vm.swappiness"', errno.EACCES),
     "vm.swappiness belongs to the whole machine and not to a network namespace; a lab cannot set it", None),
    ("ip link set p0 netns 1", "red", refused("RTNETLINK answers: Operation not permitted", errno.EPERM),
     "the lab may not do that: it reaches outside the lab, or needs a right that a lab does not have", None),
    ("brctl show", "host", CommandNotFound("brctl: command not found", name="brctl"), "brctl is in the Debian package bridge-utils:  sudo apt install bridge-utils", None),
    ("nc -l 80", "host", CommandFailed("bash: line 1: nc: command not found", status=127), "nc is in the Debian package netcat-openbsd:  sudo apt install netcat-openbsd", None),
    ("ip netns exec red dig x", "host", CommandFailed('exec of "dig" failed: No such file or directory'), "dig is in the Debian package dnsutils:  sudo apt install dnsutils", None),
    ("pign 10.0.0.1", "host", CommandNotFound("pign: command not found", name="pign"), "did you mean ping?", None),
    ("red", "host", CommandNotFound("red: command not found", name="red"), "red is a namespace; a command follows it, as in:  %netns red ip addr", None),
    ("ping example.org", "red", CommandFailed("ping: example.org: Temporary failure in name resolution"),
     "names are not looked up outside the lab; use an address, or write the name into the lab's /etc/hosts", None),
    ("ping 192.168.15.2", "red", CommandTimeout("ended after 5 s", seconds=5.0), "ping goes on until it is stopped; -c 3 sends three", None),
    ("sleep 100", "red", CommandTimeout("ended after 5 s: sleep 100", seconds=5.0), "--timeout SECONDS gives it longer; --bg lets it run beside the next cells", None),
    ("top", "red", CommandFailed("top: failed tty get"), "a cell is no terminal; top -b -n 1 prints its table once", None),
    ("unshare -n true", "red", CommandFailed("unshare: unshare failed: No space left on device"),
     "the lab has as many namespaces as it may have; delete one, or start it with Lab(limits={'namespaces': 1000})", None),
    ("make -j", "red", CommandFailed("bash: fork: retry: Resource temporarily unavailable"),
     "the lab has as many processes as it may have; %lab status lists them, %lab reset ends them all", None),
    ("python3 x.py", "red", CommandFailed("MemoryError"),
     "memory is limited in a lab (%lab status shows by how much); Lab(limits={'memory': BYTES}) allows more", None),
    ("touch /run/x", "red", CommandFailed("touch: cannot touch '/run/x': No space left on device"),
     "the lab's /run (16 MiB), /tmp (64 MiB) and /dev/shm (16 MiB) are small; remove what fills them", None),
    ("dd of=x", "red", CommandFailed("dd: ended by signal 25 (File size limit exceeded)"),
     "the size of a file is limited in a lab (%lab status shows it); Lab(limits={'file_size': BYTES}) allows more", None),
    ("python3 x.py", "red", CommandFailed("python3: ended by signal 24 (CPU time limit exceeded)"),
     "computing time is limited in a lab (%lab status shows it); Lab(limits={'cpu_time': SECONDS}) allows more", None),
    ("iptables -t nat -L", "red", CommandFailed("iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist"),
     "the kernel here lacks this part of the firewall; %lab doctor names what is missing", None),
    ("nft add table inet t", "host", CommandFailed("Error: Could not process rule: Operation not supported\nadd table inet t\n^^^^"),
     "the kernel here has no nftables for this; iptables-legacy does what iptables does, where it is installed", None),
    ("iptables -A FROWARD -j ACCEPT", "red", CommandFailed("iptables: No chain/target/match by that name."),
     "iptables -S lists the chains; if it is a target that is missing, the kernel here lacks it (%lab doctor)", None),
    # what only a port of a bridge has
    ("bridge vlan add dev veth-red vid 10", "red", refused("RTNETLINK answers: Operation not supported", errno.EOPNOTSUPP),
     "veth-red is no port of a bridge; put it into one:  ip link set veth-red master br0", None),
    # a namespace, an address, a route
    ("ip link set p0 netns 4711", "host", refused("RTNETLINK answers: No such process", errno.ESRCH),
     "4711 is read as the number of a process, and no process of the lab has it; a namespace is given by its name", None),
    ("ifconfig down0 netmask 255.255.255.0", "host", refused("SIOCSIFNETMASK: Cannot assign requested address", errno.EADDRNOTAVAIL),
     "down0 has no address that could get it; give the address first:  ifconfig down0 10.0.0.1 netmask 255.255.255.0", None),
    ("ip -6 route add default via fe80::1", "red", refused("Error: Egress device not specified.", errno.EINVAL),
     "a gateway fe80::… is on every link; say on which:  … dev IF", None),
    # what the words of a refusal say
    ("ip link set p0 mtu 10", "host", refused("Error: mtu less than device minimum.", errno.EINVAL),
     "an Ethernet link takes 68 to 65535 bytes; 1500 is usual", None),
    ("ip link set p0 address 02:00", "host", refused("Invalid address length 2 - must be 6 bytes", 0),
     "a MAC address has six bytes, as in 02:00:00:00:00:01", None),
    ("sysctl -w net.ipv4.ip_forward=yes", "host", refused('sysctl: setting key "net.ipv4.ip_forward": Invalid argument', errno.EINVAL),
     "net.ipv4.ip_forward does not take yes; most take a whole number, switches 0 or 1", None),
    ("ip netns identify 99", "host", refused("Could not open /proc/99/ns/net: No such file or directory", errno.ENOENT),
     "no process of the lab has the number 99; ps -e lists them", None),
    ("sh fetch.sh", "host", CommandFailed("curl: (7) Failed to connect to 10.0.0.1 port 80 after 0 ms: Couldn't connect to server"),
     "nobody answers there: is a server listening (ss -ltn in its namespace), and does a ping arrive?", None),
    ("echo $(", "host", CommandFailed("line 2: unexpected EOF while looking for matching `)'\nbash: exit status 2"),
     "something is opened and not closed: ) is missing", None),
    ("if true; then", "host", CommandFailed("line 2: syntax error: unexpected end of file\nbash: exit status 2"),
     "if wants fi, for and while want done, case wants esac, { wants }; one of them is missing", None),
    ("iptables -t natt -L", "host", CommandFailed("iptables v1.8.9 (nf_tables): table 'natt' does not exist"),
     "the tables are filter, nat, mangle, raw, security; did you mean nat?", None),
    ("iptables -t xyz -L", "host", CommandFailed("iptables v1.8.9 (legacy): can't initialize iptables table `xyz': Table does not exist"),
     "the tables are filter, nat, mangle, raw, security", None),
    ("iptables -A INPUT -j MASQUERAD", "host", CommandFailed("iptables v1.8.9 (nf_tables): Chain 'MASQUERAD' does not exist"),
     "there is no chain or target MASQUERAD; did you mean MASQUERADE?", None),
    ("iptables -A INPUT -j MINE", "host", CommandFailed("iptables v1.8.9 (nf_tables): Chain 'MINE' does not exist"),
     "there is no chain or target MINE; iptables -N MINE makes a chain", None),
    # what belongs into the notebook and not into a cell of commands
    ("%netns ip link", "host", CommandNotFound("%netns: command not found", name="%netns"),
     "the lines of this cell are commands already: leave %netns away", None),
    ("%%netns red", "host", CommandNotFound("%%netns: command not found", name="%%netns"),
     "%%netns is the first line of a cell, and each cell has one", None),
    ("%topology", "host", CommandNotFound("%topology: command not found", name="%topology"),
     "%topology is a magic of the notebook: it stands in a cell without %%netns", None),
    ("!ip link", "host", CommandNotFound("!ip: command not found", name="!ip"),
     "the lines of this cell are commands already: leave the ! away", None),
    ("import pandas", "host", CommandNotFound("import: command not found", name="import"),
     "import is Python's, and the lines of this cell are commands of a shell: Python belongs into a cell without %%netns, or into %%netns NAME --python", None),
    ("bash -c 'print(1)'", "host", CommandFailed("bash: line 1: syntax error near unexpected token `1'\nbash: line 1: `print(1)'"),
     "print is Python's, and the lines of this cell are commands of a shell: Python belongs into a cell without %%netns, or into %%netns NAME --python", None),
    ("kill %1", "red", CommandFailed("line 1: kill: %1: no such job"),
     "the shell of a cell knows the jobs that the cell itself started; %lab stop 1 ends job 1 of the lab", None),
    ("ip link add veth0 type veth peer", "host", refused("RTNETLINK answers: File exists", errno.EEXIST),
     "the other end has no name of its own, so the kernel called it veth0 first; name it:  ip link add veth0 type veth peer name OTHER", None),
]  # fmt: skip


def test_an_address_that_a_later_line_brought_is_not_offered_as_another_one() -> None:
    gone = refused("Error: ipv4: Address not found.", errno.EADDRNOTAVAIL)
    assert answer("ip -n red addr del 192.168.15.1/24 dev veth-red", gone) is None


@pytest.mark.parametrize(
    ("text", "ns", "error", "expected", "made"), CASES, ids=[f"{case[0]} in {case[1]}" for case in CASES]
)
def test_the_hint_names_the_cure(text: str, ns: str, error: NsmagicError, expected: str, made: str | None) -> None:
    cells = {made: "cell 4"} if made else {}
    assert answer(text, error, ns, **cells) == expected


def test_every_sentence_is_reached_and_every_field_filled() -> None:
    """The cases above (and those of pings, cells and idioms) use the whole table: what is not reachable would be dead words."""
    reached = {expected for _, _, _, expected, _ in CASES}
    others = {
        "not-done",
        "not-done-how",
        "ns-none",
        "gateway-single",
        "dev-close-in-host",
        "ping-ended",
        "too-much",
        "full-screen",
        "neighbours",
    }
    ours = "".join(path.read_text() for path in Path(hints.__file__).parent.glob("hints*.py"))
    made = re.compile(r"(?:addr|neigh|rule|fdb)-(?:exists|none)")  # of f"{thing}-exists"
    for code, sentence in say.table().items():
        if f'"{code}"' not in ours and not made.fullmatch(code):
            continue  # said elsewhere, of a command's form say; test_sentences.py finds where
        if code.startswith(("slip", "machine", "outside", "ip-", "ipv4-")) or code in others:
            continue
        fixed = [part[0] for part in string.Formatter().parse(sentence)]
        assert any(all(part in line for part in fixed) for line in reached), code


def test_a_hint_that_is_there_is_kept() -> None:
    error = KernelRefused("x", errno=19, hint="mine")
    assert answer("ip link set q up", error) == "mine"


def test_what_is_not_known_has_no_hint() -> None:
    assert answer("ip link set p0 txqlen 10", refused("Error: something else.", errno.EINVAL)) is None
    assert answer("make", CommandFailed("make: *** No rule", status=2)) is None
    assert hint(LabDied("gone"), "ip link", None, EMPTY, "host") is None


def test_no_namespace_yet() -> None:
    error = NamespaceNotFound("x", name="red", known=[])
    assert answer("ip -n red link", error, lab=EMPTY) == "there is no namespace yet; make it with:  ip netns add red"


def test_an_address_without_a_length() -> None:
    lab = Snapshot.from_data(
        {"links": [["red", 2, "eth0", "veth", UP]], "addrs": [["red", 2, "eth0", "inet", "10.0.0.1", 32]]}
    )
    error = refused(GATEWAY, errno.ENETUNREACH)
    expected = "10.0.0.2 is on no link of red: 10.0.0.1/32 covers only itself; did you mean a length of 24?"
    assert answer("ip route add default via 10.0.0.2", error, "red", lab) == expected


def test_a_refusal_of_the_grammar_without_a_hint_gets_the_place() -> None:
    error = CommandSyntaxError("unknown", text="ip link sett", at=8, expected=["set", "show"])
    assert answer("ip link sett", error) == 'at character 9, "sett": did you mean "set"?'


def test_names_stay_data() -> None:
    assert answer("ip link set '{ns}' up", no_device("{ns}")) == "host has lo, br0, p0, br1, down0"
    lab = Snapshot.from_data({"links": [["host", 1, "lo"], ["a b;$(x)", 2, "e{0}"]]})
    found = hint(no_device("e{0}"), "ip link set 'e{0}' up", None, lab, "host")
    assert found == "e{0} is in a b;$(x):  ip -n 'a b;$(x)' link set 'e{0}' up"


@pytest.mark.parametrize(
    ("argv", "ns", "replace", "expected"),
    [
        ("ip -4 -n blue addr add 10.0.0.1/24 dev a", "red", {"a": "b"}, "ip -n red -4 addr add 10.0.0.1/24 dev b"),
        ("ip -n blue link", "host", {}, "ip link"),
        ("sudo ip netns exec blue ping -c 1 10.0.0.1", "red", {}, "ip netns exec red ping -c 1 10.0.0.1"),
        ("brctl addif br0 a", "", {}, "brctl addif br0 a"),
    ],
)
def test_the_command_for_another_namespace(argv: str, ns: str, replace: dict[str, str], expected: str) -> None:
    assert retarget(argv.split(), ns, replace) == expected


# -- pings ---------------------------------------------------------------------------------------------------------------


def test_no_reply() -> None:
    def look(*tables: str) -> Snapshot:
        return Snapshot({name: table for name, table in LAB.tables.items() if name in tables})

    assert (
        no_reply("red", {"address": "10.9.9.9"}, "ping: connect: Network is unreachable", look)
        == "%why red 10.9.9.9 explains"
    )
    assert no_reply("host", {"address": "192.168.15.2"}, "", look) == "%why 192.168.15.2 explains"
    assert no_reply("red", {"address": "server.lab"}, "", look) == "%why red server.lab explains"
    assert no_reply("red", {"address": ""}, "", look) is None
    whole = {"address": "10.9.9.9", "size": 1400}
    assert no_reply("red", whole, "", look) == "%why red 10.9.9.9 --size 1400 explains"
    assert (
        no_reply("red", {**whole, "size": 3000, "pmtudisc": "do"}, "", look) == "%why red 10.9.9.9 --size 3000 explains"
    )
    assert no_reply("red", {**whole, "size": 3000}, "", look) == "%why red 10.9.9.9 explains"  # goes in pieces


# -- cells ---------------------------------------------------------------------------------------------------------------

FIRST_LINE = "put %%netns on the first line"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ip netns add red", FIRST_LINE),
        ("\n\n  sudo ip link add br0 type bridge\n", FIRST_LINE),
        ("# two rooms\nip netns add red\nip netns add blue", FIRST_LINE),
        ("$ ping -c 1 10.0.0.1", FIRST_LINE),
        ("user@host:~$ ip addr", FIRST_LINE),
        ("# ip link set lo up", FIRST_LINE),
        ("iptables -t nat -A POSTROUTING -j MASQUERADE", FIRST_LINE),
        ("sysctl -w net.ipv4.ip_forward=1", FIRST_LINE),
        ("# the cable\n%%netns\nip link", "%%netns must be the very first line; move what is above it below"),
        ("x = 1\n%%netns\nip link", "put %%netns and what follows into a cell of its own"),
        ("%%netns\nip link", None),
        ("%%netns red\nprint(", None),
        ("ip = (1,", None),
        ("ip.addr(", None),
        ("ping(", None),
        ("route[0", None),
        ("ip in x y", None),
        ("print 'ip link'", None),
        ("for ip in", None),
        ("", None),
    ],
)
def test_slip(source: str, expected: str | None) -> None:
    assert slip(source) == expected


@pytest.mark.parametrize(
    ("source", "tool"),
    [
        ("!ip addr", "!ip"),
        ("! sudo iptables -L", "!iptables"),
        ("x = 1\nlines = !ip -br link", "!ip"),
        ("!!brctl show", "!brctl"),
        ("%system sysctl -w net.ipv4.ip_forward=1", "!sysctl"),
        ("%%bash\nset -e\nip link", "%%bash runs ip "),
        ("\n%%sh\nfor i in 1 2; do sudo ip netns add n$i; done", "%%sh runs ip "),
        ("%%script bash\nnft list ruleset", "%%script runs nft "),
        ("!ls", None),
        ("!echo ip", None),
        ("%%bash\necho ip link", None),
        ("%%netns\nip link", None),
        ("print('!ip')", None),
        ("x != ip", None),
        ("", None),
    ],
)
def test_machine_warning(source: str, tool: str | None) -> None:
    found = machine_warning(source)
    assert found is None if tool is None else found is not None and found.startswith(tool)


# -- tables and robustness -----------------------------------------------------------------------------------------------


def test_the_tables_are_whole() -> None:
    assert len(PACKAGES) >= 60
    assert set(NATIVE) <= set(PACKAGES)
    assert set(NETWORK_TOOLS) <= set(PACKAGES)
    assert {"veth", "bridge", "vlan", "vxlan", "macvlan", "dummy"} <= set(MODULES)
    for code, sentence in say.table().items():
        assert "\n" not in sentence, code
        assert not sentence.endswith("."), code
        assert len(sentence) < 150, code


_numbers = st.sampled_from(sorted(set(errno.errorcode) & set(range(1, 134))))
_lines = st.sampled_from([case[0] for case in CASES]) | st.text(max_size=30)


@examples(700)
@given(
    _lines,
    _numbers,
    st.sampled_from([str(case[2].message) for case in CASES]) | st.text(max_size=30),
    st.sampled_from(["host", "red", "blue", "(lan)", "nowhere", ""]),
    st.dictionaries(
        st.sampled_from(["dev", "ns", "address", "name", "gateway", "master", "kind"]), st.text(max_size=6)
    ),
    st.sampled_from(
        [KernelRefused, CommandFailed, CommandNotFound, CommandTimeout, NamespaceNotFound, CommandSyntaxError]
    ),
)
def test_never_an_error(
    text: str, number: int, message: str, ns: str, subject: dict[str, str], kind: type[NsmagicError]
) -> None:
    error = KernelRefused(message, errno=number, subject=subject) if kind is KernelRefused else kind(message)
    run = parse(hints.split(text))
    for lab in (LAB, EMPTY, Snapshot()):
        found = hint(error, text, run if isinstance(run, Command) else None, lab, ns, {})
        assert found is None or (found and "\n" not in found.replace(text, ""))


@examples(1000)
@given(st.text(alphabet="!%ip lnet\n\t$#;'\"=()", max_size=40) | st.text(max_size=60))
def test_any_cell_can_be_asked_about(source: str) -> None:
    slip(source)
    machine_warning(source)
