"""A stand-in for a notebook's kernel, to be killed: starts a lab, tells its pids, and keeps running cells.

``python notebook.py KIND NAMESPACES`` prints one line of JSON when the lab is there, then builds and uses namespaces until
it is killed. Run by tests as a process of its own.
"""

from __future__ import annotations

import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from nsmagic import Lab


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def main(kind: str, count: int, mode: str) -> None:
    lab = Lab(sandbox=kind, limits={"namespaces": max(256, count + 8), "processes": 4096})
    say(launcher=lab.pid, lab=lab.status()["lab"])
    if mode == "fork" and os.fork() == 0:
        # A living copy that holds every descriptor the kernel had.
        threading.Event().wait(60)
        os._exit(0)
    names = [f"n{i}" for i in range(count)]
    build = "\n".join(
        f"ip netns add {name}\nip link add v{at} type veth peer name e netns {name}\nip -n {name} link set e up"
        for at, name in enumerate(names)
    )
    lab.run(build).check()
    if mode == "stubborn":
        for name in names:
            lab.run(
                "trap '' INT TERM; echo; while :; do read -t 1000 x < <(:) || exec tail -f /dev/null; done",
                name,
                background=True,
            )
    say(built=count)
    while True:
        lab.run(
            "for i in 1 2 3; do echo $i; done\nip netns exec n0 ping -c 1 -W 1 127.0.0.1\nyes | head -c 100000 > /dev/null"
        )
        lab.run("ip netns add extra\nip -n extra link set lo up\nping -c 1 127.0.0.1\nip netns del extra")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
