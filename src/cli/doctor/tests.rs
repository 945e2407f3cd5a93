//! Looks at machines that are as they should be, and at others.

use super::*;

fn found(config: &Config, check: &str) -> State {
    let found = checks(config).into_iter().find(|it| it.check == check);
    found.map(|it| it.state).unwrap()
}

fn config(data: &Path) -> Config {
    let mut config = Config { data_dir: Some(data.to_owned()), ..Config::default() };
    config.models.store = Some(data.join("models"));
    config.server.listen.set_port(0);
    config.audit.min_free_mib = 0;
    config
}

#[test]
fn a_new_machine_has_nothing_bad() {
    let data = tempfile::tempdir().unwrap();
    let config = config(data.path());
    let bad: Vec<_> = checks(&config).into_iter().filter(|it| it.state == State::Bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "looking changes nothing");
}

#[test]
fn models_of_other_nodes_are_not_missed() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    let missed = |config: &Config| {
        checks(config).into_iter().find(|it| it.check == "models").unwrap().detail
    };
    let everywhere = missed(&config);
    assert!(everywhere.contains("yunet-face") && everywhere.contains("silero-vad"), "{everywhere}");
    config.server.services = vec![NodeService::Letters];
    let here = missed(&config);
    assert!(!here.contains("yunet-face") && !here.contains("silero-vad"), "{here}");
    assert!(here.contains("use-multilingual-v3"), "{here}");
}

#[test]
fn what_is_wrong_is_bad() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    drop(jobs::store(&config).unwrap());
    assert_eq!((found(&config, "keys"), found(&config, "database")), (State::Good, State::Good));
    let key = data.path().join("keys/store.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!((found(&config, "keys"), found(&config, "database")), (State::Bad, State::Bad));
    fs::remove_file(&key).unwrap();
    assert_eq!(found(&config, "keys"), State::Bad);
    let listener = "address = \"127.0.0.1:0\"\nsurface = \"public\"\ncertificate = \"/nowhere\"";
    config.listeners.push(toml::from_str(listener).unwrap());
    assert_eq!(found(&config, "certificates"), State::Bad);
    fs::write(data.path().join("store.sqlite"), b"no database, but some bytes").unwrap();
    assert_eq!(found(&config, "database"), State::Bad);
    config.audit.min_free_mib = u64::MAX >> 8;
    assert_eq!(found(&config, "disk"), State::Bad);
    config.retention.text_days = 0;
    assert_eq!(found(&config, "config"), State::Bad);
    config.server.listen = ([192, 0, 2, 1], 9).into();
    assert_eq!(found(&config, "ports"), State::Bad);
}

#[test]
fn an_older_database_is_told_of_and_left_alone_and_a_newer_one_is_bad() {
    let data = tempfile::tempdir().unwrap();
    let config = config(data.path());
    drop(jobs::store(&config).unwrap());
    let file = || rusqlite::Connection::open(data.path().join("store.sqlite")).unwrap();
    let check = |number: i64, state: State, told: &str| {
        file().pragma_update(None, "user_version", number).unwrap();
        let found = checks(&config).into_iter().find(|it| it.check == "database").unwrap();
        assert!(found.state == state && found.detail.contains(told), "{found:?}");
        let kept: i64 = file().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, number);
    };
    check(0, State::Warning, "首次啟動時建立");
    check(4, State::Warning, "資料庫結構較舊");
    check(9999, State::Bad, "請改用不舊於該資料庫的程式");
}

#[test]
fn what_is_not_as_it_was_signed_is_bad() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    assert_eq!(found(&config, "release"), State::Good);
    config.profile = Profile::Production;
    assert_eq!(found(&config, "release"), State::Warning);
    // A key, and nothing that it has signed.
    let key = AuditKey::open(&data.path().join("signer")).unwrap().public().to_line();
    config.release.public_key = Some(key);
    assert_eq!(found(&config, "release"), State::Bad);
}

#[test]
fn a_scanner_that_does_not_answer_is_bad() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    assert_eq!(found(&config, "scanner"), State::Good);
    let socket = data.path().join("clamd.ctl");
    config.scan.clamd = Some(format!("unix:{}", socket.display()));
    assert_eq!(found(&config, "scanner"), State::Bad);
}

#[test]
fn each_listener_needs_its_address() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    let mut listen = |address: &str| {
        let text = format!("address = \"{address}\"\nsurface = \"public\"");
        config.listeners.push(toml::from_str(&text).unwrap());
        found(&config, "ports")
    };
    assert_eq!(listen("127.0.0.1:0"), State::Good);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(listen(&taken.local_addr().unwrap().to_string()), State::Warning);
    assert_eq!(listen("192.0.2.1:9"), State::Bad);
}

#[test]
fn columns_of_chinese_are_even() {
    let check = |name, state| Check { check: "", name, state, detail: "x".to_owned() };
    let text = table(&[check("設定", State::Good), check("企業匯流排", State::Bad)]);
    assert_eq!(text, "設定        正常  x\n企業匯流排  異常  x\n");
}

#[test]
fn what_is_bad_says_what_to_do() {
    fn check(config: &Config, check: &str, remedy: &str) {
        let found = checks(config).into_iter().find(|it| it.check == check).unwrap();
        assert!(found.state == State::Bad && found.detail.contains(remedy), "{found:?}");
    }
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    drop(jobs::store(&config).unwrap());
    fs::write(data.path().join("keys/store.key"), [7; 32]).unwrap();
    check(&config, "database", "請由保險箱取回指紋相符的金鑰");
    fs::write(data.path().join("store.sqlite"), b"no database, but some bytes").unwrap();
    check(&config, "database", "請由備份還原");
    fs::create_dir(data.path().join("audit")).unwrap();
    check(&config, "audit", "由保險箱取回 audit.key");
    config.data_dir = Some(data.path().join("store.sqlite/data"));
    check(&config, "disk", "請更正 data_dir");
    config.server.listen = ([192, 0, 2, 1], 9).into();
    check(&config, "ports", "本機沒有這個位址,請更正 server.listen");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.scan.clamd = Some(format!("tcp:{closed}"));
    check(&config, "scanner", "請檢查 clamd 與 scan.clamd");
    config.data_dir = Some(data.path().to_owned());
    config.store.engine = StoreEngine::Postgres;
    #[cfg(not(feature = "postgres"))]
    check(&config, "database", "請以 feature `postgres` 建置");
    #[cfg(feature = "postgres")]
    {
        check(&config, "database", "store.url");
        let url = format!("postgres://fenwen@{closed}/fenwen");
        config.store.url = Some(crate::base::Secret::new(url));
        fs::remove_dir_all(data.path().join("keys")).unwrap();
        check(&config, "database", "請檢查 PostgreSQL 是否執行");
    }
}
