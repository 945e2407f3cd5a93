#!/usr/bin/env bash
# Has testssl.sh look at an encrypted listener of a built server: old versions, weak ciphers or known flaws fail.
# Usage: tests/tls/run.sh PATH-OF-FENWEN [PORT]
set -euo pipefail

fenwen=$1
port=${2:-18443}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
  -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
chmod 600 "$work/key.pem"
cat >"$work/fenwen.toml" <<TOML
[server]
listen = "127.0.0.1:$((port + 1))"
[audit]
min_free_mib = 0
[[listeners]]
address = "127.0.0.1:$port"
surface = "public"
certificate = "$work/cert.pem"
key = "$work/key.pem"
TOML
"$fenwen" serve --config "$work/fenwen.toml" --data-dir "$work/data" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  if curl --silent --insecure --output /dev/null "https://127.0.0.1:$port/healthz/live"; then break; fi
  kill -0 "$server" || { cat "$work/log"; exit 1; }
  sleep 0.3
done

# --quiet leaves the banner out; what is found is read from the JSON beside the table.
testssl --quiet --color 0 --warnings batch --protocols --std --server-preference --vulnerable \
  --jsonfile "$work/found.json" "127.0.0.1:$port" || true
python3 - "$work/found.json" <<'PYTHON'
import json, sys

found = json.load(open(sys.argv[1]))
by_id = {it["id"]: it for it in found}
wrong = [it for it in found if it["severity"] in ("MEDIUM", "HIGH", "CRITICAL")]
for version in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
    if "not offered" not in by_id[version]["finding"]:
        wrong.append(by_id[version])
for version in ("TLS1_2", "TLS1_3"):
    if "offered" not in by_id[version]["finding"]:
        wrong.append(by_id[version])
for it in wrong:
    print(f"{it['severity']:9} {it['id']}: {it['finding']}")
print(f"{len(found)} checks, {len(wrong)} wrong")
sys.exit(1 if wrong else 0)
PYTHON
