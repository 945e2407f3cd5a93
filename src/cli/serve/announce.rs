//! What a person at a terminal is told to try.

use std::io::Write;
use std::net::SocketAddr;

/// What the printed commands send; nobody wrote or sent these.
const LETTER: &str = r#"{"purpose":{"code":"petition-handling","case_no":"DEMO-2"},"letters":[{"subject":"戶籍遷入遭退件","body":"您好,我上週到戶政事務所辦理遷入登記,承辦人說缺少房屋所有權人的同意書,請問要怎麼補件?"}]}"#;
const DOCUMENT: &str = r#"{"purpose":{"code":"official-document","case_no":"DEMO-3"},"document":{"doc_type":"函","priority":"速件","secrecy":"普通","subject":"檢送本縣消防人員訓練計畫1份,請鑒核。","body":["說明:依消防法辦理。"]}}"#;
const QUESTION: &str = r#"{"purpose":{"code":"hotline-1996","case_no":"DEMO-5"},"question":"身分證遺失了要怎麼補辦?"}"#;

/// Tells a person at a terminal that nothing is served, and the remedy.
pub(super) fn announce_sealed(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\nfenwen 分文 處於封存狀態:資料金鑰與資料庫不符,不提供任何服務。\n\
         請將正確的金鑰放回資料目錄的 keys,再重新啟動(狀態:http://{address}/healthz/live)。"
    )?;
    out.flush()
}

/// Tells a person at a terminal what to try.
pub(super) fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\nfenwen 分文 已就緒:http://{address}/(以瀏覽器開啟即可試用;API 文件:http://{address}/docs)\n\n\
         證件影像識別:\n\
         curl -s http://{address}/api/v1/identity-documents/recognitions \\\n  \
         -F 'meta={{\"purpose\":{{\"code\":\"online-application\",\"case_no\":\"DEMO-1\"}}}};type=application/json' \\\n  \
         -F image=@tests/data/idcard/tw_national_id_front.jpg\n\n\
         語音轉寫:\n\
         curl -s http://{address}/v1/audio/transcriptions \\\n  \
         -F model=whisper-base -F file=@src/console/samples/recording.mp3\n"
    )?;
    let texts = [
        ("信件智能分類", "letters/classifications", LETTER),
        ("公文智能分文", "documents/dispatch-suggestions", DOCUMENT),
        ("客戶問答(先匯入、核准並索引來源:fenwen qa --help)", "qa/answers", QUESTION),
    ];
    for (title, path, body) in texts {
        writeln!(
            out,
            "{title}:\ncurl -s http://{address}/api/v1/{path} \\\n  \
             -H 'content-type: application/json' \\\n  -d '{body}'\n"
        )?;
    }
    out.flush()
}
