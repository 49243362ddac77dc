#!/bin/bash
# A person's script: one `ip` process for each command, `ip -n` for those inside. $1: how many namespaces.
began=$EPOCHREALTIME
ip link add br0 type bridge
ip link set br0 up
ip addr add 10.0.0.1/16 dev br0
for ((i = 0; i < $1; i++)); do
    host=10.0.$(((256 + i) / 256)).$(((256 + i) % 256))
    ip netns add h$i
    ip link add v$i type veth peer name eth0 netns h$i
    ip link set v$i master br0
    ip link set v$i up
    ip -n h$i link set lo up
    ip -n h$i addr add $host/16 dev eth0
    ip -n h$i link set eth0 up
    ip -n h$i route add default via 10.0.0.1
done
ended=$EPOCHREALTIME
source "${0%/*}/answer.sh"
