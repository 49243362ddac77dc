"""The lab's own process: launcher, pid 1, frames, processes; and the client that talks to it from the notebook.

``launcher.py`` makes the namespaces and becomes the lab's pid 1 (standard library only), ``server.py`` answers requests in
it (with the state in ``holder.py``, and ``programs.py`` for processes), ``protocol.py`` is the frame format of both ends, ``client.py``
the notebook's end.
"""
