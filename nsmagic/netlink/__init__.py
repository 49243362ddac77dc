"""The kernel's side of the lab: the only package that uses pyroute2, and the only one that opens netlink sockets.

``socket.py`` opens and keeps one socket per namespace; ``encode.py``/``decode.py`` are the small codec for the hot messages;
``apply.py`` does what a ``Command`` says; ``dump.py`` reads tables; ``follow.py`` takes in the events of all namespaces, and
``monitor.py`` answers what is so now and what changed.
Everything here runs in the agent's one thread.
"""
