"""standardwebhooks, unchanged: a delivery of ours is believed, a changed or an old one is not."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from server import fenwen

# The receiver of this check is on the loopback interface, without a certificate.
SETTINGS = '[webhooks]\nallowed_networks = ["127.0.0.0/8"]\nallow_plain = true\n'
EVENT = "letters.classification.completed"


def check(program):
    received = queue.Queue()
    receiver = HTTPServer(("127.0.0.1", 0), handler(received))
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        with fenwen(program, SETTINGS) as server:
            url = f"http://127.0.0.1:{receiver.server_port}/fenwen"
            status, made = server.call("POST", "/api/v1/webhooks", {"url": url, "events": [EVENT]})
            assert status == 201, made
            letters = {"letters": [{"subject": "戶籍遷入遭退件"}]}
            status, answer = server.call("POST", "/api/v1/letters/classifications", letters)
            assert status == 200, answer
            headers, body = received.get(timeout=30)
            believed(Webhook(made["secret"]), headers, body, answer["items"][0]["prediction_id"])
            rotated(server, made, received)
    finally:
        receiver.shutdown()


def handler(received):
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Says nothing."""

    return Receiver


def believed(webhook, headers, body, prediction):
    event = webhook.verify(body.decode(), headers)
    assert event["type"] == EVENT and event["data"]["prediction_id"] == prediction, event
    refused(webhook, headers, body.replace(b"completed", b"complEted"), "a changed body")
    refused(webhook, {**headers, "webhook-id": headers["webhook-id"] + "0"}, body, "another id")
    refused(webhook, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)}, body, "an old one")
    refused(webhook, {**headers, "webhook-signature": headers["webhook-signature"][:-8] + "AAAAAAA="}, tampered(body), "both")


def tampered(body):
    changed = json.loads(body)
    changed["data"]["prediction_id"] = "0" * 32
    return json.dumps(changed).encode()


def refused(webhook, headers, body, what):
    try:
        webhook.verify(body.decode(), headers)
    except WebhookVerificationError:
        return
    raise AssertionError(f"believed: {what}")


def rotated(server, made, received):
    """For a day both secrets hold."""
    status, fresh = server.call("POST", f"/api/v1/webhooks/{made['webhook_id']}/rotate-secret")
    assert status == 200 and fresh["secret"] != made["secret"], fresh
    server.call("POST", "/api/v1/letters/classifications", {"letters": [{"subject": "土地"}]})
    headers, body = received.get(timeout=30)
    for secret in (made["secret"], fresh["secret"]):
        assert Webhook(secret).verify(body.decode(), headers)["type"] == EVENT
