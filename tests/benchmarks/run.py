#!/usr/bin/env python
"""The benchmarks, one command: ``python tests/benchmarks/run.py [--quick] [--write] [--profile] [NAMES…]``.

Prints each group as a table of ratios taken within shuffled rounds, then the bars of the issue on speed, met or not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

# A script's own folder comes first in sys.path; here its modules are a package of the repository.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from tests.benchmarks import bars, groups, place  # noqa: E402


def main(words: list[str]) -> int:
    """Run what is asked for; 0 when everything could be measured."""
    parser = argparse.ArgumentParser(prog="tests/benchmarks/run.py", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"groups to run: {', '.join(groups.GROUPS)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="small numbers, within two minutes")
    parser.add_argument("--rounds", type=int, help="shuffled rounds (default: 5; quick: 3)")
    parser.add_argument("--profile", action="store_true", help="say where our time goes instead of how much it is")
    parser.add_argument("--sizes", help="numbers of namespaces to build, such as 10,100")
    options = parser.parse_args(words)
    unknown = [name for name in options.names if name not in groups.GROUPS]
    if unknown:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(groups.GROUPS)}")
    sizes = tuple(int(each) for each in options.sizes.split(",")) if options.sizes else None
    if options.profile:
        return _profile(sizes or (100,))
    plan = groups.Plan(options.quick, options.rounds or (3 if options.quick else 5), sizes, _say)
    place.prepare()
    print(time.strftime("%Y-%m-%d %H:%M %z"), *place.machine(), sep="\n")
    for name in options.names or groups.GROUPS:
        began = time.monotonic()
        for text in groups.GROUPS[name](plan):
            _say("")
            print("\n" + text, flush=True)
        print(f"({name}: {time.monotonic() - began:.0f} s)", flush=True)
    print("\n" + bars.table(plan.bars))
    return 0


def _profile(sizes: tuple[int, ...]) -> int:
    place.prepare()
    for count in sizes:
        for what in ("build", "read"):
            words = [sys.executable, "-m", "tests.benchmarks.spent", what, str(count)]
            subprocess.run(place.sandboxed(words), check=True, timeout=300, env=place.environment())
    return 0


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text[:110]}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
