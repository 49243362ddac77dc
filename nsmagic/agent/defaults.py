"""Puts the kernel's own defaults where a new namespace copied the machine's settings.

A new network namespace does not start from compiled defaults: the kernel copies ``net.ipv4.conf.{all,default}`` from the
machine's root namespace (``devinet_init_net`` in net/ipv4/devinet.c), whoever makes it and however deep. With Docker on the
machine every room would forward; with systemd's defaults every room would have ``rp_filter=2``. A lab is the same everywhere,
so the agent compares its own first namespace, still untouched, with the table below, and writes the differences there and in
every namespace to come.

IPv6's ``conf`` is copied only where the machine has ``net.core.devconf_inherit_init_net`` 1 or 3; it is compared too.

Also copied, and left as it is: ``tcp_rmem`` and ``tcp_wmem`` (their defaults depend on the machine's memory),
``tcp_congestion_control`` (a namespace may not choose all of them), and the ``neigh`` parameters of each new interface (they come
from the machine's ``neigh.default``, which a namespace cannot see). Not copied, but constants in every new namespace: port and
ping ranges, ``icmp_*``, ``fib_*``, connection tracking, ``bridge-nf-call-*`` (1 when br_netfilter is loaded), ``somaxconn``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_NET = "/proc/sys/net"

#: ``net.ipv4.conf.all`` and ``.default`` of Linux 5.10 to 6.18 (net/ipv4/devinet.c): what is not 0 stands first.
_IPV4: Mapping[str, str] = {
    "accept_redirects": "1", "arp_evict_nocarrier": "1", "igmpv2_unsolicited_report_interval": "10000",
    "igmpv3_unsolicited_report_interval": "1000", "secure_redirects": "1", "send_redirects": "1", "shared_media": "1",
    **dict.fromkeys((
        "accept_local", "accept_source_route", "arp_accept", "arp_announce", "arp_filter", "arp_ignore", "arp_notify",
        "bc_forwarding", "bootp_relay", "disable_policy", "disable_xfrm", "drop_gratuitous_arp",
        "drop_unicast_in_l2_multicast", "force_igmp_version", "forwarding", "ignore_routes_with_linkdown", "log_martians",
        "medium_id", "promote_secondaries", "proxy_arp", "proxy_arp_pvlan", "route_localnet", "rp_filter", "src_valid_mark",
        "tag",
    ), "0"),
}  # fmt: skip
_IPV4_DEFAULT: Mapping[str, str] = {**_IPV4, "accept_source_route": "1"}

#: ``net.ipv6.conf.all`` and ``.default`` (net/ipv6/addrconf.c), without what is a value of each machine or link.
_IPV6: Mapping[str, str] = {
    "accept_ra": "1", "accept_ra_defrtr": "1", "accept_ra_min_hop_limit": "1", "accept_ra_mtu": "1", "accept_ra_pinfo": "1",
    "accept_ra_rtr_pref": "1", "accept_redirects": "1", "autoconf": "1", "dad_transmits": "1", "enhanced_dad": "1",
    "hop_limit": "64", "max_addresses": "16", "mldv1_unsolicited_report_interval": "10000",
    "mldv2_unsolicited_report_interval": "1000", "ndisc_evict_nocarrier": "1", "ra_defrtr_metric": "1024",
    "router_probe_interval": "60", "router_solicitation_delay": "1", "router_solicitation_interval": "4",
    "router_solicitation_max_interval": "3600", "router_solicitations": "-1", "suppress_frag_ndisc": "1",
    **dict.fromkeys((
        "accept_dad", "accept_ra_from_local", "accept_ra_min_lft", "accept_ra_rt_info_max_plen",
        "accept_ra_rt_info_min_plen", "accept_source_route", "accept_untracked_na", "addr_gen_mode", "disable_ipv6",
        "disable_policy", "drop_unicast_in_l2_multicast", "drop_unsolicited_na", "force_forwarding", "force_mld_version",
        "force_tllao", "forwarding", "ignore_routes_with_linkdown", "keep_addr_on_down", "ndisc_notify", "ndisc_tclass",
        "optimistic_dad", "proxy_ndp", "use_oif_addrs_only", "use_optimistic", "use_tempaddr",
    ), "0"),
}  # fmt: skip
_IPV6_DEFAULT: Mapping[str, str] = {**_IPV6, "accept_dad": "1"}

#: Writing it changes others too (``forwarding`` of all interfaces, ``accept_redirects`` of all), so it comes first.
_FIRST = "forwarding"


class Deviation(NamedTuple):
    """A setting that is not the kernel's default: where it is, the default, and what was copied."""

    path: str
    default: str
    copied: str


def deviations(net: str = _NET) -> list[Deviation]:
    """What a new namespace has that is not the kernel's default, in the order in which to write it.

    To be called in a namespace in which nobody has changed anything yet, with its interfaces as the kernel made them. ``net``
    is where the parameters lie.
    """
    found: list[Deviation] = []
    for family, all_, default in (("ipv4", _IPV4, _IPV4_DEFAULT), ("ipv6", _IPV6, _IPV6_DEFAULT)):
        conf = f"{net}/{family}/conf"
        found += _compare(f"{conf}/all", all_)
        copied = list(_compare(f"{conf}/default", default))
        found += copied
        # An interface took the values of "default" when it was made; some it then set by itself (lo: disable_policy).
        for interface in _interfaces(conf):
            for deviation in copied:
                path = f"{conf}/{interface}/{os.path.basename(deviation.path)}"
                if _read(path) == deviation.copied:
                    found.append(deviation._replace(path=path))
    return sorted(found, key=lambda deviation: os.path.basename(deviation.path) != _FIRST)


def apply_defaults(found: Sequence[Deviation], *, touched: bool = False) -> list[str]:
    """Write the defaults in the current namespace. Returns what could not be set, in words; nothing when all could.

    With ``touched`` the namespace may have had users before us: only what still has the copied value is written.

    >>> apply_defaults([Deviation("/proc/sys/net/ipv4/no_such_parameter", "0", "1")])
    []
    """
    failed: dict[str, list[str]] = {}
    for path, default, copied in found:
        if touched and _read(path) != copied:
            continue
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, default.encode())
            finally:
                os.close(fd)
        except FileNotFoundError:
            # This namespace lacks what the first one had: an interface of a module loaded since, say.
            continue
        except OSError as error:
            # Something written before may have set it along.
            if _read(path) != default:
                name = path.removeprefix("/proc/sys/").translate(str.maketrans("./", "/."))
                failed.setdefault(error.strerror or str(error), []).append(f"{name}={copied}")
    return [
        f"kernel parameters stay as the machine has them ({why}): {', '.join(names)}" for why, names in failed.items()
    ]


def _compare(folder: str, table: Mapping[str, str]) -> Iterator[Deviation]:
    for name, default in table.items():
        path = f"{folder}/{name}"
        value = _read(path)
        if value is not None and value != default:
            yield Deviation(path, default, value)


def _interfaces(conf: str) -> list[str]:
    try:
        return sorted(set(os.listdir(conf)) - {"all", "default"})
    except OSError:
        return []  # no such family in this kernel


def _read(path: str) -> str | None:
    """A value; None when this kernel has no such parameter."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 64).decode().strip()
    except OSError:
        return None
    finally:
        os.close(fd)
