"""Writes rows through OpenMLDB's SDK without pause, and remembers what became of each insert.

As a program it writes until SIGTERM, one line of JSON for each insert to the journal:
{"t": seconds since the epoch when it ended, "took": seconds, "table": …, "key": …, "ts": …, "ok": true|false}
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

# Rows of one key go to one partition. With this many keys a table of 8 partitions has writes in all of them.
KEYS = 24


def write(zookeeper, root, database, tables, journal_path, rate):
    import client

    connection = client.connect(zookeeper, root)
    cursor = connection.cursor()
    cursor.execute(f"use {database}")
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sequence = 0
    due = time.time()
    with open(journal_path, "w", buffering=1) as journal:
        turn = 0
        while not stopped:
            table = tables[turn % len(tables)]
            key = f"key-{(turn // len(tables)) % KEYS}"
            sequence += 1
            start = time.time()
            try:
                cursor.execute(f"insert into {table} values('{key}', {sequence}, {sequence})")
                ok = True
            except Exception:  # refused, as an application would see it
                ok = False
            now = time.time()
            journal.write(
                json.dumps({"t": now, "took": now - start, "table": table, "key": key, "ts": sequence, "ok": ok}) + "\n"
            )
            if not ok:  # the next row goes to the same partition, to see for how long it is refused
                time.sleep(0.005)
                continue
            turn += 1
            due = max(due + 1 / rate, now - 1)
            time.sleep(max(0, due - now))


@dataclass
class Pause:
    """From the start of a refused insert to the end of the next acknowledged one of that key."""

    start: float
    end: float
    table: str
    key: str

    @property
    def seconds(self):
        return self.end - self.start


@dataclass
class Journal:
    acknowledged: dict = field(default_factory=dict)  # (table, key) -> [ts]
    refused: list = field(default_factory=list)  # (time, table, key, ts)
    pauses: list = field(default_factory=list)  # those in which an insert was refused
    last: float = 0

    @property
    def rows(self):
        return sum(len(rows) for rows in self.acknowledged.values())

    def refused_between(self, start, end):
        return sum(1 for moment, *_ in self.refused if start <= moment <= end)

    def longest_pause(self, start=0.0, end=float("inf")):
        return max((p.seconds for p in self.pauses if p.end >= start and p.start <= end), default=0.0)


def read_journal(path):
    journal = Journal()
    refused_since = {}
    with open(path) as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                break  # the line being written
            stream = (entry["table"], entry["key"])
            journal.last = entry["t"]
            if not entry["ok"]:
                journal.refused.append((entry["t"], *stream, entry["ts"]))
                refused_since.setdefault(stream, entry["t"] - entry["took"])
                continue
            journal.acknowledged.setdefault(stream, []).append(entry["ts"])
            if stream in refused_since:
                journal.pauses.append(Pause(refused_since.pop(stream), entry["t"], *stream))
    return journal


def lost_rows(connection, database, journal):
    """Acknowledged rows that cannot be read back: a list of (table, key, ts)."""
    import client

    lost = []
    for (table, key), rows in sorted(journal.acknowledged.items()):
        found = client.scan(connection, database, table, key)
        lost += [(table, key, ts) for ts in rows if found.get(ts) != ts]
    return lost


class Writer:
    """Runs the program in the background."""

    def __init__(self, zookeeper, root, database, tables, journal, rate=200):
        self.journal_path = journal
        self._process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--zookeeper", zookeeper, "--root", root,
             "--database", database, "--journal", journal, "--rate", str(rate), *tables],
            stderr=subprocess.DEVNULL,
        )

    def wait_for_rows(self, count, patience=60):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if os.path.exists(self.journal_path) and read_journal(self.journal_path).rows >= count:
                return
            if self._process.poll() is not None:
                raise RuntimeError(f"the writer ended by itself with {self._process.returncode}")
            time.sleep(0.2)
        raise TimeoutError(f"the writer did not get {count} rows acknowledged in {patience} s")

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        return read_journal(self.journal_path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zookeeper", required=True)
    parser.add_argument("--root", default="/openmldb")
    parser.add_argument("--database", required=True)
    parser.add_argument("--journal", required=True)
    parser.add_argument("--rate", type=float, default=200, help="inserts a second")
    parser.add_argument("tables", nargs="+")
    options = parser.parse_args()
    write(options.zookeeper, options.root, options.database, options.tables, options.journal, options.rate)
