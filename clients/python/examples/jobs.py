"""Jobs: submitted with a key of your own, watched event by event, listed, cancelled; large inputs go up in parts.

    python jobs.py [http://127.0.0.1:8080]
"""

import json
import sys
import uuid

from fenwen_client import Client, Purpose
from fenwen_client.errors import Conflict

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
INPUT = {"letters": [{"subject": "役男申請出國", "body": "請問如何申請?"}], "purpose": {"code": "petition-handling"}}

with Client(URL, purpose=Purpose(code="petition-handling", case_no="DEMO-1")) as client:
    # Keep the key with the case: whoever submits again with it gets the same job, also after a restart.
    keyed = client.using(idempotency_key=str(uuid.uuid4()))
    job = keyed.jobs.submit("letters", "classify", input=INPUT)
    assert keyed.jobs.submit("letters", "classify", input=INPUT).job_id == job.job_id
    for change in client.jobs.events(job.job_id):
        print(f"第 {change.attempt} 次嘗試:{change.state}")
    print(f"結果:{list(client.jobs.result(job.job_id))}")

    # What is larger than 64 KiB is uploaded first.
    content = json.dumps(INPUT, ensure_ascii=False).encode()
    upload = client.blobs.upload(content, kind="letters", media_type="application/json")
    other = client.jobs.submit("letters", "classify", blob_id=upload.blob_id)
    try:
        print(f"取消:{client.jobs.cancel(other.job_id).state}")
    except Conflict as error:
        print(f"來不及取消:{error.detail}")

    for found in client.jobs.list(service="letters", limit=5).items:
        print(f"{found.job_id} {found.state}")
