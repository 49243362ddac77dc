"""Which Debian package has a tool, which kernel module a kind of link: what a hint says is missing.

Facts of Debian 12 and Ubuntu 24.04, and of Linux 6.
"""

from __future__ import annotations

#: Tool → Debian package.
PACKAGES: dict[str, str] = {
    "arp": "net-tools", "arp-scan": "arp-scan", "arping": "iputils-arping", "arptables": "arptables",
    "avahi-browse": "avahi-utils", "bird": "bird2", "bpftool": "bpftool", "bpftrace": "bpftrace", "brctl": "bridge-utils",
    "bridge": "iproute2", "capsh": "libcap2-bin", "conntrack": "conntrack", "ctr": "containerd", "curl": "curl",
    "dhclient": "isc-dhcp-client", "dhcpcd": "dhcpcd-base", "dig": "dnsutils", "dnsmasq": "dnsmasq-base", "docker": "docker.io",
    "dot": "graphviz", "ebtables": "ebtables", "ethtool": "ethtool", "fping": "fping", "ftp": "tnftp", "getcap": "libcap2-bin",
    "haproxy": "haproxy", "host": "bind9-host", "hping3": "hping3", "ifconfig": "net-tools", "ifdown": "ifupdown",
    "ifenslave": "ifenslave", "ifstat": "ifstat", "iftop": "iftop", "ifup": "ifupdown", "inotifywait": "inotify-tools",
    "ip": "iproute2", "ip6tables": "iptables", "ip6tables-save": "iptables", "ipcalc": "ipcalc", "iperf": "iperf",
    "iperf3": "iperf3", "ipset": "ipset", "iptables": "iptables", "iptables-restore": "iptables", "iptables-save": "iptables",
    "iptraf-ng": "iptraf-ng", "ipvsadm": "ipvsadm", "iwconfig": "wireless-tools", "jq": "jq", "keepalived": "keepalived",
    "killall": "psmisc", "less": "less", "lldpctl": "lldpd", "lsof": "lsof", "ltrace": "ltrace", "lxc-ls": "lxc",
    "make": "make", "mausezahn": "netsniff-ng", "mii-tool": "net-tools", "modprobe": "kmod", "mtr": "mtr-tiny",
    "named": "bind9", "nc": "netcat-openbsd", "ncat": "ncat", "ndisc6": "ndisc6", "netcat": "netcat-openbsd",
    "netperf": "netperf", "netserver": "netperf", "netstat": "net-tools", "nft": "nftables", "nginx": "nginx-light",
    "ngrep": "ngrep", "nmap": "nmap", "nmcli": "network-manager", "nping": "nmap", "nsenter": "util-linux",
    "nslookup": "dnsutils", "openvpn": "openvpn", "ovs-ofctl": "openvswitch-switch", "ovs-vsctl": "openvswitch-switch",
    "pgrep": "procps", "ping": "iputils-ping", "ping4": "iputils-ping", "ping6": "iputils-ping", "pkill": "procps",
    "podman": "podman", "ps": "procps", "pstree": "psmisc", "python3": "python3", "radvd": "radvd", "rdisc6": "ndisc6",
    "route": "net-tools", "rtmon": "iproute2", "sipcalc": "sipcalc", "snmpwalk": "snmp", "socat": "socat", "ss": "iproute2",
    "ssh": "openssh-client", "sshd": "openssh-server", "strace": "strace", "sudo": "sudo", "sysctl": "procps", "tc": "iproute2",
    "tcpdump": "tcpdump", "tcptraceroute": "tcptraceroute", "teamd": "libteam-utils", "telnet": "telnet", "tftp": "tftp-hpa",
    "top": "procps", "tracepath": "iputils-tracepath", "traceroute": "traceroute", "tree": "tree", "tshark": "tshark",
    "tunctl": "uml-utilities", "udhcpc": "udhcpc", "unbound": "unbound", "unshare": "util-linux", "vconfig": "vlan",
    "vim": "vim", "virsh": "libvirt-clients", "vtysh": "frr", "watch": "procps", "wg": "wireguard-tools",
    "wg-quick": "wireguard-tools", "wget": "wget", "whois": "whois", "xtables-monitor": "iptables",
}  # fmt: skip

#: Tools whose plain commands nsmagic does itself, installed or not.
NATIVE = ("ip", "bridge", "brctl", "arp", "route", "ifconfig", "sysctl", "ping", "ping4", "ping6")

#: Programs that draw on a whole screen.
FULL_SCREEN = frozenset(
    {
        "atop", "bmon", "btop", "emacs", "htop", "iftop", "mc", "nano", "nethogs", "nload", "nvim", "pico", "screen", "tmux",
        "vi", "vim", "watch",
    }
)  # fmt: skip

#: Tools that change or show the network of the machine when they are started outside the lab.
NETWORK_TOOLS = frozenset(
    {
        *NATIVE, "iptables", "ip6tables", "iptables-save", "iptables-restore", "nft", "tc", "ethtool", "conntrack", "ipset",
        "ovs-vsctl", "nsenter", "unshare", "tcpdump", "wg", "wg-quick", "vconfig", "tunctl", "dhclient", "ipvsadm", "ebtables",
    }
)  # fmt: skip

#: Kind of link → the kernel module that brings it.
MODULES = {
    "bareudp": "bareudp", "batadv": "batman-adv", "bond": "bonding", "bridge": "bridge", "can": "can-dev", "dummy": "dummy",
    "erspan": "ip_gre", "geneve": "geneve", "gre": "ip_gre", "gretap": "ip_gre", "gtp": "gtp", "hsr": "hsr", "ifb": "ifb",
    "ip6gre": "ip6_gre", "ip6tnl": "ip6_tunnel", "ipip": "ipip", "ipvlan": "ipvlan", "ipvtap": "ipvtap", "macsec": "macsec",
    "macvlan": "macvlan", "macvtap": "macvtap", "netdevsim": "netdevsim", "nlmon": "nlmon", "sit": "sit", "team": "team",
    "vcan": "vcan", "veth": "veth", "vlan": "8021q", "vrf": "vrf", "vti": "ip_vti", "vxcan": "vxcan", "vxlan": "vxlan",
    "wireguard": "wireguard", "xfrm": "xfrm_interface",
}  # fmt: skip
#: The disciplines of queueing of ``tc``; the module of each is ``sch_`` and its name.
QDISCS = frozenset(
    ["cake", "cbs", "choke", "clsact", "codel", "drr", "ets", "etf", "fq", "fq_codel", "fq_pie", "gred", "hfsc", "hhf", "htb", "ingress",
     "mqprio", "multiq", "netem", "pie", "plug", "prio", "qfq", "red", "sfb", "sfq", "skbprio", "taprio", "tbf", "teql"]
)  # fmt: skip
