"""ID images: a picture of a card that nobody has, with a value to compare with.

    python identity_documents.py [http://127.0.0.1:8080] [card.jpg]
"""

import sys
from pathlib import Path

from fenwen_client import Client, Purpose
from fenwen_client.types import Options

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
SAMPLE = Path(__file__).resolve().parents[3] / "tests/data/idcard/tw_national_id_front.jpg"
CARD = sys.argv[2] if len(sys.argv) > 2 else SAMPLE

with Client(URL, purpose=Purpose(code="online-application", case_no="DEMO-1")) as client:
    answer = client.identity_documents.recognise(
        CARD, expected={"id_number": "A1********"}, options=Options(lines=False)
    )
    print(f"{answer.document.type}({answer.document.type_score:.2f}),需複核:{answer.needs_review}")
    for field in answer.fields:
        print(f"  {field.name}: {field.value}({field.status},{field.confidence:.2f})")
    for comparison in answer.comparisons:
        print(f"  比對 {comparison.name}:{comparison.match}")
    for reason in answer.quality.reasons:
        print(f"  影像:{reason.text}")
