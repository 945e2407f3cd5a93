"""Webhooks: one is created, changed and deleted again.

    python webhooks.py [http://127.0.0.1:8080]
"""

import sys

from fenwen_client import Client

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"

with Client(URL) as client:
    hook = client.webhooks.create(
        "https://mailbox.example.gov.tw/fenwen", events=["letters.classification.completed"]
    )
    # Keep the secret at once: it is told only here and by `rotate_secret`.
    print(f"{hook.webhook_id}:{hook.events},金鑰 {'已取得' if hook.secret else '無'}")
    client.webhooks.rotate_secret(hook.webhook_id)
    print(f"停用:{not client.webhooks.change(hook.webhook_id, active=False).active}")
    print(f"遞送紀錄:{len(client.webhooks.deliveries(hook.webhook_id).items)} 筆")
    client.webhooks.delete(hook.webhook_id)
    print(f"剩下 {len(client.webhooks.list().items)} 個")
