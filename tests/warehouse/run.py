"""The export of a day, read by those whom it is for: DuckDB (Parquet and CSV) and PostgreSQL (COPY).

make test-warehouse; needs a built fenwen, and PostgreSQL's programs for its part. Starts the servers itself.
"""

import glob
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb

TAIPEI = timezone(timedelta(hours=8))
DAY_S = 86_400
# Every letter but the first is decided on; the last decision comes a day late.
LETTERS = ["戶籍遷入登記", "身分證補發", "地價稅疑義", "土地所有權移轉", "役男出國申請", "建物測量", "消防安檢"]


def fenwen(server, folder, *arguments):
    done = subprocess.run([server, *arguments, "--data-dir", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(server, folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    process = subprocess.Popen(
        [server, "serve", "--profile", "demo", "--listen", address, "--data-dir", folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/healthz/live", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < until and process.poll() is None, "the server did not start"
                time.sleep(0.2)
        yield f"http://{address}/api/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or "null")


def fill(server, folder):
    """Letters of the day before yesterday, decided on then; one decision comes a day late."""
    with serving(server, folder) as api:
        answer = post(f"{api}/letters/classifications", {"letters": [{"subject": it} for it in LETTERS]})
        ids = [it["prediction_id"] for it in answer["items"]]
        for it in ids[1:]:
            post(f"{api}/predictions/{it}/feedback", {"decision": "accepted"})
    store = sqlite3.connect(Path(folder, "store.sqlite"))
    # A day cannot be exported before it is over, so what just happened is put two days back.
    store.execute("DROP TRIGGER feedback_stays_as_it_is")
    store.execute("UPDATE prediction SET created = created - ?", [2 * DAY_S])
    store.execute("UPDATE feedback SET created = created - ?", [2 * DAY_S])
    late = "UPDATE feedback SET created = created + ? WHERE seq = (SELECT MAX(seq) FROM feedback)"
    store.execute(late, [DAY_S])
    store.commit()
    store.close()


def columns(table):
    dictionary = json.loads(Path(table, "data-dictionary.json").read_text(encoding="utf-8"))
    return [(it["name"], it["type"]) for it in dictionary["columns"]]


def check_hashes(out):
    n_files = 0
    for manifest in Path(out).glob("*/dt=*/manifest.json"):
        for file in json.loads(manifest.read_text(encoding="utf-8"))["files"]:
            content = Path(manifest.parent, file["name"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"] and len(content) == file["bytes"]
            n_files += 1
    return n_files


def check_duckdb(out):
    """Both forms have the columns of the dictionary and the same rows; an older day without a column reads as empty there."""
    for table in sorted(Path(out).iterdir()):
        known = columns(table)
        parquet = f"read_parquet('{table}/dt=*/part-0.parquet', hive_partitioning = false)"
        assert [it[0] for it in duckdb.sql(f"DESCRIBE SELECT * FROM {parquet}").fetchall()] == [it[0] for it in known]
        kinds = {name: {"text": "VARCHAR", "bigint": "BIGINT", "boolean": "BOOLEAN"}.get(kind, "DOUBLE") for name, kind in known}
        csv = f"read_csv('{table}/dt=*/part-0.csv', header = true, columns = {kinds}, hive_partitioning = false)"
        for one, other in ((parquet, csv), (csv, parquet)):
            only = duckdb.sql(f"SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other}").fetchall()
            assert not only, f"{table.name}: in one form only: {only[:3]}"
    feedback = f"read_parquet('{out}/ai_feedback/dt=*/part-0.parquet', hive_partitioning = false)"
    answers = f"read_parquet('{out}/ai_prediction/dt=*/part-0.parquet', hive_partitioning = false)"
    joined = f"SELECT f.dt = p.dt, COUNT(*) FROM {feedback} f JOIN {answers} p USING (prediction_id) GROUP BY 1 ORDER BY 1"
    assert duckdb.sql(joined).fetchall() == [(False, 1), (True, len(LETTERS) - 2)], "late feedback finds its answer"
    old = Path(out, "ai_prediction", "dt=2020-01-01")
    old.mkdir()
    duckdb.sql(f"COPY (SELECT * EXCLUDE (org, mode) FROM {answers}) TO '{old}/part-0.parquet' (FORMAT parquet)")
    both = f"read_parquet('{out}/ai_prediction/dt=*/part-0.parquet', union_by_name = true, hive_partitioning = false)"
    [counts] = duckdb.sql(f"SELECT COUNT(*), COUNT(mode) FROM {both}").fetchall()
    shutil.rmtree(old)
    assert counts == (2 * len(LETTERS), len(LETTERS)), counts


@contextmanager
def postgres(folder):
    """A PostgreSQL of its own, on a socket in `folder`; it refuses to run as root."""
    [*_, programs] = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    is_root = os.geteuid() == 0
    if is_root:
        shutil.chown(folder, "nobody")
    switch = ["runuser", "-u", "nobody", "--"] if is_root else []
    run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    data = f"{folder}/data"
    subprocess.run([*switch, f"{programs}/initdb", "-U", "fenwen", "-A", "trust", "-E", "UTF8", "--no-locale", "-D", data], **run)
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    subprocess.run([*switch, f"{programs}/pg_ctl", "-w", "-D", data, "-o", options, "-l", f"{folder}/log", "start"], **run)
    try:
        yield ["psql", "-h", folder, "-U", "fenwen", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt"]
    finally:
        subprocess.run([*switch, f"{programs}/pg_ctl", "-w", "-D", data, "-m", "immediate", "stop"], **run)


def check_postgres(out, psql):
    """Each table is made from its dictionary, filled by COPY, and has the rows that the manifests promise."""
    for table in sorted(Path(out).iterdir()):
        made = ", ".join(f"{name} {kind}" for name, kind in columns(table))
        script = [f"CREATE TABLE {table.name} ({made});"]
        promised = 0
        for day in sorted(table.glob("dt=*")):
            script.append(f"\\copy {table.name} FROM '{day}/part-0.csv' WITH (FORMAT csv, HEADER match)")
            promised += json.loads(Path(day, "manifest.json").read_text(encoding="utf-8"))["rows"]
        script.append(f"SELECT COUNT(*) FROM {table.name};")
        done = subprocess.run(psql, input="\n".join(script), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) == promised, f"{table.name}: {done.stdout} rows, promised {promised}"
    agreed = "SELECT COUNT(*) FROM ai_feedback JOIN ai_prediction USING (prediction_id) WHERE agreed_top1;"
    done = subprocess.run(psql, input=agreed, capture_output=True, text=True)
    assert int(done.stdout) == len(LETTERS) - 1, done.stdout + done.stderr


def main():
    server = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as place:
        fill(server, folder)
        out = str(Path(folder, "exports"))
        today = datetime.now(TAIPEI).date()
        fenwen(server, folder, "export", "--day", str(today - timedelta(days=2)))
        said = fenwen(server, folder, "export")
        days = {it.name for it in Path(out, "ai_feedback").glob("dt=*")}
        assert days == {f"dt={today - timedelta(days=it)}" for it in (1, 2, 3, 4)}, days
        assert f"dt={today - timedelta(days=2)}(未變)" in said, said
        print("ok  ", check_hashes(out), "files as their manifests say")
        check_duckdb(out)
        print("ok   DuckDB", duckdb.__version__)
        if not glob.glob("/usr/lib/postgresql/*/bin"):
            print("not checked: PostgreSQL is not installed (make servers)")
            return
        with postgres(place) as psql:
            check_postgres(out, psql)
        print("ok   PostgreSQL")


if __name__ == "__main__":
    main()
