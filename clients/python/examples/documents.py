"""Official documents: as fields with officers to choose from, and as a DI file.

    python documents.py [http://127.0.0.1:8080]
"""

import sys

from fenwen_client import Client, Purpose
from fenwen_client.errors import Classified
from fenwen_client.types import DispatchOptions, Document, Officer

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"

OFFICERS = [
    Officer(officer_id="u-1", unit="301000000A/地政司", duties=["徵收", "區段徵收"], open_cases=9),
    Officer(officer_id="u-2", unit="301000000A/地政司", duties=["測量"], open_cases=2),
    Officer(officer_id="u-3", unit="301000000A/地政司", on_leave=True),
]

# No agency sent this document.
DI = """<?xml version="1.0" encoding="UTF-8"?>
<函><發文機關><全銜>示範縣政府</全銜></發文機關><速別 代碼="普通件"/>
<密等及解密條件或保密期限><密等/></密等及解密條件或保密期限>
<主旨><文字>檢送本縣土地重測計畫1份,請查照。</文字></主旨></函>"""

with Client(URL, purpose=Purpose(code="document-routing", case_no="DEMO-1")) as client:
    answer = client.documents.route(
        Document(
            external_id="1140067890",
            priority="速件",
            subject="檢送土地徵收計畫書1份,請查照。",
            body=["說明:一、依土地徵收條例第13條辦理。"],
            received_at="2026-11-20",
        ),
        officers=OFFICERS,
        options=DispatchOptions(level="officer"),
    )
    for unit in answer.units:
        print(f"{unit.role}:{unit.name} {unit.score:.2f}")
    print(f"承辦人:{[it.officer_id for it in answer.officers]},不列入:{[(it.officer_id, it.why) for it in answer.excluded]}")
    print(f"辦理期限:{answer.deadline.date}({answer.deadline.rule})")

    print(f"DI 檔:{client.documents.route_file(DI.encode()).units[0].name}")
    try:
        client.documents.route(Document(secrecy="機密", subject="示範"))
    except Classified as refused:
        print(f"密等公文不受理:{refused.code},{refused.remedy}")
