"""Letters: classified at once, then as a job.

    python letters.py [http://127.0.0.1:8080]
"""

import sys

from fenwen_client import Client, Purpose
from fenwen_client.types import Letter, LetterOptions

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"

# Nobody wrote these letters.
LETTERS = [
    Letter(external_id="DEMO-1", subject="戶籍遷入遭退件", body="我上週到戶政事務所辦理遷入,被退件,請問還缺什麼文件?"),
    Letter(external_id="DEMO-2", subject="路燈不亮", body="巷口路燈壞了兩個星期,晚上很暗,請派人修理。"),
]

with Client(URL, purpose=Purpose(code="petition-handling", case_no="DEMO-1")) as client:
    answer = client.letters.classify(LETTERS, options=LetterOptions(top_k=3))
    for item in answer.items:
        best = item.labels[0]
        print(f"{item.external_id}: {best.name}({best.unit})信心度 {best.score:.2f},{item.automation}")
        for evidence in item.evidence[:3]:
            # Places are code points of the field that was sent; the text itself is not answered.
            print(f"  依據 {evidence.field} {evidence.start}–{evidence.end},權重 {evidence.weight:.2f}")

    job = client.letters.submit(LETTERS)
    client.jobs.wait(job.job_id, progress=lambda change: print(f"工作 {change.state}"))
    print(f"工作的結果:{len(client.letters.result(job.job_id).items)} 封")
