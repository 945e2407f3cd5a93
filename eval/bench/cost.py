#!/usr/bin/env python3
"""What trust costs: the same letters to the program as a demonstration and with everything that production has.

    python3 eval/bench/cost.py --fenwen target/release/fenwen --eval target/release/fenwen-eval

Demonstration: no credential, no encryption on the way. Production's way: TLS 1.3, the caller proven by its key, both rows of
each call on the disk before it goes on. Both keep every answer sealed. Processor time is the server's alone, from /proc; the two
take turns, each asked by 16 kept-alive connections. Needs openssl.
"""

import argparse
import http.client
import json
import pathlib
import ssl
import statistics
import subprocess
import threading
import time

import serving

CONNECTIONS = 16
PATH = "/api/v1/letters/classifications"
IMAGES = "/api/v1/identity-documents/recognitions"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--eval", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--letters", type=int, default=3000, help="letters a round")
    parser.add_argument("--images", type=int, default=24, help="ID images a round")
    args = parser.parse_args()
    servers = [start(args, trusted) for trusted in (False, True)]
    try:
        found = {it.name: {"letters": [], "images": []} for it in servers}
        image = card(args, servers[0].folder)
        for number in range(args.rounds + 1):
            for server in servers:
                kinds = {"letters": (PATH, "application/json", LETTER, args.letters), "images": (IMAGES, *image, args.images)}
                for kind, (path, media, body, count) in kinds.items():
                    ms = round_of(server, path, media, body, count)
                    # The first one warms up.
                    if number:
                        found[server.name][kind].append(ms)
    finally:
        for it in servers:
            it.stop()
    demo, trusted = (found[it.name] for it in servers)
    report = {}
    for kind in demo:
        both = [statistics.median(it[kind]) for it in (demo, trusted)]
        report[kind] = {"demo_cpu_ms": round(both[0], 3), "trusted_cpu_ms": round(both[1], 3), "ratio": round(both[1] / both[0], 2)}
    print(json.dumps({**report, "rounds": found}, indent=2))


LETTER = json.dumps(serving.LETTER, ensure_ascii=False).encode()


def card(args, folder):
    """A synthetic card, as a form."""
    subprocess.run([args.eval, "cards", "--out", folder / "cards", "--split", "dev", "--count", "1"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = sorted(it for it in (folder / "cards").rglob("*") if it.suffix in (".jpg", ".png"))[0]
    meta = json.dumps({"purpose": {"code": "petition-handling"}})
    body = (f'--b\r\ncontent-disposition: form-data; name="meta"\r\ncontent-type: application/json\r\n\r\n{meta}\r\n'
            f'--b\r\ncontent-disposition: form-data; name="image"; filename="card"\r\n\r\n').encode()
    return "multipart/form-data; boundary=b", body + found.read_bytes() + b"\r\n--b--\r\n"


def start(args, trusted):
    server = serving.Server("trusted" if trusted else "demo", PATH)
    key = serving.key(args, server.folder, "letters:classify,id:recognize")
    lines = ['[auth]\nmode = "required"\n[audit]\ncommit = "disk"\n'] if trusted else []
    server.tls = None
    if trusted:
        server.headers = {"authorization": f"Bearer {key}"}
        pair = [server.folder / it for it in ("key.pem", "cert.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pair[0], "-out", pair[1]],
                       check=True, stderr=subprocess.DEVNULL)
        pair[0].chmod(0o600)
        server.tls = ssl.create_default_context(cafile=pair[1])
        lines.append(f'[[listeners]]\naddress = "127.0.0.1:{server.port + 1}"\nsurface = "public"\n'
                     f'certificate = "{pair[1]}"\nkey = "{pair[0]}"\n')
    else:
        server.headers = {}
    config = server.folder / "fenwen.toml"
    config.write_text("".join(lines))
    command = [args.fenwen, "serve", "--config", config, "--profile", "demo", "--listen", f"127.0.0.1:{server.port}",
               "--data-dir", server.folder / "data"]
    return server.start(command, is_ready)


def is_ready(server):
    try:
        connection = connect(server)
        connection.request("GET", "/healthz/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False


def connect(server):
    if server.tls:
        return http.client.HTTPSConnection("127.0.0.1", server.port + 1, context=server.tls, timeout=30)
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)


def round_of(server, path, media, body, count):
    """Milliseconds of the server's processor time for each answer."""
    left, lock, failed = [count], threading.Lock(), []

    def ask():
        connection = connect(server)
        while True:
            with lock:
                left[0] -= 1
                if left[0] < 0:
                    return
            connection.request("POST", path, body, {**server.headers, "content-type": media})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failed.append(answer.status)

    threads = [threading.Thread(target=ask) for _ in range(min(CONNECTIONS, count))]
    before = serving.cpu_seconds(server.process.pid)
    for it in threads:
        it.start()
    for it in threads:
        it.join()
    # What is written after the answers belongs to them.
    time.sleep(0.5)
    spent = serving.cpu_seconds(server.process.pid) - before
    if failed:
        raise SystemExit(f"{server.name}: answers of {sorted(set(failed))}")
    return spent / count * 1e3


if __name__ == "__main__":
    main()
