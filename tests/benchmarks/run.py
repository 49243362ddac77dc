#!/usr/bin/env python
"""The benchmarks, one command: ``python tests/benchmarks/run.py [--quick] [--write] [--install-peers] [--profile] [NAMES…]``.

Prints each group as a table of ratios taken within shuffled rounds, then the bars of the issue on speed, met or not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

# A script's own folder comes first in sys.path; here its modules are a package of the repository.
sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from tests.benchmarks import bars, groups, peers, place, spent  # noqa: E402


def main(words: list[str]) -> int:
    """Run what is asked for; 0 when everything could be measured."""
    parser = argparse.ArgumentParser(prog="tests/benchmarks/run.py", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"groups to run: {', '.join(groups.GROUPS)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="small numbers, within two minutes")
    parser.add_argument("--rounds", type=int, help="shuffled rounds (default: 5; quick: 3)")
    parser.add_argument("--write", action="store_true", help="write the results, with the date, to RESULTS.md")
    parser.add_argument(
        "--install-peers", action="store_true", help="fetch the peers into the benchmarks' folder first"
    )
    parser.add_argument("--raw", metavar="FILE", help="write every single value to a file, as JSON")
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
    if options.install_peers:
        print(*peers.install(), sep="\n")
    place.prepare()
    began, when, machine, texts = time.monotonic(), time.strftime("%Y-%m-%d"), place.machine(), []
    print(when, *machine, sep="\n")
    for name in options.names or groups.GROUPS:
        started = time.monotonic()
        for text in groups.GROUPS[name](plan):
            _say("")
            print("\n" + text, flush=True)
            texts.append(text)
        print(f"({name}: {time.monotonic() - started:.0f} s)", flush=True)
    print("\n" + bars.table(plan.bars))
    print(f"(all: {time.monotonic() - began:.0f} s)")
    if options.raw:
        raw = [{"title": each.title, "values": each.values, "missing": each.missing} for each in plan.records]
        Path(options.raw).write_text(json.dumps(raw, indent=1))
    if options.write:
        profile = "" if plan.quick else _shares()
        (place.HERE / "RESULTS.md").write_text(_results(when, machine, plan, texts, profile))
    return 0


def _results(when: str, machine: list[str], plan: groups.Plan, texts: list[str], profile: str) -> str:
    said = "\n".join(f"- {line}" for line in machine)
    tables = "\n\n".join(texts)
    how = "quick" if plan.quick else "whole"
    return f"""# Benchmarks

{when}, `python tests/benchmarks/run.py --write`, the {how} run, {plan.rounds} shuffled rounds.

{said}

Ratios are taken within a round, side by side on the same machine; differences under 15 % are noise. `floor.c` is one C process
that sends the same netlink messages.

## The bars of the issue on speed

{bars.markdown(plan.bars)}

## Everything that was measured

```text
{tables}
```

## Where our time goes

By `run.py --profile`: with the agent and this process under a profiler, which makes Python slower and leaves the kernel as it is.
`send` is the kernel at work on a request of the agent's.

```text
{profile.strip() or "not looked at"}
```
"""


def _shares() -> str:
    """The profile of N = 100 as text, without its shorter half; what went wrong when it did not come."""
    words = [sys.executable, str(Path(__file__).resolve()), "--profile"]
    try:
        done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=180)
    except (subprocess.SubprocessError, OSError) as error:
        return f"the profile failed: {error}"
    kept: list[str] = []
    rows = 0
    for line in done.stdout.splitlines():
        rows = rows + 1 if line.startswith("    ") else 0
        if rows <= 5:
            kept.append(line)
    return "\n".join(kept)


def _profile(sizes: tuple[int, ...]) -> int:
    place.prepare()
    for count in sizes:
        for what in spent.WORKS:
            words = [sys.executable, "-m", "tests.benchmarks.spent", what, str(count)]
            subprocess.run(place.sandboxed(words), check=True, timeout=300, env=place.environment())
        parts = place.call(place.sandboxed([place.floor(), "parts", str(count)]), 120)
        print(f"\nthe kernel's own cost, N = {count}, microseconds per namespace: ", end="")
        print(", ".join(f"{name} {value:.0f}" for name, value in parts.items()))
    return 0


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text[:110]}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
