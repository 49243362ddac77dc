"""Reads firewalls: what ``iptables-save`` and ``nft`` say, as rows of the model, whichever tool made the rules.

``plan`` knows which tool to ask in a namespace, ``save`` and ``nft`` read the answers, ``words`` puts a rule into words, ``compare``
finds what changed between two readings. All of it is pure: ``agent/rules.py`` starts the tools, ``netlink/netfilter.py`` asks the
kernel which tables there are.
"""
