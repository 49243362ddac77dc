"""How fast nsmagic is, beside a C program that sends the same messages and beside what a user could take instead.

One command, ``python tests/benchmarks/run.py``; RESULTS.md holds what it last wrote. No test asserts on time.
"""
