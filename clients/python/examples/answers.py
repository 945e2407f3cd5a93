"""Questions: asked, followed up, and suggested to an agent during a call.

    python answers.py [http://127.0.0.1:8080]

The server needs approved sources with an index: see docs/howto/answer-questions.md.
"""

import sys

from fenwen_client import Client, Purpose
from fenwen_client.errors import Unavailable
from fenwen_client.types import CallUtterance

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
QUESTIONS = [("身分證遺失怎麼補發?", None), ("那要帶什麼?", "身分證遺失怎麼補發?")]

with Client(URL, purpose=Purpose(code="hotline-1996", case_no="DEMO-1")) as client:
    try:
        for question, before in QUESTIONS:
            answer = client.answers.ask(question, previous_question=before, audience="agent")
            print(f"問:{question}\n答:{answer.answer or answer.message}")
            for citation in answer.citations:
                print(f"  出處 {citation.source_id} 第 {citation.version} 版:{citation.title}")
        heard = [CallUtterance(start=2.5, end=5.0, speaker="citizen", text="我身分證遺失了想問怎麼補發")]
        for item in client.answers.suggest(heard).items:
            print(f"通話中的問題:{item.question},來源 {[it.source_id for it in item.citations]}")
        counts = client.answers.unanswered()
        print(f"共 {counts.asked} 問,{counts.unanswered} 問查無資料")
    except Unavailable as error:
        print(f"{error.detail}(請先匯入並核定來源:fenwen qa import、approve、index)")
