"""OpenMLDB's own client, as its users have it: the witness of demo and end-to-end tests."""

import contextlib
import os
import sys
import time

import openmldb.dbapi as dbapi
from openmldb.native import sql_router_sdk as native


def connect(zookeeper, root="/openmldb", patience=120):
    """Connects as soon as the cluster can be connected to."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return dbapi.connect(zk=zookeeper, zkPath=root, glogLevel=2, zkLogLevel=0)
        except Exception as error:  # the SDK raises plain exceptions
            if time.monotonic() > deadline:
                raise TimeoutError(f"no connection to OpenMLDB at {zookeeper}{root}: {error}") from error
            time.sleep(1)


def create_tables(connection, database, tables):
    """`tables` maps a name to (partitions, replicas). Rows are (k, ts, v), indexed by k and ts."""
    cursor = connection.cursor()
    cursor.execute(f"create database if not exists {database}")
    cursor.execute(f"use {database}")
    for name, (partitions, replicas) in tables.items():
        cursor.execute(
            f"create table if not exists {name}(k string, ts timestamp, v bigint, index(key=k, ts=ts)) "
            f"options(partitionnum={partitions}, replicanum={replicas})"
        )
    time.sleep(1)  # the client learns of its tables by a watch


def table_warnings(connection):
    """What SHOW TABLE STATUS warns of: a list of (database.table, warning); empty when all is well."""
    rows = connection.cursor().execute("show table status").fetchall()
    found = []
    for row in rows:
        name = f"{row[2]}.{row[1]}"
        if int(row[8] or 0) != 0:
            found.append((name, f"{row[8]} partitions unalive"))
        if row[13]:
            found.append((name, row[13].strip()))
    return found


def components(connection):
    """SHOW COMPONENTS: a list of (endpoint, role, status, nameserver role)."""
    rows = connection.cursor().execute("show components").fetchall()
    return [(row[0], row[1], row[3], row[4]) for row in rows]


def scan(connection, database, table, key):
    """The values of all rows of `key`: {ts: v}."""
    status = native.Status()
    reader = connection._sdk.sdk.GetTableReader()
    rows = reader.Scan(database, table, key, 1 << 62, 0, native.ScanOption(), status)
    found = {}
    while rows and rows.Next():
        found[rows.GetTimeUnsafe(1)] = rows.GetInt64Unsafe(2)
    return found


@contextlib.contextmanager
def quiet():
    """The SDK's native library writes to the process's stderr; a display has to be kept clean of it."""
    sys.stderr.flush()
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
