"""Feedback: what the officer decided goes back, and becomes what the next classifier learns from.

    python feedback.py [http://127.0.0.1:8080]
"""

import sys

from fenwen_client import Client, Purpose
from fenwen_client.types import DecidedBy, Letter

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"

with Client(URL, purpose=Purpose(code="petition-handling", case_no="DEMO-1")) as client:
    letter = Letter(subject="外籍配偶居留證延期", body="請問延期要準備哪些文件?")
    item = client.letters.classify([letter]).items[0]
    officer = DecidedBy(id="u-88", role="承辦人")
    client.predictions.feedback(item.prediction_id, "accepted", decided_by=officer)
    kept = client.predictions.get(item.prediction_id)
    print(f"{kept.labels[0].code}:{[it.decision for it in kept.feedback]},保存至 {kept.expires_on}")
    for service in client.predictions.statistics().services:
        print(f"{service.service}:承諾 {service.promise.precision:.2f},已複審 {service.promise.reviewed}")
