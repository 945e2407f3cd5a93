#!/usr/bin/env python3
"""Composes the training rows of the built-in classifiers from the open sets of `datasets-manifest/`.

    compose.py DATA_DIR OUT_DIR

writes letters.jsonl, documents.jsonl and ministries.jsonl, and duties.jsonl for `fenwen train --duties`; see README.md
beside this file for what stands in for what.
Names in notices of service are masked before anything is written.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

# Offices of two cities that do for a city what a unit of the ministry does for the country; "" at the end: any section.
TAIPEI = {
    "臺北市政府民政局戶籍行政科": "戶政司",
    "臺北市政府民政局人口政策科": "戶政司",
    "臺北市政府民政局區政監督科": "民政司",
    "臺北市政府民政局宗教禮俗科": "宗教及禮制司",
    "臺北市殯葬管理處": "宗教及禮制司",
    "臺北市政府地政局": "地政司",
    "臺北市政府兵役局": "役政司",
    "臺北市政府警察局": "警政署",
    "臺北市政府消防局": "消防署",
    "臺北市政府都市發展局": "國土管理署",
    "臺北市都市更新處": "國土管理署",
    "臺北市建築管理工程處": "國土管理署",
    "臺北市政府社會局人民團體科": "合作及人民團體司",
}
KAOHSIUNG = {
    "高雄市政府地政局": "地政司",
    "高雄市政府警察局": "警政署",
    "高雄市政府消防局": "消防署",
    "高雄市政府都市發展局": "國土管理署",
}
# Offices whose questions may be anybody's: they teach neither side.
UNCLEAR = re.compile("民政|區公所|研究發展考核|法務局|法制局|資訊局|人事|主計|政風")
ELSEWHERE = "其他機關"
# Every third question of the other offices: enough to know what is not ours.
ELSEWHERE_EVERY = 3

# Ministries under the names of today.
TODAY = {
    "衛生署": "衛生福利部",
    "勞委會": "勞動部",
    "環保署": "環境部",
    "農委會": "農業部",
    "體委會": "運動部",
    "新聞局": "文化部",
    "國科會": "國家科學及技術委員會",
    "原能會": "核能安全委員會",
    "金管會": "金融監督管理委員會",
    "工程會": "公共工程委員會",
    "公平會": "公平交易委員會",
    "輔導會": "國軍退除役官兵輔導委員會",
    "原民會": "原住民族委員會",
    "中選會": "中央選舉委員會",
    "僑委會": "僑務委員會",
    "客委會": "客家委員會",
    "通訊傳播委員會": "國家通訊傳播委員會",
}
MOVED = "衛生福利部（102年移出）"

# In notices of service a name stands before 君, 先生 or 女士.
NAMED = re.compile(r"[\u4e00-\u9fff○]{2,4}(?=君|先生|女士|小姐)")


def rows(path):
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def masked(text):
    return NAMED.sub("○○○", text or "")


def unit_of(office, table):
    for name, unit in table.items():
        if office.startswith(name):
            return unit
    return None


def duties(data):
    """One row for each numbered duty of a unit (處務規程) or agency."""
    for row in rows(data / "moi_duties.jsonl"):
        law, text = row["law"], row["text"]
        agency = re.fullmatch("內政部(.+?)處務規程", law)
        found = re.match("(.{2,12}?)掌理", text)
        label = agency.group(1) if agency else found and found.group(1)
        if not label or label.startswith("本部") or "組" in label[-1:]:
            continue
        for item in re.split(r"\n?[一二三四五六七八九十]+、", text)[1:]:
            yield label, item.strip()


def letters(data):
    known = {"國土管理署", "國家公園署", "警政署", "消防署", "移民署", "空中勤務總隊", "建築研究所"}
    for label, text in duties(data):
        if label.endswith("司") or label in known:
            yield {"text": text, "label": label, "source": "duties"}
    for row in rows(data / "gazette_documents.jsonl"):
        if row["unit_today"] != MOVED:
            head = masked(row["explanation"])[:120]
            yield {"text": masked(row["subject"]) + "\n" + head, "label": row["unit_today"], "source": "gazette"}
    for name, office, text, table in (
        ("taipei_questions.jsonl", "unit", "text", TAIPEI),
        ("kaohsiung_faq_half.jsonl", "department", "question", KAOHSIUNG),
    ):
        elsewhere = 0
        for row in rows(data / name):
            unit = unit_of(row[office], table)
            if unit is None:
                if UNCLEAR.search(row[office]):
                    continue
                elsewhere += 1
                if elsewhere % ELSEWHERE_EVERY:
                    continue
            yield {"text": row[text], "label": unit or ELSEWHERE, "source": "city"}


def documents(data):
    for row in rows(data / "gazette_documents.jsonl"):
        if row["unit_today"] != MOVED:
            body = masked(row["explanation"]) or masked(row["body"])
            yield {"subject": masked(row["subject"]), "body": body, "label": row["unit_today"]}


def ministries(data):
    for row in rows(data / "gazette_ministries.jsonl"):
        yield {"subject": masked(row["subject"]), "label": TODAY.get(row["gov"], row["gov"])}
    for row in rows(data / "gazette_documents.jsonl"):
        label = "衛生福利部" if row["unit_today"] == MOVED else "內政部"
        yield {"subject": masked(row["subject"]), "label": label}


def main():
    data, out = map(Path, sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    for make in (letters, documents, ministries):
        made = [row for row in make(data) if any((row.get(key) or "").strip() for key in ("text", "subject"))]
        with (out / f"{make.__name__}.jsonl").open("w", encoding="utf-8") as file:
            for row in made:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        print(make.__name__, len(made), dict(Counter(row["label"] for row in made).most_common()), file=sys.stderr)
    with (out / "duties.jsonl").open("w", encoding="utf-8") as file:
        for unit, text in duties(data):
            file.write(json.dumps({"unit": unit, "text": text}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
