"""OpenMLDB's own SDK against the stand-in as processes: what it needs to work as it does with the real servers.

    tests/simulator/local/run-local --binary=… --taskmanager --apiserver --flag=--zk_session_timeout=2000 \
      --flag=--get_task_status_interval=200 --flag=--get_table_status_interval=500 \
      -- VENV/bin/pytest tests/simulator/server/sdk_test.py

The flags are for speed only: a nameserver looks after its tasks every two seconds, and a tablet's return takes dozens.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "e2e"))

import client  # noqa: E402

DIRECTORY = os.environ["OMDB_LOCAL_DIR"]
DATABASE = "db1"


def address(server):
    with open(os.path.join(DIRECTORY, server, "address")) as file:
        return file.read().strip()


def http(server, path, body=None, authorization="sdefault"):
    """The answer's text; raises HTTPError for a status that is not 200."""
    request = urllib.request.Request(f"http://{address(server)}{path}")
    if body is not None:
        request.data = json.dumps(body).encode()
    if authorization:
        request.add_header("Authorization", authorization)
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.read().decode()


def call(server, method, body):
    return json.loads(http(server, method, body))


def leading_nameserver():
    for server in ("nameserver-0", "nameserver-1"):
        try:
            if call(server, "/NameServer/ShowTablet", {}).get("code", 0) != 300:
                return server
        except OSError:
            continue  # a standby need not listen
    raise RuntimeError("no nameserver leads")


def nameserver(method, body):
    return call(leading_nameserver(), f"/NameServer/{method}", body)


def wait_until(condition, patience, what):
    deadline = time.monotonic() + patience
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {patience} s"
        time.sleep(0.2)
    return result


def table_info(table):
    return nameserver("ShowTable", {"db": DATABASE, "name": table})["table_info"][0]


def partitions(table):
    return table_info(table)["table_partition"]


def leader_of(partition):
    return next(meta["endpoint"] for meta in partition["partition_meta"] if meta["is_leader"] and meta["is_alive"])


def insert(cursor, key, ts, v):
    """With parameters: the SDK takes a hundredth of the time that it takes to read a statement anew."""
    cursor.execute("insert into t values(?, ?, ?);", (key, ts, v))


def insert_until_it_works(cursor, key, ts, v, patience):
    """How long it took until the SDK's insert succeeded."""
    begin = time.monotonic()
    while True:
        try:
            insert(cursor, key, ts, v)
            return time.monotonic() - begin
        except Exception as error:
            assert time.monotonic() - begin < patience, f"still refused after {patience} s: {error}"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def connection():
    return client.connect(os.environ["OMDB_ZOOKEEPER"], os.environ["OMDB_ROOT"], patience=30)


@pytest.fixture(scope="module")
def cursor(connection):
    client.create_tables(connection, DATABASE, {"t": (8, 3)})
    cursor = connection.cursor()
    cursor.execute(f"use {DATABASE}")
    return cursor


def rows_of(connection, table, keys):
    return {(key, ts): v for key in keys for ts, v in client.scan(connection, DATABASE, table, key).items()}


def test_rows_that_were_inserted_are_read_back(connection, cursor):
    wanted = {}
    for i in range(1, 501):
        insert(cursor, f"key{i % 40}", i, i * 7)
        wanted[f"key{i % 40}", i] = i * 7
    assert rows_of(connection, "t", [f"key{i}" for i in range(40)]) == wanted
    # In more than one partition, or this would prove little.
    assert sum(int(p["record_cnt"]) > 0 for p in wait_until(lambda: counted("t", 500), 10, "the count of rows")) > 4


def counted(table, rows):
    """The nameserver counts now and then."""
    found = partitions(table)
    return found if sum(int(p.get("record_cnt", 0)) for p in found) == rows else None


def replicated(table, rows):
    """Whether the nameserver has counted that many rows, and in every replica as many as in its leader."""
    found = counted(table, rows)
    return found and all(len({meta["offset"] for meta in p["partition_meta"]}) == 1 for p in found)


def test_a_new_table_is_well(connection, cursor):
    wait_until(lambda: not client.table_warnings(connection), 10, "a SHOW TABLE STATUS without warnings")


def test_show_components_lists_every_server(connection):
    found = {(role, endpoint): status for endpoint, role, status, _ in client.components(connection)}
    for role, endpoints in {"tablet": ("tablet-0", "tablet-1", "tablet-2"),
                            "nameserver": ("nameserver-0", "nameserver-1")}.items():
        for endpoint in endpoints:
            assert found.get((role, endpoint)) == "online", found


def test_the_client_follows_a_leader_that_moves(connection, cursor):
    """By the nameserver's own ChangeLeader, sent as JSON over HTTP, for all partitions of the table."""
    assert nameserver("ConfSet", {"conf": {"key": "auto_failover", "value": "false"}})["code"] == 0
    before = {p["pid"]: leader_of(p) for p in partitions("t")}
    keys = [f"moved{i}" for i in range(40)]
    for key in keys:
        insert(cursor, key, 1, 1)
    # ChangeLeader without a fence loses what is not replicated yet, and replication pauses for up to a second (M1, M7).
    wait_until(lambda: replicated("t", 540), 30, "the replication of all rows")
    for pid, old in before.items():
        partition = next(p for p in partitions("t") if p["pid"] == pid)
        candidate = next(m["endpoint"] for m in partition["partition_meta"] if m["endpoint"] != old)
        answer = nameserver("ChangeLeader", {"name": "t", "db": DATABASE, "pid": pid, "candidate_leader": candidate})
        assert answer["code"] == 0, answer

    def all_moved():
        return all(leader_of(p) != before[p["pid"]] for p in partitions("t"))

    wait_until(all_moved, 30, "the move of all leaders")
    # Nobody tells an old leader, which would go on acknowledging what a client sends that does not know yet (M1).
    for pid, old in before.items():
        role = {"tid": table_info("t")["tid"], "pid": pid, "mode": "kTableFollower"}
        assert call(old, "/TabletServer/ChangeRole", role)["code"] == 0
    for key in keys:
        insert_until_it_works(cursor, key, 2, 2, patience=5)
    assert rows_of(connection, "t", keys) == {(key, ts): ts for key in keys for ts in (1, 2)}
    # An old leader stays detached until it is recovered (F5.2).
    assert client.table_warnings(connection)
    for pid, old in before.items():
        assert nameserver("RecoverTable", {"name": "t", "db": DATABASE, "pid": pid, "endpoint": old})["code"] == 0
    wait_until(lambda: not client.table_warnings(connection), 90, "the recovery of the old leaders")
    assert nameserver("ConfSet", {"conf": {"key": "auto_failover", "value": "true"}})["code"] == 0


def test_a_restarted_tablet_gets_its_replicas_back(connection, cursor):
    """auto_failover is on, and the tablet comes back with a node that says so (F5.10)."""
    rows = rows_of(connection, "t", [f"key{i}" for i in range(40)])
    wait_until(lambda: not client.table_warnings(connection), 30, "a healthy table before the restart")
    subprocess.run([os.path.join(HERE, "..", "local", "run-local"), "restart", "tablet-1", "KILL"], check=True)
    wait_until(lambda: not client.table_warnings(connection), 240, "the tables' recovery")
    assert rows_of(connection, "t", [f"key{i}" for i in range(40)]) == rows
    insert_until_it_works(cursor, "after", 1, 1, patience=10)


def test_health_and_version_need_no_credential_and_methods_do():
    for server in ("tablet-0", leading_nameserver(), "apiserver"):
        assert http(server, "/health", authorization=None).strip() == "OK"
        assert http(server, "/version", authorization=None).strip().startswith(os.environ.get("OPENMLDB_VERSION", "0.9.2"))
    with pytest.raises(OSError):
        http("tablet-0", "/TabletServer/GetTableStatus", {}, authorization=None)


def test_the_api_server_lists_databases_and_tables(cursor):
    answer = call("apiserver", "/dbs", None)
    assert answer["code"] == 0 and DATABASE in answer["dbs"]
    answer = call("apiserver", f"/dbs/{DATABASE}/tables", None)
    assert answer["code"] == 0 and [t["name"] for t in answer["tables"]] == ["t"]
    assert call("apiserver", "/dbs/none/tables", None)["code"] != 0


def task_manager(method, body):
    return json.loads(http("taskmanager", f"/openmldb.taskmanager.TaskManagerServer/{method}", body, authorization=None))


def test_the_task_manager_runs_stops_and_loses_jobs():
    wait_until(lambda: task_manager("GetVersion", {}), 10, "an active task manager")
    short = call("taskmanager", "/standin/jobs", {"seconds": 0.1})["id"]
    long = call("taskmanager", "/standin/jobs", {"seconds": 600})["id"]
    stopped = call("taskmanager", "/standin/jobs", {"seconds": 600})["id"]

    def state(job):
        return task_manager("ShowJob", {"id": job})["job"]["state"]

    wait_until(lambda: state(short) == "FINISHED", 5, "the end of the short job")
    assert task_manager("StopJob", {"id": stopped})["job"]["state"] == "KILLED"
    unfinished = task_manager("ShowJobs", {"unfinished": True})
    assert [job["id"] for job in unfinished["jobs"]] == [long]
    subprocess.run([os.path.join(HERE, "..", "local", "run-local"), "restart", "taskmanager", "KILL"], check=True)
    assert state(long) == "LOST" and state(short) == "FINISHED"
    assert task_manager("DeleteJob", {"id": long})["code"] == 0
    assert task_manager("ShowJob", {"id": long})["code"] == -1
