"""Which branches tests never took, of what `llvm-cov export` says on standard input.

That no case of a switch is taken does not count: the compiler sees to it that each enumerator has one.

    branches.py SOURCE...     files or directories, from the top of the checkout
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main(*wanted):
    taken_of = {}  # {(file, line, column): [times true, times false]}; a template has one entry for each instance
    for file in json.load(sys.stdin)["data"][0]["files"]:
        path = pathlib.Path(file["filename"])
        if not any(path.is_relative_to(ROOT / name) for name in wanted):
            continue
        lines = path.read_text().splitlines()
        for line, column, _, _, true, false, *_ in file["branches"]:
            if lines[line - 1].lstrip().startswith("switch ("):
                continue
            taken = taken_of.setdefault((str(path.relative_to(ROOT)), line, column), [0, 0])
            taken[0] += true
            taken[1] += false
    missed = 0
    for (name, line, column), taken in sorted(taken_of.items()):
        for times, outcome in zip(taken, ("true", "false")):
            if times == 0:
                missed += 1
                print(f"{name}:{line}:{column}: never {outcome}")
    print(f"{2 * len(taken_of) - missed} of {2 * len(taken_of)} branches taken in {len({k[0] for k in taken_of})} files")
    return 1 if missed or not taken_of else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
