"""Every sentence of the hints, by code, in one place: for whoever improves the wording, and for a translation.

Fields stand in braces and are filled by ``say``. What is filled in is data and never read as a format again.
"""

from __future__ import annotations

from nsmagic.printable import printable

SENTENCES: dict[str, str] = {
    # interfaces
    "dev-elsewhere": "{dev} is in {where}:  {fixed}",
    "dev-elsewhere-plain": "{dev} is in {where}, not in {ns}",
    "dev-in-host": "{dev} is in host; in a %%netns cell without a namespace:  {fixed}",
    "dev-moved-already": "{dev} is in {where} already{made}",
    "dev-close": "{ns} has {have}; did you mean {near}?",
    "dev-close-elsewhere": "{ns} has {have}; did you mean {near}? It is in {where}:  {fixed}",
    "dev-close-in-host": "{ns} has {have}; did you mean {near}? It is in host; in a %%netns cell without a namespace:  {fixed}",
    "dev-none": "{ns} has {have}",
    "dev-veth-gone": "{ns} has {have}; deleting one end of a veth deletes the other too, so {dev} may be gone already",
    "name-long": 'an interface name has at most 15 bytes; "{name}" has {size}',
    "name-bad": 'an interface name has no slash and no white space: "{name}"',
    "link-exists": "{name} exists already in {ns}{made}; run %lab reset and the cells again, or delete it",
    "link-exists-there": "{where} has a {name} already{made}; give this one another name first:  {fixed}",
    "link-immutable": "{dev} stays in its namespace; every namespace has its own",
    "link-lo": "lo cannot be deleted; it goes with its namespace",
    "link-busy": "{dev} is up; take it down first:  {fixed}",
    "mac-group": "the first byte of an interface's MAC is even, as in 02:00:00:00:00:01",
    "mac-form": "a MAC address has six bytes, as in 02:00:00:00:00:01",
    "mtu": "an Ethernet link takes 68 to 65535 bytes; 1500 is usual",
    "kind-missing": "the kernel here has no {kind} links: the module {module} is missing, and a lab cannot load it",
    "kind-close": 'the kernel knows no kind "{kind}"; did you mean {near}?',
    "kind-unknown": 'the kernel knows no kind "{kind}"; frequent ones are veth, bridge, vlan, vxlan, macvlan, dummy',
    "feature-missing": "the kernel here cannot do {feature}",
    # bridges
    "port-bridge": "{dev} is a bridge itself; connect two bridges with a veth, one end in each",
    "port-lo": "lo cannot be a port of a bridge",
    "port-none": "{dev} is no port of a bridge; put it into one:  {fixed}",
    "port-taken": "{dev} is a port of {master} already; take it out first:  {fixed}",
    "master-no-bridge": "{master} is no bridge but {kind}",
    # namespaces
    "ns-none": 'there is no namespace yet; make it with:  ip netns add {name}',
    "ns-close": "the namespaces are {known}; did you mean {near}?",
    "ns-known": "the namespaces are {known}; make it with:  ip netns add {name}",
    "ns-there": "the namespaces are {known}",
    "ns-pid": "{pid} is read as the number of a process, and no process of the lab has it; a namespace is given by its name",
    "ns-host": "host is the lab itself; leave the namespace away",
    "ns-exists": "the namespace {name} exists already{made}; run %lab reset and the cells again, or:  ip netns del {name}",
    "ns-busy": "something still uses {name}; its processes:  ip netns pids {name}",
    "ns-name": "the name of a namespace is a file's name: no slash in it, and not . or .. itself",
    # addresses
    "addr-exists": "{dev} has {address} already; ip addr replace takes it as it is",
    "addr-length": "{dev} has {address}/{prefixlen}; give the same length:  {fixed}",
    "addr-first": "{dev} has no address that could get it; give the address first:  ifconfig {dev} 10.0.0.1 netmask 255.255.255.0",
    "addr-have": "{dev} has {have}",
    "addr-have-none": "{dev} has no address",
    "addr-elsewhere": "{address} is on {dev}",
    "ipv6-off": "IPv6 is switched off on {dev}:  sysctl -w net.ipv6.conf.{dev}.disable_ipv6=0",
    # routes
    "gateway-own": "{gateway} is {ns}'s own address; a gateway is the neighbour that forwards",
    "gateway-down": "{gateway} is behind {dev}, which is down:  {fixed}",
    "gateway-off-link": "{gateway} is on no link of {ns}; its networks are {networks}",
    "gateway-no-address": "{gateway} cannot be reached: {ns} has no address and so no network yet",
    "gateway-single": "{gateway} is on no link of {ns}: {single} covers only itself; did you mean a length of 24?",
    "dev-down": "{dev} is down; a route needs it up:  {fixed}",
    "route-exists": "{ns} has a route to {dst} already ({route}); ip route replace changes it",
    "route-exists-kernel": "{ns} has the route to {dst} already: the kernel made it when {dev} got its address",
    "route-host-bits": "{dst} has bits behind its length; the network is {network}",
    "route-none": "{ns} has no such route; it has {have}",
    "route-none-at-all": "{ns} has no route at all",
    "route-no-egress": "a gateway fe80::… is on every link; say on which:  … dev IF",
    "route-no-dev": "a route needs a gateway or an interface:  … via GATEWAY, or … dev IF",
    "unreachable": "no route of {ns} covers {address}; %routes {ns} shows them",
    "unreachable-any": "no route of {ns} covers this address; %routes {ns} shows them",
    "why": "%why {words} explains",
    # neighbours, rules, forwarding database
    "neigh-exists": "{address} has an entry on {dev} already; ip neigh replace changes it",
    "neigh-none": "{ns} has no such entry; %arp {ns} shows them",
    "rule-exists": "the same rule is there already; ip rule shows it",
    "rule-none": "{ns} has no such rule; ip rule shows them",
    "fdb-exists": "{mac} has an entry on {dev} already; bridge fdb replace changes it",
    "fdb-none": "{dev} has no such entry; bridge fdb show dev {dev} lists them",
    # kernel parameters, rights
    "sysctl-none": "there is no such parameter; look for it with:  sysctl -a -r {word}",
    "sysctl-value": "{name} does not take {value}; most take a whole number, switches 0 or 1",
    "sysctl-machine": "{name} belongs to the whole machine and not to a network namespace; a lab cannot set it",
    "denied": "the lab may not do that: it reaches outside the lab, or needs a right that a lab does not have",
    # programs
    "not-found": "{name} is in the Debian package {package}:  sudo apt install {package}",
    "not-found-close": "did you mean {near}?",
    "not-found-namespace": "{name} is a namespace; a command follows it, as in:  %netns {name} ip addr",
    "pid-none": "no process of the lab has the number {pid}; ps -e lists them",
    "no-server": "nobody answers there: is a server listening (ss -ltn in its namespace), and does a ping arrive?",
    "bash-open": "something is opened and not closed: {mark} is missing",
    "bash-end": "if wants fi, for and while want done, case wants esac, {{ wants }}; one of them is missing",
    "name-lookup": "names are not looked up outside the lab; use an address, or write the name into the lab's /etc/hosts",
    "ping-endless": "ping goes on until it is stopped; -c 3 sends three",
    "ping-ended": "ended after {seconds} s; ping goes on until it is stopped, and -c 3 sends three",
    "timeout": "--timeout SECONDS gives it longer; --bg lets it run beside the next cells",
    "too-much": "keep a part of it (| head -100), or write it to a file in the lab (> /tmp/out)",
    "limit-namespaces": "the lab has as many namespaces as it may have; delete one, or start it with Lab(limits={{'namespaces': 1000}})",
    "limit-processes": "the lab has as many processes as it may have; %lab status lists them, %lab reset ends them all",
    "limit-memory": "memory is limited in a lab (%lab status shows by how much); Lab(limits={{'memory': BYTES}}) allows more",
    "limit-files": "the lab's /run (16 MiB), /tmp (64 MiB) and /dev/shm (16 MiB) are small; remove what fills them",
    "limit-file-size": "the size of a file is limited in a lab (%lab status shows it); Lab(limits={{'file_size': BYTES}}) allows more",
    "limit-cpu": "computing time is limited in a lab (%lab status shows it); Lab(limits={{'cpu_time': SECONDS}}) allows more",
    "not-done": "not done yet: this cell still has its stub",
    "not-done-how": "write your commands in place of the stub's lines",
    "full-screen": "nsmagic shell in JupyterLab's Terminal opens one in this lab; a cell writes a file with:  cat > FILE <<'EOF'",
    "top": "a cell is no terminal; top -b -n 1 prints its table once",
    "chain-none": "iptables -S lists the chains; if it is a target that is missing, the kernel here lacks it (%lab doctor)",
    "table-close": "the tables are filter, nat, mangle, raw, security; did you mean {near}?",
    "table-none": "the tables are filter, nat, mangle, raw, security",
    "target-close": "there is no chain or target {name}; did you mean {near}?",
    "target-none": "there is no chain or target {name}; iptables -N {name} makes a chain",
    "table-missing": "the kernel here lacks this part of the firewall; %lab doctor names what is missing",
    "nft-missing": "the kernel here has no nftables for this; iptables-legacy does what iptables does, where it is installed",
    # habits of other tools
    "ip-alone": "what of? ip link, ip addr, ip route, ip neigh, ip netns",
    "ip-gw": "ip says via where route says gw:  {fixed}",
    "ip-via": "a gateway has the word via before it:  {fixed}",
    "ip-netmask": "the length stands behind the address:  {fixed}",
    "ipv4-numbers": "{address}: each of the four numbers of an IPv4 address is 0 to 255",
    "outside-software": "{tool} installs on the machine, and not from within a lab: run it in a terminal of the machine",
    "outside-containers": "a lab cannot reach the machine's {tool}; the networks that it makes can be built by hand here",
    "outside-services": "no services are managed in a lab: start a program by itself, with & behind it",
    "outside-power": "nothing to end here but the lab:  %lab reset",
    "outside-modules": "a lab cannot load kernel modules; the machine's administrator can, outside",
    # the cell
    "inside-netns": "the lines of this cell are commands already: leave {magic} away",
    "inside-cell-magic": "{magic} is the first line of a cell, and each cell has one",
    "inside-magic": "{magic} is a magic of the notebook: it stands in a cell without %%netns",
    "inside-bang": "the lines of this cell are commands already: leave the ! away",
    "slip-no-magic": "put %%netns on the first line",
    "slip-comment": "%%netns must be the very first line; move what is above it below",
    "slip-mixed": "put %%netns and what follows into a cell of its own",
    "machine-bang": "!{tool} acts on the machine, not on the lab; in the lab it is:  %netns {tool} …",
    "machine-cell": "{magic} runs {tool} on the machine, not in the lab; with %%netns on the first line it acts on the lab",
}  # fmt: skip


def say(code: str, **fields: object) -> str:
    """The sentence of that code with its fields filled in.

    >>> say("unreachable", ns="red", address="10.9.9.9")
    'no route of red covers 10.9.9.9; %routes red shows them'
    """
    # Names come from people and from the kernel: what cannot be printed is shown as an escape.
    shown = {name: printable(value) if isinstance(value, str) else value for name, value in fields.items()}
    return SENTENCES[code].format(**shown)
