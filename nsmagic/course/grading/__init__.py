"""Grading: every submission's kernel runs confined, and what counts is looked at from outside that kernel.

::

    nsmagic grade (marks.py)              the teacher's process: merges each submission with the teacher's copy, watches time and memory
      └─ sandbox/jail.py                  becomes a plain user; namespaces, a root of its own, no network, a scratch folder
           └─ supervisor.py   (pid 1)     runs the cells one by one; starts the labs; the teacher's checks run here
                ├─ sandbox/cage.py        the student's ipykernel, in a user and pid namespace of its own, with limits
                └─ labs                   lent to the kernel (sandbox/lent.py), and looked at by the checks through their door

The kernel cannot see the supervisor (another pid namespace), nor the solutions, the home, other submissions. Whatever happens to it
(an endless loop, a fork bomb, a kill), the checks go on with the lab as it left it.
"""
