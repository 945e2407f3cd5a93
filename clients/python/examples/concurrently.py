"""Many calls at once with the asynchronous client.

    python concurrently.py [http://127.0.0.1:8080]
"""

import asyncio
import sys

from fenwen_client import AsyncClient, Purpose
from fenwen_client.errors import ApiError
from fenwen_client.types import Letter

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
SUBJECTS = ["戶籍謄本", "土地分割", "役男出國", "外籍配偶居留", "建築執照", "消防安檢", "警察臨檢", "殯葬設施"]


async def main() -> None:
    async with AsyncClient(URL, purpose=Purpose(code="petition-handling", case_no="DEMO-1")) as client:
        catalogue = await client.server.services()
        print(f"可用的服務:{[it.name for it in catalogue.services if it.ready]}")
        calls = (client.letters.classify([Letter(subject=it)]) for it in SUBJECTS)
        answers = await asyncio.gather(*calls)
        for subject, answer in zip(SUBJECTS, answers, strict=True):
            print(f"{subject} → {answer.items[0].labels[0].name}")
        try:
            await client.letters.classify([])
        except ApiError as error:
            print(f"{error.code} {error.detail}\n處理:{error.remedy}\n識別碼:{error.request_id}")


asyncio.run(main())
