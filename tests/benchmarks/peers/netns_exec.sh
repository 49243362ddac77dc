#!/bin/bash
# As tutorials write it: the cable is made on the host, one end is moved, `ip netns exec` for everything inside. $1: how many.
began=$EPOCHREALTIME
ip link add br0 type bridge
ip link set br0 up
ip addr add 10.0.0.1/16 dev br0
for ((i = 0; i < $1; i++)); do
    host=10.0.$(((256 + i) / 256)).$(((256 + i) % 256))
    ip netns add h$i
    ip link add v$i type veth peer name p$i
    ip link set p$i netns h$i
    ip netns exec h$i ip link set p$i name eth0
    ip link set v$i master br0
    ip link set v$i up
    ip netns exec h$i ip link set lo up
    ip netns exec h$i ip addr add $host/16 dev eth0
    ip netns exec h$i ip link set eth0 up
    ip netns exec h$i ip route add default via 10.0.0.1
done
ended=$EPOCHREALTIME
source "${0%/*}/answer.sh"
