"""clang-tidy over all C++ of a build, but for files about which it had nothing to say and whose text, includes and command
are the same since.

    tidy.py BUILD RESULTS [SOURCE...]     the build's directory, where results are kept; all sources, or those that are
                                          compiled together with the named ones
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIDY = "clang-tidy"
CONFIG = ROOT / ".clang-tidy"
KEPT_DAYS = 30


def includes(build):
    """{object: every file it was made of}, as ninja recorded it when it built the object."""
    found, current = {}, None
    listing = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        if line.startswith("    "):
            current.append(line.strip())
        elif line:
            current = found[line.partition(":")[0]] = []
    return found


@functools.cache
def content(path):
    """Not of the place of the checkout, which a file of several sources names them by."""
    return hashlib.sha256(path.read_bytes().replace(bytes(ROOT), b"")).hexdigest()


def key(build, entry, files, common):
    """What decides the result; the place of the checkout does not."""
    parts = [common, entry["command"].replace(str(ROOT), "")]
    parts += [f"{file.replace(str(ROOT), '')} {content(build / file)}" for file in sorted(files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def check(build, source, mark):
    """What clang-tidy says of `source`; "" when that is nothing, which `mark` remembers."""
    command = [TIDY, f"--config-file={CONFIG}", "-p", str(build), "--quiet", source]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0 and not done.stdout.strip():
        if mark:
            mark.touch()
        return ""
    return done.stdout or done.stderr


def main(build, results, *wanted):
    build, results = pathlib.Path(build).resolve(), pathlib.Path(results)
    results.mkdir(parents=True, exist_ok=True)
    common = content(CONFIG) + subprocess.run([TIDY, "--version"], capture_output=True, text=True).stdout
    known = includes(build)
    work = []
    entries = {entry["file"]: entry for entry in json.loads((build / "compile_commands.json").read_text())}
    for source, entry in sorted(entries.items()):
        if source.endswith(".pb.cc"):
            continue
        made_of = known.get(shlex.split(entry["command"])[-3])  # … -o OBJECT -c SOURCE
        if wanted and not set(wanted) & {os.path.relpath(build / file, ROOT) for file in [source, *(made_of or [])]}:
            continue
        mark = results / key(build, entry, made_of, common) if made_of else None
        if mark and mark.exists():
            mark.touch()
        else:
            work.append((source, mark))
    print(f"clang-tidy: {len(work)} translation units to look at", flush=True)

    said = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for answer in pool.map(lambda pair: check(build, *pair), work):
            if answer not in said:
                print(answer, end="", flush=True)
            said.add(answer)

    for mark in results.iterdir():
        if time.time() - mark.stat().st_mtime > KEPT_DAYS * 86400:
            mark.unlink(missing_ok=True)
    return 1 if said - {""} else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
