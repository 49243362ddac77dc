"""What each cause means, in two sentences for a beginner, by code; and the first thing to look at, for ``--hint``.

A code with several shapes has a sentence for each, named by ``Finding.say``. Fields in braces are filled from the finding's facts,
with ``ns``, ``dev``, ``where`` always there.
"""

from __future__ import annotations

from nsmagic.printable import printable
from nsmagic.why.finding import Finding

SENTENCES: dict[str, str] = {
    "link-down": "{dev} of {ns} is switched off, so nothing goes in or out by it. A new interface is down until somebody sets it up.",
    "peer-down": "The cable from {other} ends at {where}, and that end is switched off. A cable works only when both ends are up.",
    "loopback-down": "{ns} talks to itself by way of lo, and lo is down. A new namespace has its lo down until somebody sets it up.",
    "no-carrier": "{dev} of {ns} is up, but has no carrier: nobody is at the other end. It is as if the plug were out.",
    "no-carrier-peer": "{dev} of {ns} is one end of a cable whose other end is outside of this lab, or gone. Nobody in the lab is behind it.",
    "no-carrier-bridge": "{dev} of {ns} is a switch in which no cable is plugged. What is sent into it comes out nowhere.",
    "not-plugged": "{ns} has no interface but lo: no cable is plugged in. One lies about as {cable}.",
    "not-plugged-none": "{ns} has no interface but lo: no cable is plugged in. It needs a veth, one end here and one with the other.",
    "no-address": "{dev} of {ns} has no address of this family, so {ns} cannot say who it is, nor who is its neighbour. Routes come with addresses.",
    "prefix-length": "{ns} has {address}, so it believes that nobody else is on this cable; {table}.",
    "prefix-narrow": "{ns} has {address} on {dev}, a network too small to hold {dst}. So {ns} does not look for it on this cable, where it is.",
    "prefix-wide": "{ns} has {address}, so it believes that {dst} is on its own cable, and asks for it there in vain. With /{length} it would give the packet to a gateway.",
    "wrong-subnet": "{ns} has {address} and {other} has {theirs}: one wire, but two networks. Neighbours must have addresses of the same network.",
    "duplicate-address": "{address} is there twice, at {places}. Whoever answers first gets the packets, and that changes from one minute to the next.",
    "source-mine": "{ns} has {address} itself, which is also the sender's address. A packet that comes in with one's own address is taken for a forgery, and dropped.",
    "duplicate-mac": "{one} and {other} have the same MAC address {mac}. A switch learns where a MAC is from what it sends, and now sends everything to whoever spoke last.",
    "address-not-local": "{ns} asked on {dev} who has {dst}, and nobody does. No interface of this lab that could hear it has this address.",
    "tentative": "{address} of {ns} is tentative: the kernel still asks whether somebody else has it, for a second or two. Until then it is not used.",
    "no-route": "No route of {ns} covers {dst}, so {ns} does not know where to send it. {gateway} on its own network knows the way, and could be its gateway.",
    "no-route-no-gateway": "No route of {ns} covers {dst}, so {ns} does not know where to send it. Nobody on its own networks knows a way either.",
    "no-route-connected": "{ns} has an address in {network}, but no route to that network. The kernel makes it with the address, and somebody took it away.",
    "blackhole-route": "{ns} has a route of type {type} to {route}: what is sent to {dst} is thrown away on purpose. A route of this type is a wall.",
    "wrong-route": "{ns} sends what is for {dst} out by {dev} (route {route}), but it is at {other}, which cannot be reached there. The most specific route wins, also when it is wrong.",
    "wrong-gateway": "{ns} gives what is for {dst} to {gateway} (route {route}), but that is {other}, which is no router. {better} is one that knows the way.",
    "gateway-off-link": "The gateway {gateway} is in no network that {ns} has on {dev}. A gateway must be a direct neighbour.",
    "gateway-unreachable": "{ns} asked on {dev} who has {gateway}, its gateway, and nobody does. Packets to other networks cannot leave without it.",
    "gateway-elsewhere": "{ns} asked on {dev} who has {gateway}, its gateway, and nobody there does: it belongs to {others}. Packets to other networks cannot leave without it.",
    "no-forwarding": "{ns} got the packet for {dst} and threw it away: it is no router, as {name} is 0. A machine passes on what is for others only when told to.",
    "dropped-by-rule": "A firewall rule in {ns} dropped {what}: {rule}. The sender is told nothing, so it waits in vain.",
    "dropped-by-policy": "The policy of chain {chain} in {ns} dropped {what}: no rule of the chain accepted it. The sender is told nothing, so it waits in vain.",
    "rejected-by-rule": "A firewall rule in {ns} rejected {what}: {rule}. The sender gets an error back at once.",
    "bridge-netfilter": "The frame only passes through a switch in {ns}, but {name} hands it to the firewall all the same, and there {rule} dropped it. With that set to 0, frames of a bridge pass.",
    "rp-filter": "{ns} does not believe that {src} is behind {dev}: its own route to {src} goes by {via}. With rp_filter on, such packets are dropped.",
    "rp-filter-none": "{ns} does not believe that {src} is behind {dev}: it has no route to {src} at all. With rp_filter on, such packets are dropped.",
    "arp-unanswered": "The question who has {dst} reaches {ns} by {dev}, but it does not answer. Without a MAC address nothing can be sent.",
    "arp-off": "The question who has {dst} reaches {dev} of {ns}, where ARP is switched off, so nobody answers. Without a MAC address nothing can be sent.",
    "arp-off-here": "ARP is switched off on {dev} of {ns}, so it never asks who has {dst}. Without a MAC address nothing reaches the other.",
    "arp-ignore": "The question who has {dst} reaches {ns} by {dev}, but arp_ignore is {value} there, so it does not answer. Without a MAC address nothing can be sent.",
    "address-on-other": "The question who has {dst} reaches {ns} by {dev}, but there the address is on {holder}. For IPv6 an interface answers only for its own addresses.",
    "wrong-static-neighbour": "{ns} has a fixed neighbour entry that says {dst} is {mac}, but {owner} has {right}. So it sends to a MAC that the receiver ignores, and asks nobody.",
    "neighbour-outdated": "{ns} remembers that {dst} is {mac}, but {owner} has {right} now. It will ask again in some seconds, when nobody answers; until then its packets are lost.",
    "bridge-down": "The switch {dev} in {ns} is down, so no frame passes through it. Its ports may be up all the same.",
    "bridge-port-down": "{dev} is plugged into the switch {bridge} in {ns}, but is down itself. The cable in this port is dead.",
    "not-enslaved": "{dev} lies in {ns} beside the switch {bridge}, but is not plugged into it. What comes in by this cable goes nowhere.",
    "bridge-port-blocked": "The switch {bridge} does not pass frames through its port {dev}: its state is {state}. Only a port in state forwarding does.",
    "port-stp": "The switch {bridge} does not yet pass frames through its port {dev}: its state is {state}. Spanning tree waits half a minute before it forwards, in case there is a loop.",
    "port-isolated": "The ports of the two on the switch {bridge} are isolated from each other, {dev} among them. Isolated ports may talk to the others only.",
    "vlan-mismatch": "The frame reaches {where} with {got}, but {wants} is expected there. Both ends must agree on the VLAN.",
    "vlan-port": "The port {dev} of the switch in {ns} does not carry this VLAN ({got}). The switch throws the frame away.",
    "vxlan": "{where} is vxlan {mine}, but {other} is {theirs}. Both ends must agree on number and port.",
    "no-return-route": "The packet for {src} reaches {ns}, but the answer does not come back: {ns} has no route to {dst}. {gateway} could be its gateway.",
    "no-return-route-no-gateway": "The packet arrives, but the answer does not come back: {ns} has no route to {dst}. A route must lead there and back.",
    "nat-missing": "The packet arrives with the sender's own address {src}, and {at} has no way back to that. {router} should put its own address there as the packet leaves by {dev}: NAT.",
    "nat-wrong": "{ns} translates the sender's address to {address}, and answers to that do not come back to {ns}. It must be an address that {ns} has itself.",
    "nat-wrong-destination": "{ns} translates the destination to {address}, and nobody can be reached at that address. The rule of {ns} names the wrong one.",
    "mtu": "Small packets pass, but those of {size} bytes are lost: {dev} of {ns} takes at most {mtu}. Both ends of a cable, and all on a switch, must agree on the MTU.",
    "ttl": "Each router takes one off the packet's time to live, and {origin} gives it only {limit}. It died at {ns}.",
    "port-closed": "The packet arrives at {ns}, but no program waits on {proto} port {port} there. Programs wait on {have}.",
    "port-closed-none": "The packet arrives at {ns}, but no program waits on {proto} port {port} there. A server has to be started first.",
    "wrong-listen-address": "A program in {ns} waits on port {port}, but only at {have}, not at {dst}. It has to be told to listen at this address, or at all of them (0.0.0.0).",
    "echo-ignored": "The echo arrives at {ns}, but {name} is 1 there, so it does not answer pings. Everything else may work.",
    "policy-rule": "Rule {priority} of {ns} is {action}: what it fits, {dst} among them, is refused before any route is looked up. Rules come before routes.",
    "policy-main": "{ns} has a route for {dst} in its main table, but no rule of it leads there. Rules say which table is looked up.",
    "policy-table": "Rule {priority} of {ns} sends what is for {dst} to table {table}, whose route leads out by {dev}, where it is not. Rules come before the main table.",
    "loop": "The packet for {dst} goes round between {routers}, each of which thinks the other knows the way. It dies when its time to live is used up.",
    "bridge-loop": "The switches {routers} are connected twice, and spanning tree is off. Broadcasts go round for ever and fill the cables.",
    "ipv6-disabled": "IPv6 is switched off in {ns} ({where}), so it has no IPv6 address there. It must be on at both ends.",
    "not-supported": "The packet leaves by {dev}, a link of kind {kind}, and nsmagic cannot follow it there. What is behind it has to be looked at with other tools.",
    "not-unicast": "{dev} is not the address of one machine but {kind}. %why follows packets to one receiver only.",
    "unknown": "The packet was seen last at {where}, and nothing that was read explains why it went no further. The evidence below is what is known.",
}

#: The first nudge of ``--hint``, by code.
HINTS: dict[str, str] = {
    "link-down": "Look at the interfaces of {ns}: which of them are up?",
    "peer-down": "A cable has two ends. Look at both.",
    "loopback-down": "Even talking to oneself needs an interface.",
    "no-carrier": "Look at {dev} of {ns}: it is up, but is anybody at the other end?",
    "not-plugged": "Count the interfaces of {ns}.",
    "no-address": "Look at the addresses of {ns}.",
    "prefix-length": "Look at the addresses of {ns}: which networks does it believe are on its cables?",
    "wrong-subnet": "Compare the networks of the two addresses.",
    "duplicate-address": "Who answers for the address? Look at all of %addrs.",
    "duplicate-mac": "Look at the MAC addresses: %links.",
    "address-not-local": "Who has this address? Look at %addrs.",
    "address-tentative": "Look at the flags of the address, and wait a moment.",
    "no-route": "Look at the routes of {ns}: does one of them cover the address?",
    "blackhole-route": "Look at the routes of {ns}: does one of them refuse on purpose?",
    "wrong-route": "Ask {ns} which route it takes: ip route get.",
    "gateway-off-link": "Look at the gateway of {ns}: is it a neighbour?",
    "gateway-unreachable": "Ping the gateway of {ns} first.",
    "no-forwarding": "Who has to pass the packet on, and does it?",
    "dropped-by-rule": "Look at the firewall of {ns}, with counters.",
    "rejected-by-rule": "Look at the firewall of {ns}, with counters.",
    "bridge-netfilter": "Does a switch ask the firewall? Look at {ns}.",
    "rp-filter": "By which interface would {ns} answer, and by which did the packet come?",
    "arp-unanswered": "Look at %arp: is the neighbour known?",
    "wrong-static-neighbour": "Compare %arp of {ns} with the MAC addresses in %links.",
    "bridge-down": "Look at the switch in {ns}.",
    "bridge-port-down": "Look at the ports of the switch in {ns}.",
    "not-enslaved": "Which cables are plugged into the switch in {ns}?",
    "bridge-port-blocked": "Look at the state of the switch's ports: bridge link.",
    "vlan-mismatch": "Compare the VLANs on the way.",
    "no-return-route": "The packet arrives. What does the answer need?",
    "nat-missing": "Does the other side know the way back to your private address?",
    "nat-wrong": "Which address does the packet carry behind the router?",
    "mtu": "Small packets pass. Try ping -s 1400 -M do.",
    "ttl": "How many routers may the packet pass?",
    "port-closed": "Does anybody listen? ss -ltn.",
    "wrong-listen-address": "At which address does the program listen? ss -ltn.",
    "echo-ignored": "Does it answer pings at all?",
    "policy-rule": "Rules come before routes: ip rule.",
    "loop": "Follow the packet from router to router with ip route get.",
    "ipv6-disabled": "Is IPv6 on in {ns}?",
    "not-supported": "Look at the kind of the interface.",
    "unknown": "Look at where the packet was seen last: the evidence of the verdict.",
}


def explain(finding: Finding) -> str:
    """The sentences of a finding.

    >>> explain(Finding("bridge-down", "host", "v-net-0"))
    'The switch v-net-0 in host is down, so no frame passes through it. Its ports may be up all the same.'
    """
    template = SENTENCES[finding.say or finding.code]
    facts = {"ns": finding.ns, "dev": finding.dev or finding.ns, "where": finding.where, **finding.facts}
    return printable(template.format_map({key: str(value) for key, value in facts.items()}))


def nudge(finding: Finding) -> str:
    """The first step of ``--hint``: where to look, and no more."""
    facts = {"ns": finding.ns, "dev": finding.dev or finding.ns}
    return printable(HINTS[finding.code].format_map(facts))
