#!/bin/bash
# As few processes as iproute2 allows: one `ip -batch` for the host's side, one for the inside of each namespace. $1: how many.
began=$EPOCHREALTIME
{
    echo "link add br0 type bridge"
    echo "link set br0 up"
    echo "addr add 10.0.0.1/16 dev br0"
    for ((i = 0; i < $1; i++)); do
        echo "netns add h$i"
        echo "link add v$i type veth peer name eth0 netns h$i"
        echo "link set v$i master br0"
        echo "link set v$i up"
    done
} | ip -batch -
for ((i = 0; i < $1; i++)); do
    ip -n h$i -batch - <<END
link set lo up
addr add 10.0.$(((256 + i) / 256)).$(((256 + i) % 256))/16 dev eth0
link set eth0 up
route add default via 10.0.0.1
END
done
ended=$EPOCHREALTIME
source "${0%/*}/answer.sh"
