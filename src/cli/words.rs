//! What failed, in one line and in the words of operators, with the remedy where what lies below knows it.

use std::error::Error;
use std::io::ErrorKind;

use clap::{Arg, ArgAction, Command};

use crate::registry::{RegistryError, SourceError, VerifyError};
use crate::service::routing::EncoderError;

/// A command line whose help has headings and flags in the words of operators; what is handed on unread keeps its `--help`.
pub(super) fn worded(command: Command) -> Command {
    let has_help = !command.is_disable_help_flag_set();
    let flag = |name: &'static str, short, action| {
        Arg::new(name).long(name).short(short).action(action).help_heading("選項")
    };
    let worded = command
        .help_template("{before-help}{about-with-newline}\n用法:{usage}\n\n{all-args}{after-help}")
        .subcommand_help_heading("指令")
        .mut_args(|it| {
            let heading = if it.is_positional() { "參數" } else { "選項" };
            it.help_heading(heading)
        })
        .mut_subcommands(worded);
    if !has_help {
        return worded;
    }
    worded
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(flag("help", 'h', ArgAction::Help).help("顯示說明"))
        .arg(flag("version", 'V', ArgAction::Version).help("顯示版本"))
}

/// The whole chain of an error, outermost first.
pub(super) fn one_line(err: &anyhow::Error) -> String {
    chain(err.as_ref())
}

/// An error and its causes in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut causes = vec![plain(error)];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(plain(cause));
        next = cause.source();
    }
    causes.join(":").replace('\n', " ")
}

/// A name that an operator gives at the command line: something that can be seen.
///
/// # Errors
/// What is wrong with it, for the one who wrote it.
pub(super) fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("不得空白".to_owned()),
        _ if text.chars().any(char::is_control) => Err("不得含換行等控制字元".to_owned()),
        trimmed => Ok(trimmed.to_owned()),
    }
}

fn plain(cause: &(dyn Error + 'static)) -> String {
    let told = if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        system(error).map(str::to_owned)
    } else if let Some(error) = cause.downcast_ref() {
        registry(error)
    } else if let Some(error) = cause.downcast_ref() {
        source(error)
    } else if let Some(error) = cause.downcast_ref() {
        Some(verify(error))
    } else {
        cause.downcast_ref().map(encoder)
    };
    told.unwrap_or_else(|| cause.to_string())
}

/// What the system says of a file or an address, where it is said often.
fn system(error: &std::io::Error) -> Option<&'static str> {
    error.raw_os_error()?;
    Some(match error.kind() {
        ErrorKind::NotFound => "找不到檔案或資料夾",
        ErrorKind::PermissionDenied => "沒有存取權限",
        ErrorKind::AlreadyExists => "已存在",
        ErrorKind::StorageFull => "磁碟空間不足",
        ErrorKind::ReadOnlyFilesystem => "檔案系統為唯讀",
        ErrorKind::IsADirectory => "這是資料夾,不是檔案",
        ErrorKind::NotADirectory => "路徑中有一段不是資料夾",
        ErrorKind::AddrInUse => "位址已被使用",
        ErrorKind::AddrNotAvailable => "本機沒有這個位址",
        ErrorKind::ConnectionRefused => "對方拒絕連線,可能尚未啟動",
        _ => return None,
    })
}

fn registry(error: &RegistryError) -> Option<String> {
    Some(match error {
        RegistryError::ReadManifest { path, .. } => format!("無法讀取 {}", path.display()),
        RegistryError::Manifest { origin, .. } => format!("模型說明檔 {origin} 有誤"),
        RegistryError::Unknown { id, known } => format!("沒有模型「{id}」;已知的有 {known}"),
        RegistryError::Missing { id, file } => {
            format!("模型「{id}」尚未下載(沒有 {file}):請執行 fenwen models pull {id}")
        }
        RegistryError::Broken { id, file, .. } => format!(
            "模型「{id}」的 {file} 毀損:請執行 fenwen models verify {id} 查看,再執行 fenwen models pull {id} 重新下載"
        ),
        RegistryError::Unobtainable { id, file, attempts } => format!(
            "{} 個來源都沒有模型「{id}」的 {file};請在其他機器取得後執行 fenwen models pull {id} --from DIR",
            attempts.len()
        ),
        RegistryError::Platform { id, platforms } => format!("模型「{id}」只適用於 {platforms}"),
        RegistryError::Untrusted { id, .. } => format!("已簽署的清單不准使用模型「{id}」"),
        // Its verb is English, and what the system says comes behind it.
        RegistryError::Store { .. } => return None,
    })
}

fn source(error: &SourceError) -> Option<String> {
    Some(match error {
        SourceError::NotInDir(path) => {
            format!("{} 沒有這個檔案,也沒有含有它的封存檔", path.display())
        }
        SourceError::NotEmbedded => "程式未內建這個檔案".to_owned(),
        SourceError::NoPart { part, reason } => format!("無法取得 {part}:{reason}"),
        SourceError::Convert(_) => "無法由各部分組成檔案".to_owned(),
        SourceError::Tool { tool, message } => format!("{tool} 失敗:{message}"),
        SourceError::FailedBefore(reason) => format!("這次下載中已失敗過:{reason}"),
        SourceError::Archive { archive, message } => format!("無法讀取封存檔 {archive}:{message}"),
        SourceError::NoMember { archive, member } => format!("{archive} 沒有檔案 {member}"),
        SourceError::Status(status) => format!("伺服器回覆 {status}"),
        SourceError::Network(reason) => format!("傳輸失敗:{reason}"),
        SourceError::Read { what, .. } => format!("無法讀取 {what}"),
        SourceError::Write { path, .. } => format!("無法寫入 {}", path.display()),
        SourceError::Truncated { expected, found } => {
            format!("內容不完整:應為 {expected} 位元組,實為 {found}")
        }
        SourceError::TooLong { expected } => format!("內容長於應有的 {expected} 位元組"),
        SourceError::WrongHash { file, expected, found } => {
            format!("{file} 的 SHA-256 不符:應為 {expected},實為 {found}")
        }
        SourceError::NoNetwork => "這個程式建置時未含網路來源(cargo feature hub)".to_owned(),
        // Its remedy is a command.
        SourceError::NoTool { .. } => return None,
    })
}

fn verify(error: &VerifyError) -> String {
    match error {
        VerifyError::Read { path, .. } => format!("無法讀取 {}", path.display()),
        VerifyError::Mismatch { path, expected, found } => {
            format!("{} 的 SHA-256 不符:應為 {expected},實為 {found}", path.display())
        }
    }
}

fn encoder(error: &EncoderError) -> String {
    match error {
        EncoderError::Other { wanted, found } => format!(
            "分類模型以語句編碼器 {wanted} 訓練,本機有的是 {found}:請下載該模型(隨分類模型訓練者:設定 models.manifests = \
             \"DIR\",再執行 fenwen models pull ID --from DIR/ID),或重新訓練"
        ),
        EncoderError::Missing { id } => {
            format!("語句編碼器「{id}」尚未下載:請執行 fenwen models pull {id}")
        }
        EncoderError::Open { reason } => format!("無法開啟語句編碼器:{reason}"),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn an_error_is_one_line_in_the_words_of_operators() {
        let missing = std::fs::read("/no/such/file").context("無法讀取\n檔案").unwrap_err();
        assert_eq!(one_line(&missing), "無法讀取 檔案:找不到檔案或資料夾");
        let told = anyhow::Error::new(std::io::Error::other("line 3")).context("無法讀取");
        assert_eq!(
            one_line(&told),
            "無法讀取:line 3",
            "what says more than the system's word is kept"
        );
    }

    #[test]
    fn a_name_can_be_seen() {
        assert_eq!(name(" 115-2 ").unwrap(), "115-2");
        for bad in ["", "  ", "\u{3000}", "a\nb"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    /// A model that was never fetched and one that is damaged want something else of an operator.
    #[test]
    fn a_missing_model_and_a_broken_one_have_remedies_of_their_own() {
        let id = crate::registry::ModelId::try_from("a-model".to_owned()).unwrap();
        let file = "a.onnx".to_owned();
        let missing = RegistryError::Missing { id: id.clone(), file: file.clone() };
        let of = |error: RegistryError| one_line(&anyhow::Error::new(error).context("外層"));
        let told = of(missing);
        assert!(told.contains("尚未下載") && told.contains("models pull a-model"), "{told}");
        let expected = "1".repeat(64);
        let mismatch = VerifyError::Mismatch { path: "/a".into(), expected, found: "2".repeat(64) };
        let told = of(RegistryError::Broken { id, file, source: mismatch });
        assert!(told.contains("毀損") && told.contains("models verify a-model"), "{told}");
        assert!(told.contains("應為 111") && told.contains("實為 222"), "{told}");
    }
}
