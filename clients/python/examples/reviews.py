"""Reviews: an answer waits for an officer, who takes it, decides, and takes the decision back.

    python reviews.py [http://127.0.0.1:8080]
"""

import sys

from fenwen_client import Client, Purpose
from fenwen_client.errors import PreconditionFailed
from fenwen_client.types import Letter

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"

with Client(URL, purpose=Purpose(code="petition-handling", case_no="DEMO-1")) as client:
    client.letters.classify([Letter(subject="地籍圖重測有疑義", body="我的土地重測後面積變小,請說明。")])
    page = client.reviews.list(kind="letter", limit=5)
    print(f"待複審:{[(it.kind, it.open) for it in page.waiting]}")

    review = client.reviews.claim_next(kind="letter")
    if review is None:
        sys.exit("沒有待複審的信件")
    if review.content is not None:
        print(f"建議:{[(it.name, round(it.score, 2)) for it in review.content.labels]}")
    held = client.reviews.extend(review)
    decided = client.reviews.decide(held, "accept")
    print(f"已決定:{decided.state},可復原至 {decided.decision and decided.decision.undo_until}")
    try:
        client.reviews.decide(held, "discard")
    except PreconditionFailed as error:
        print(f"版本已變更:{error.code},{error.remedy}")
    undone = client.reviews.undo(decided)
    print(f"已放回:{client.reviews.release(undone).state}")
