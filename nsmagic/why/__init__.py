"""Why does a packet not arrive? ``lab.why(src, dst)`` walks what the kernel would do with it, out and back, and names the first
thing that stops it.

``gather`` reads the lab and sends a probe, which gives a ``Situation``; the rest is reasoning over that frozen data, one module
for each concern: ``wire`` (cables, bridges, VLANs, tunnels), ``fib`` (which rule and route decide), ``routes`` (no route, a wrong
one), ``gateways`` (which neighbour knows the way), ``addresses`` (none, or a wrong one), ``neighbours`` (who answers for an address),
``forwarding``, ``filters``, ``sockets``; ``walk`` puts them in the kernel's order and ``judge`` compares what was read with what the probe met. ``following`` says what comes behind that: ``supposing`` carries the fix out on a copy (``draft``) of what was
read, ``answering`` says where packets would go then, ``passing`` which rule would drop them. Sentences are made in ``sentences``, what people see is the ``Verdict``.
"""
