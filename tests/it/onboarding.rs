//! What other systems hand over at the command line: applications of clients, the tree of units.

use std::path::Path;
use std::process::{Command, Output};

use fenwen::store::Store;
use serde_json::{Value, json};

use crate::audit::rows;

/// An installation of its own.
struct World(tempfile::TempDir);

impl World {
    fn new() -> World {
        World(tempfile::tempdir().unwrap())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_fenwen"))
            .args(arguments)
            .arg("--data-dir")
            .arg(self.0.path())
            .env("XDG_DATA_HOME", self.0.path())
            .output()
            .unwrap()
    }

    /// What a command says that succeeds.
    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says, and why it failed.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn application(id: &str) -> Value {
    json!({
        "application_no": format!("AP-{id}"), "applied_by": "u-1", "client_id": id,
        "org": "379000000A", "scopes": ["letters:classify"], "purposes": ["petition-handling"],
        "networks": ["10.1.0.0/16"], "valid_days": 365,
    })
}

fn applications(world: &World, all: &[Value]) -> String {
    let file = json!({"schema": "client-application.v1", "applications": all});
    world.file("applications.json", &file.to_string())
}

#[test]
fn applications_are_tried_first_and_registered_when_somebody_else_approves() {
    let world = World::new();
    let mut exchanged = application("b");
    exchanged["exchange_name"] = json!("TW/GOV/379000000A/b");
    let file = applications(&world, &[application("a"), exchanged]);
    let import = ["clients", "import", &file, "--approved-by", "u-2"];
    let said = world.said(&import);
    assert!(said.contains("AP-a a 379000000A 登記") && said.contains("試算"), "{said}");
    assert_eq!(world.said(&["clients", "list"]), "", "nothing is registered yet");
    world.said(&[&import[..], &["--apply"]].concat());
    let shown = world.said(&["clients", "show", "b"]);
    assert!(shown.contains("TW/GOV/379000000A/b") && shown.contains("approved_by=u-2"), "{shown}");
    assert!(shown.contains("權限:letters:classify\n"), "no more than it asks for: {shown}");
    let rows = rows(world.path());
    let registered: Vec<_> = rows.iter().filter(|it| it.action == "clients import").collect();
    assert_eq!(registered.len(), 2);
    assert_eq!(registered[0].object.as_deref(), Some("clients/a"));
    let of = (registered[0].case_no.as_deref(), registered[0].person.as_deref());
    assert_eq!(of, (Some("AP-a"), Some("u-2")));
    let again = world.said(&import);
    assert!(again.contains("AP-a a 379000000A 已登記,內容相同"), "{again}");
}

#[test]
fn one_application_that_cannot_be_keeps_all_from_being_registered() {
    let world = World::new();
    let change = |key: &str, value: Value| {
        let mut it = application("b");
        it[key] = value;
        it
    };
    let mut doubled = application("a");
    doubled["scopes"] = json!(["jobs:read"]);
    for (second, reason) in [
        (change("applied_by", json!("u-2")), "申請人不得核准"),
        (change("scopes", json!(["letters:everything"])), "letters:everything"),
        (change("scopes", json!([])), "scopes"),
        (change("networks", json!(["somewhere"])), "somewhere"),
        (change("exchange_name", json!("TW")), "instance/class/member"),
        (change("client_id", json!("王小明")), "1 到 64"),
        (doubled, "內容不同"),
    ] {
        let file = applications(&world, &[application("a"), second]);
        let import = ["clients", "import", &file, "--approved-by", "u-2", "--apply"];
        let (said, error) = world.refused(&import);
        assert!(said.contains(reason) && error.contains("2 件申請中有 1 件"), "{said}{error}");
    }
    let file = world.file("bad.json", "{\"schema\": \"client-application.v1\"}");
    let (_, error) = world.refused(&["clients", "import", &file, "--approved-by", "u-2"]);
    assert!(error.contains("bad.json"), "{error}");
    assert_eq!(world.said(&["clients", "list"]), "");
}

#[test]
fn a_name_at_the_exchange_is_one_clients_however_it_is_spelt() {
    let world = World::new();
    let add = |id: &'static str, partner: &'static str| {
        let names = ["clients", "add", id, "--partner", partner];
        [&names[..], &["--purpose", "petition-handling", "--approved-by", "u-2"]].concat()
    };
    world.said(&add("a", "TW/GOV/301000000A/%E5%88%86%E6%96%87"));
    let shown = world.said(&["clients", "show", "a"]);
    assert!(shown.contains("TW/GOV/301000000A/分文"), "{shown}");
    let (_, error) = world.refused(&add("b", "TW/GOV/301000000A/分文"));
    assert!(error.contains("已被使用"), "{error}");
    world.said(&add("c", "TW/GOV/301000000A/分文二"));
}

#[test]
fn a_table_of_units_becomes_the_next_version() {
    let world = World::new();
    let table = world.file(
        "units.csv",
        "單位代碼,上級單位代碼,單位名稱,職掌\n1,301000000A,民政司,自治\n2,1,第一科,\n3,301000000A,數位司,系統\n",
    );
    let out = world.path().join("next.toml");
    let out = out.to_str().unwrap();
    let import = ["taxonomy", "import", &table, "--as", "2199", "--on", "2199-01-01", "--out", out];
    let said = world.said(&import);
    assert!(said.contains("新增 301000000A/數位司") && said.contains("試算"), "{said}");
    assert!(said.contains("裁撤或變更 301000000A/戶政司(to)"), "{said}");
    let kept = || Store::open(world.path()).unwrap().taxonomies("301000000A").wait().unwrap();
    assert_eq!(kept().len(), 0);
    world.said(&[&import[..], &["--apply"]].concat());
    let versions = kept();
    assert_eq!((versions.len(), versions[0].version.as_str()), (1, "2199"));
    assert_eq!(versions[0].body, std::fs::read_to_string(out).unwrap());
    assert!(rows(world.path()).iter().any(|it| it.action == "taxonomy import"));
    let (_, error) = world.refused(&[&import[..], &["--apply"]].concat());
    assert!(error.contains("已有同名的版本"), "{error}");
    let (_, error) =
        world.refused(&["taxonomy", "import", &table, "--as", " ", "--on", "2199-01-01"]);
    assert!(error.contains("不得空白"), "{error}");
    let (_, error) = world.refused(&["taxonomy", "import", &table, "--as", "3", "--on", "soon"]);
    assert!(error.contains("YYYY-MM-DD"), "{error}");
}
