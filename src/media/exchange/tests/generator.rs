//! Writes exchange files of every kind, generation and encoding, from one set of invented facts.

use encoding_rs::BIG5;

/// Which tag set a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    Roc91,
    Roc99,
    Roc104,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Utf8,
    Utf8Marked,
    Undeclared,
    Big5,
    Cp950,
}

/// One file to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) kind: &'static str,
    pub(super) class: &'static str,
    pub(super) generation: Generation,
    pub(super) writing: Writing,
    /// Line breaks and indentation between tags.
    pub(super) is_indented: bool,
    /// 發文字號 as one text, codes as text, days in Chinese numerals.
    pub(super) is_loose: bool,
}

pub(super) const SUBJECT: &str = "檢送本府辦理戶籍登記疑義1案，請　查照。";

impl Sample {
    pub(super) fn bytes(&self) -> Vec<u8> {
        encode(&self.text(), self.writing)
    }

    pub(super) fn text(&self) -> String {
        let gap = if self.is_indented { "\r\n    " } else { "" };
        let body = self.elements().join(gap);
        let root = self.kind;
        format!("{}{}<{root}>{gap}{body}{gap}</{root}>\n", self.declaration(), self.doctype())
    }

    fn declaration(&self) -> &'static str {
        match self.writing {
            Writing::Utf8 | Writing::Utf8Marked => "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
            Writing::Undeclared => "",
            Writing::Big5 => "<?xml version=\"1.0\" encoding=\"big5\"?>\r\n",
            Writing::Cp950 => "<?xml version='1.0' encoding = 'CP950' standalone='no'?>\n",
        }
    }

    fn doctype(&self) -> String {
        let number = match self.kind {
            "令" => "1",
            "公告" => "3",
            "開會通知單" => "4",
            "簽" => "5",
            "簽稿會核單" => "6",
            "會勘通知單" => "B",
            _ => "2",
        };
        let big5 = matches!(self.writing, Writing::Big5 | Writing::Cp950);
        let suffix = if big5 { "big5" } else { "utf8" };
        let (dtd, roster, notation) = match self.generation {
            Generation::Roc91 => (format!("91_{number}.dtd"), "名單", "ATTACH"),
            Generation::Roc99 => (format!("99_{number}_{suffix}.dtd"), "表單", "_X"),
            Generation::Roc104 => (format!("104_{number}_{suffix}.dtd"), "表單", "_X"),
        };
        format!(
            "<!DOCTYPE {} SYSTEM \"{dtd}\" [\n<!ENTITY ATTCH1 SYSTEM \"計畫書.pdf\" NDATA {notation}>\n\
             <!ENTITY {roster} SYSTEM \"1140000001.sw\" NDATA DI>\n<!NOTATION DI SYSTEM \"\">\n\
             <!NOTATION {notation} SYSTEM \"\">\n]>\n",
            self.kind
        )
    }

    fn elements(&self) -> Vec<String> {
        let mut found = vec![self.sender()];
        match (self.kind, self.class) {
            ("函", class) => found.push(self.coded("函類別", class)),
            ("令", class) => found.push(self.coded("令類別", class)),
            _ => (),
        }
        let roster = if self.generation == Generation::Roc91 { "名單" } else { "表單" };
        found.push("<地址>嘉禾市中正路1號</地址><聯絡方式>承辦人：林小明</聯絡方式>".to_owned());
        found.push(format!("<受文者><交換表 交換表單=\"{roster}\">如正副本</交換表></受文者>"));
        found.extend(self.number_and_day());
        found.push(self.coded("速別", "速件"));
        found.push(self.secrecy());
        found.push("<附件><文字>如說明二</文字><附件檔名 附件名=\"ATTCH1\"/></附件>".to_owned());
        found.extend(self.matter());
        found.push(self.body());
        found.push(self.copies());
        found.push("<署名>市長　王○○</署名>".to_owned());
        if self.kind == "簽" {
            found.push(format!("<年月日>{}</年月日>", self.day()));
        }
        found
    }

    fn sender(&self) -> String {
        if self.kind == "簽" {
            return "<單位><單位名>民政處</單位名><單位代碼>UA10000</單位代碼></單位>".to_owned();
        }
        "<發文機關><全銜>嘉禾市政府</全銜><機關代碼>Q10000000A</機關代碼></發文機關>".to_owned()
    }

    fn coded(&self, name: &str, code: &str) -> String {
        if self.is_loose {
            format!("<{name}>{code}</{name}>")
        } else {
            format!("<{name} 代碼=\"{code}\"/>")
        }
    }

    pub(super) fn day(&self) -> &'static str {
        if self.is_loose {
            "中華民國一一四年十一月五日"
        } else {
            "中華民國114年11月5日"
        }
    }

    fn number_and_day(&self) -> Vec<String> {
        let parts = "<文號><年度>114</年度><流水號>0123456</流水號><支號>２</支號></文號>";
        match self.kind {
            "簽" => vec![parts.to_owned()],
            "簽稿會核單" => {
                vec![format!("<收文字號><字>府民戶</字>{parts}</收文字號>"), self.issued()]
            }
            _ if self.is_loose => vec![
                self.issued(),
                "<發文字號><文字>府民戶字第1140123456-2號</文字></發文字號>".to_owned(),
            ],
            _ => vec![self.issued(), format!("<發文字號><字>府民戶</字>{parts}</發文字號>")],
        }
    }

    fn issued(&self) -> String {
        format!("<發文日期><年月日>{}</年月日></發文日期>", self.day())
    }

    fn secrecy(&self) -> String {
        match self.generation {
            Generation::Roc91 => {
                "<密等及解密條件><密等 代碼=\"普通\"/><解密條件/></密等及解密條件>".to_owned()
            }
            _ => "<密等及解密條件或保密期限><密等/><解密條件或保密期限></解密條件或保密期限>\
                  </密等及解密條件或保密期限>"
                .to_owned(),
        }
    }

    fn matter(&self) -> Vec<String> {
        let time =
            "<年月日>中華民國114年11月20日</年月日><星期>星期四</星期><時分>上午9時30分</時分>";
        let people = "<主持人><姓名>王主任</姓名><職稱>主任秘書</職稱></主持人>\
                      <出席者><全銜>內政部</全銜><單位名>民政處</單位名></出席者>\
                      <列席者><總稱>各區公所</總稱></列席者>";
        let named = |name: &str| format!("<{name}><文字>{SUBJECT}</文字></{name}>");
        match self.kind {
            "開會通知單" => vec![
                named("開會事由"),
                format!("<開會時間>{time}</開會時間><開會地點><文字>第一會議室</文字></開會地點>"),
                people.to_owned(),
            ],
            "會勘通知單" => vec![
                named("會勘事由"),
                format!("<會勘時間>{time}</會勘時間><會勘地點><文字>第一會議室</文字></會勘地點>"),
                people.to_owned(),
            ],
            "簽稿會核單" => vec![named("案情摘要")],
            _ => vec![named("主旨")],
        }
    }

    fn body(&self) -> String {
        let name = if self.kind == "公告" { "公告事項：" } else { "說明：" };
        let body = format!(
            "<段落 段名=\"{name}\"><文字>查本案如下：</文字><條列 序號=\"一、\"><文字>依 &lt;戶籍法&gt; 辦理 &amp; 備查。\
             </文字><條列 序號=\"(一)\"><文字><![CDATA[第17條]]>。</文字></條列></條列>\
             <條列 序號=\"二、\"><文字>檢附計畫書1份。</文字></條列></段落>"
        );
        if self.kind == "開會通知單" {
            return format!("<備註>{body}</備註>");
        }
        body
    }

    fn copies(&self) -> String {
        if self.kind == "簽" {
            return "<敬陳><職稱>處長</職稱><職稱>市長</職稱><姓名>王○○</姓名></敬陳>".to_owned();
        }
        "<正本><全銜>內政部</全銜><總稱>各區公所</總稱></正本>\
         <副本><全銜>嘉禾市議會</全銜><含附件>不含附件</含附件></副本>"
            .to_owned()
    }
}

/// Text → bytes in one way of writing; U+E000 is written as the first user-defined pair.
pub(super) fn encode(text: &str, writing: Writing) -> Vec<u8> {
    match writing {
        Writing::Utf8 | Writing::Undeclared => text.as_bytes().to_vec(),
        Writing::Utf8Marked => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        Writing::Big5 | Writing::Cp950 => {
            let parts: Vec<Vec<u8>> = text
                .split('\u{E000}')
                .map(|part| {
                    let (bytes, _, has_errors) = BIG5.encode(part);
                    assert!(!has_errors, "no Big5 for {part}");
                    bytes.into_owned()
                })
                .collect();
            parts.join(&b"\xFA\x40"[..])
        }
    }
}
