//! `fenwen doctor`: what an operator is to do about a failure.

use std::io::{Error, ErrorKind};

use anyhow::anyhow;

use crate::store::StoreError;

/// About an address that cannot be listened at.
pub(super) fn of_port(error: &Error, setting: &str) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("1024 以下的埠須有 CAP_NET_BIND_SERVICE,或於 {setting} 改用較大的埠")
        }
        ErrorKind::AddrNotAvailable => format!("本機沒有這個位址,請更正 {setting}"),
        _ => format!("請檢查 {setting} 與網路設定"),
    }
}

/// The failure of the store in one line, with its remedy.
pub(super) fn of_store(error: &anyhow::Error) -> anyhow::Error {
    let told = crate::cli::one_line(error);
    match error.chain().find_map(|it| it.downcast_ref()).map(remedy) {
        Some(remedy) => anyhow!("{told}({remedy})"),
        // A setting is missing, and the text says which.
        None => anyhow!(told),
    }
}

fn remedy(error: &StoreError) -> &'static str {
    match error {
        StoreError::Key { .. } => {
            "請由保險箱取回指紋相符的金鑰,放入資料目錄的 keys,權限 0600,擁有者為服務帳號"
        }
        StoreError::Version { .. } => "請改用不舊於該資料庫的程式",
        StoreError::File { .. } => "請檢查該路徑的擁有者、權限與磁碟空間,並以服務帳號執行",
        #[cfg(feature = "postgres")]
        StoreError::Postgres(_) => {
            "請檢查 PostgreSQL 是否執行,以及 store.url 的主機、帳號、密碼與防火牆"
        }
        StoreError::Sqlite(_) => "請檢查檔案的擁有者、權限與磁碟空間;檔案若已損壞,請由備份還原",
        StoreError::Shape => "資料庫檔案若已損壞,請由備份還原",
        _ => "請稍後再試;持續發生時,查閱日誌並回報",
    }
}
