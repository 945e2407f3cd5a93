//! Tokens and logins of an OpenID provider by others (npm oidc-provider), on the loopback interface.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fenwen::base::{Secret, SystemClock};
use fenwen::identity::{
    ClaimNames, IssuerSettings, KeySource, LoginError, LoginSettings, Logins, Person,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::http::client::{Answer, WATCHDOG, send};
use crate::http::fake::Server;
use crate::http::guard::register;

/// Where the provider sends people back to. Nobody listens there: the test reads the address.
const REDIRECT: &str = "http://127.0.0.1:9/console/login/callback";

/// A running provider.
struct Provider {
    process: Child,
    issuer: String,
    addr: SocketAddr,
}

impl Provider {
    fn start(logout: &str) -> Provider {
        let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("target/servers/oidc/provider.mjs");
        assert!(program.is_file(), "no OpenID provider: run `make servers`");
        let mut process = Command::new("node")
            .arg(program)
            .args([REDIRECT, logout])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut issuer = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut issuer).unwrap();
        let issuer = issuer.trim().to_owned();
        let addr = issuer.strip_prefix("http://").unwrap().parse().unwrap();
        Provider { process, issuer, addr }
    }

    async fn get(&self, path: &str, cookies: &Cookies) -> Answer {
        let head = cookies.header();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{head}\r\n", self.addr);
        send(self.addr, request.as_bytes()).await
    }

    async fn post(&self, path: &str, head: &str, body: &str) -> Answer {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\n{head}content-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            self.addr,
            body.len()
        );
        send(self.addr, request.as_bytes()).await
    }

    /// An access token of the client `mailbox`.
    #[expect(clippy::panic, reason = "a provider that answers otherwise has failed the test")]
    async fn token(&self, scope: &str) -> String {
        let basic = STANDARD.encode("mailbox:synthetic-secret");
        let body = format!("grant_type=client_credentials&scope={scope}");
        let answer = self.post("/token", &format!("authorization: Basic {basic}\r\n"), &body).await;
        answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    fn logins(&self) -> Arc<Logins> {
        let claims = |it: &str| it.to_owned();
        let settings = LoginSettings {
            issuer: self.issuer.clone(),
            client_id: "fenwen".to_owned(),
            client_secret: Some(Secret::new("synthetic secret/+".to_owned())),
            redirect: REDIRECT.to_owned(),
            claims: ClaimNames {
                org: claims("org"),
                units: claims("unit_path"),
                roles: claims("roles"),
            },
        };
        Logins::new(settings, Arc::new(SystemClock))
    }

    /// What a browser does that is sent to the provider: the query that it comes back with.
    #[expect(clippy::panic, reason = "a provider that answers otherwise has failed the test")]
    async fn visit(&self, url: &str, cookies: &mut Cookies) -> BTreeMap<String, String> {
        let mut path = self.path(url);
        for _ in 0..10 {
            let answer = self.get(&path, cookies).await;
            cookies.take(&answer);
            let location = answer.header("location").to_owned();
            if let Some(query) = location.strip_prefix(&format!("{REDIRECT}?")) {
                let pairs = query.split('&').filter_map(|it| it.split_once('='));
                return pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            }
            assert!(!location.is_empty(), "{path} {answer:?}");
            path = self.path(&location);
        }
        panic!("the provider sends us round and round");
    }

    fn path(&self, url: &str) -> String {
        url.strip_prefix(&self.issuer).unwrap_or(url).to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Cookies of a browser.
#[derive(Default)]
struct Cookies(BTreeMap<String, String>);

impl Cookies {
    fn header(&self) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("cookie: {}\r\n", pairs.join("; ")) }
    }

    fn take(&mut self, answer: &Answer) {
        for line in answer.header("set-cookie").lines() {
            let pair = line.split(';').next().and_then(|it| it.split_once('='));
            if let Some((name, value)) = pair {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

async fn jobs(server: &Server, token: &str) -> u16 {
    let head = format!("authorization: Bearer {token}\r\n");
    let request = format!("GET /api/v1/jobs HTTP/1.1\r\nhost: t\r\n{head}\r\n");
    send(server.addr, request.as_bytes()).await.status
}

#[tokio::test]
async fn a_system_calls_with_a_token_until_it_expires_or_its_key_is_withdrawn() {
    let provider = Provider::start("http://127.0.0.1:9/none");
    let issuer = |audience: &str| IssuerSettings {
        issuer: provider.issuer.clone(),
        audience: audience.to_owned(),
        keys: KeySource::Url(format!("{}/jwks", provider.issuer)),
    };
    let server = Server::guarded_by(vec![issuer("fenwen")], None).await;
    register(&server, "mailbox", |it| it.scopes = "jobs:read letters:classify".to_owned()).await;
    let token = provider.token("jobs:read").await;
    assert_eq!(jobs(&server, &token).await, 200);
    assert_eq!(jobs(&server, &provider.token("letters:classify").await).await, 403);
    // Made up, of another algorithm, unsigned, changed.
    let parts: Vec<&str> = token.split('.').collect();
    let header = json!({ "alg": "none", "typ": "at+jwt", "kid": "k0" }).to_string();
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), parts[1]);
    let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["client_id"] = json!("other");
    let changed = URL_SAFE_NO_PAD.encode(claims.to_string());
    let changed = format!("{}.{changed}.{}", parts[0], parts[2]);
    for forged in [unsigned, changed] {
        assert_eq!(jobs(&server, &forged).await, 401, "{forged}");
    }
    let elsewhere = Server::guarded_by(vec![issuer("other")], None).await;
    register(&elsewhere, "mailbox", |_| ()).await;
    assert_eq!(jobs(&elsewhere, &token).await, 401, "for another audience");
    assert_eq!(provider.get("/test/rotate", &Cookies::default()).await.status, 200);
    let renewed = provider.token("jobs:read").await;
    assert_eq!(jobs(&server, &renewed).await, 401, "its keys were asked for just now");
    server.skip(Duration::from_secs(60));
    assert_eq!(jobs(&server, &renewed).await, 200);
    assert_eq!(jobs(&server, &token).await, 401, "its key was withdrawn");
    server.skip(Duration::from_secs(600));
    assert_eq!(jobs(&server, &renewed).await, 401, "expired");
}

#[tokio::test]
async fn a_person_logs_in_once_a_time() {
    let provider = Provider::start("http://127.0.0.1:9/none");
    let logins = provider.logins();
    let begun = logins.begin().await.unwrap();
    let mut cookies = Cookies::default();
    let back = provider.visit(&begun.url, &mut cookies).await;
    let (state, code) = (&back["state"], &back["code"]);
    let person = logins.finish(state, code, &begun.ticket).await.unwrap();
    assert_eq!((person.name.as_str(), person.principal.subject.as_str()), ("測試承辦人", "u-1"));
    assert_eq!(person.principal.org, "301000000A");
    assert_eq!(person.principal.unit_paths, ["301000000A/民政司"]);
    let scopes = person.principal.scopes.to_string();
    assert!(scopes.contains("letters:review") && scopes.contains("audit:read"), "{scopes}");
    let again = logins.finish(state, code, &begun.ticket).await;
    assert_eq!(again, Err(LoginError::Unknown), "replayed");
    // Another browser that is handed the address has no ticket.
    let begun = logins.begin().await.unwrap();
    let other = logins.begin().await.unwrap();
    let back = provider.visit(&begun.url, &mut cookies).await;
    let stolen = logins.finish(&back["state"], &back["code"], &other.ticket).await;
    assert_eq!(stolen, Err(LoginError::Unknown));
    // A code counts once at the provider too, and only with its verifier.
    let (one, two) = (logins.begin().await.unwrap(), logins.begin().await.unwrap());
    let (one_back, two_back) = (
        provider.visit(&one.url, &mut cookies).await,
        provider.visit(&two.url, &mut cookies).await,
    );
    let mixed = logins.finish(&one_back["state"], &two_back["code"], &one.ticket).await;
    assert_eq!(mixed, Err(LoginError::Refused), "the code of another login");
}

#[tokio::test]
async fn a_logout_at_the_provider_reaches_us_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let logout = format!("http://{}/console/logout/back-channel", listener.local_addr().unwrap());
    let provider = Provider::start(&logout);
    let logins = provider.logins();
    let (person, token) = logged_out(&provider, (&listener, &logins)).await;
    drop(logins.logged_out(token.clone()).await.unwrap());
    let found = logins.logged_out(token.clone()).await.unwrap();
    assert!(found.sid.is_some() && found.sid == person.sid, "{found:?} {person:?}");
    let again = async || logins.logged_out(token.clone()).await.err();
    assert_eq!(again().await, Some(LoginError::Refused), "it is being kept");
    found.kept();
    assert_eq!(again().await, Some(LoginError::Refused), "replayed");
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    let forged = logins.logged_out(format!("{unsigned}.AAAA")).await.err();
    assert_eq!(forged, Some(LoginError::Refused));
}

#[tokio::test]
async fn a_logout_that_cannot_be_kept_may_be_told_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let logout = format!("http://{}/console/logout/back-channel", listener.local_addr().unwrap());
    let provider = Provider::start(&logout);
    let logins = provider.logins();
    let server = Server::guarded_by(Vec::new(), Some(Arc::clone(&logins))).await;
    let (_, token) = logged_out(&provider, (&listener, &logins)).await;
    let body = format!("logout_token={token}");
    let request = format!(
        "POST /console/logout/back-channel HTTP/1.1\r\nhost: t\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let tell = async || send(server.addr, request.as_bytes()).await.status;
    let store = rusqlite::Connection::open(server.data_dir.path().join("store.sqlite")).unwrap();
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON sign_out BEGIN SELECT RAISE(ABORT, 'full'); END";
    store.execute_batch(full).unwrap();
    assert_eq!((tell().await, tell().await), (503, 503));
    store.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!((tell().await, tell().await), (200, 400), "it counts once, when it was kept");
}

/// Somebody who logged in and out again at the provider, and the token that it tells of that with.
async fn logged_out(
    provider: &Provider,
    (listener, logins): (&TcpListener, &Arc<Logins>),
) -> (Person, String) {
    let begun = logins.begin().await.unwrap();
    let mut cookies = Cookies::default();
    let back = provider.visit(&begun.url, &mut cookies).await;
    let person = logins.finish(&back["state"], &back["code"], &begun.ticket).await.unwrap();
    let asked = provider.get("/session/end", &cookies).await;
    cookies.take(&asked);
    let page = String::from_utf8_lossy(&asked.body).into_owned();
    let (_, rest) = page.split_once("name=\"xsrf\" value=\"").unwrap();
    let body = format!("xsrf={}&logout=yes", rest.split('"').next().unwrap());
    let told = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !String::from_utf8_lossy(&request).contains("logout_token=") {
                let mut buffer = [0; 4096];
                let n_bytes = stream.read(&mut buffer).await.unwrap();
                if n_bytes == 0 {
                    break;
                }
                request.extend_from_slice(&buffer[..n_bytes]);
            }
            if let Some((_, token)) =
                String::from_utf8(request).unwrap().split_once("logout_token=")
            {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                return token.to_owned();
            }
        }
    };
    let told = async { tokio::time::timeout(WATCHDOG, told).await.unwrap() };
    let head = cookies.header();
    let (ended, token) = tokio::join!(provider.post("/session/end/confirm", &head, &body), told);
    assert!(ended.status < 400, "{ended:?}");
    (person, token)
}

#[tokio::test]
async fn an_officer_signs_in_at_the_console_and_is_signed_out_from_the_provider() {
    let provider = Provider::start("http://127.0.0.1:9/none");
    let server = Server::guarded_by(Vec::new(), Some(provider.logins())).await;
    let mut own = Cookies::default();
    let page = async |path: &str, cookies: &Cookies| {
        let head = cookies.header();
        let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\n{head}\r\n");
        send(server.addr, request.as_bytes()).await
    };
    let login = page("/console/login", &own).await;
    assert!(String::from_utf8_lossy(&login.body).contains("href=\"/console/login/start\""));
    let started = page("/console/login/start", &own).await;
    own.take(&started);
    let mut theirs = Cookies::default();
    let back = provider.visit(started.header("location"), &mut theirs).await;
    let path = format!("/console/login/callback?state={}&code={}", back["state"], back["code"]);
    assert_eq!(page(&path, &Cookies::default()).await.status, 400, "in another browser");
    let started = page("/console/login/start", &own).await;
    own.take(&started);
    let back = provider.visit(started.header("location"), &mut theirs).await;
    let path = format!("/console/login/callback?state={}&code={}", back["state"], back["code"]);
    let welcomed = page(&path, &own).await;
    own.take(&welcomed);
    assert_eq!((welcomed.status, welcomed.header("refresh")), (200, "0; url=/console"));
    let home = page("/console", &own).await;
    let html = String::from_utf8_lossy(&home.body).into_owned();
    assert!(home.status == 200 && html.contains("href=\"/console/letters\""), "{html}");
    assert!(!html.contains("href=\"/console/clients\""), "an officer is no administrator");
    assert_eq!(page("/console/clients", &own).await.status, 403);
    assert_eq!(page(&path, &own).await.status, 400, "replayed");
    server.skip(Duration::from_secs(15 * 60));
    assert_eq!(page("/console", &own).await.header("location"), "/console/login", "idle");
}
