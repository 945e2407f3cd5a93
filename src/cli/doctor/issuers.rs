//! `fenwen doctor`: whether the issuers of tokens can be reached, have keys, and keep the same time.

use crate::config::Config;

use super::{Look, State};

/// What an operator is told where there is nothing to ask.
const NONE: &str = "未設定 auth.issuers 與 auth.login,不收存取權杖";

/// Looks at every issuer of the settings.
#[cfg(feature = "jwt")]
pub(super) fn issuers(config: &Config) -> Look {
    let tokens = config.auth.issuers.iter().map(with_jwt::of_tokens);
    let login = config.auth.login.iter().map(|it| with_jwt::of_login(&it.issuer));
    let found: Vec<(State, String)> = tokens.chain(login).collect();
    let worst = found.iter().map(|it| it.0).max().unwrap_or(State::Good);
    let told: Vec<String> = found.into_iter().map(|it| it.1).collect();
    Ok((worst, if told.is_empty() { NONE.to_owned() } else { told.join(";") }))
}

/// There is nobody to ask: the program proves no tokens.
#[cfg(not(feature = "jwt"))]
pub(super) fn issuers(config: &Config) -> Look {
    let is_wanted = !config.auth.issuers.is_empty() || config.auth.login.is_some();
    let refused = "本程式不含權杖驗證,請改用完整版";
    Ok(if is_wanted { (State::Bad, refused.to_owned()) } else { (State::Good, NONE.to_owned()) })
}

#[cfg(feature = "jwt")]
mod with_jwt {
    use std::time::Duration;

    use crate::base::{Clock, SystemClock};
    use crate::cli::clients::issuer;
    use crate::config::Issuer;
    use crate::identity::{
        CLOCK_LEEWAY, IssuerReport, KeySource, discover_keys, discover_login, inspect_keys,
    };

    use super::State;

    /// A difference of clocks that is worth a look.
    const SKEW: Duration = Duration::from_secs(5);

    /// An issuer of access tokens, and whether it says the same of its keys as the settings.
    pub(super) fn of_tokens(settings: &Issuer) -> (State, String) {
        let name = &settings.issuer;
        let source = issuer(settings).keys;
        let (state, told) = keys(name, &source);
        let KeySource::Url(url) = &source else { return (state, told) };
        match discover_keys(name) {
            Ok(Some(published)) if published != *url => {
                let remark =
                    format!("簽發者公布的公鑰網址為 {published},請核對 auth.issuers 的 jwks");
                (state.max(State::Warning), format!("{told};{remark}"))
            }
            Ok(_) => (state, told),
            Err(reason) => {
                let remark = format!("與簽發者自稱的不同({reason}),請核對 auth.issuers 的 issuer");
                (State::Bad, format!("{told};{remark}"))
            }
        }
    }

    /// The provider that people log in at.
    pub(super) fn of_login(name: &str) -> (State, String) {
        match discover_login(name) {
            Ok(source) => keys(name, &source),
            Err(reason) => {
                let remark = "無法取得單一簽入的設定,請檢查 auth.login 的 issuer、網路與防火牆";
                (State::Bad, format!("{name}:{remark}({reason})"))
            }
        }
    }

    fn keys(name: &str, source: &KeySource) -> (State, String) {
        match inspect_keys(source, SystemClock.unix_time()) {
            Err(reason) => {
                let remark = "無法取得公鑰,請檢查網址、網路與防火牆;封閉網路可改用檔案";
                (State::Bad, format!("{name}:{remark}({reason})"))
            }
            Ok(IssuerReport { n_keys: 0, .. }) => {
                let remark = "沒有可用的公鑰:須有 kid、供簽章,演算法限 RS256、PS256、ES256、EdDSA";
                (State::Bad, format!("{name}:{remark},請洽簽發者"))
            }
            Ok(report) => with_keys(name, &report),
        }
    }

    fn with_keys(name: &str, report: &IssuerReport) -> (State, String) {
        let mut told = format!("{name}:公鑰 {} 把可用", report.n_keys);
        if 0 < report.n_useless {
            told.push_str(&format!("、{} 把不適用", report.n_useless));
        }
        let Some(skew) = report.skew else { return (State::Good, told) };
        told.push_str(&format!(",時鐘相差 {} 秒", skew.as_secs()));
        let state = match skew {
            it if CLOCK_LEEWAY < it => State::Bad,
            it if SKEW < it => State::Warning,
            _ => return (State::Good, told),
        };
        let leeway = CLOCK_LEEWAY.as_secs();
        (state, format!("{told}(超過 {leeway} 秒即無法驗證權杖),請兩端校時"))
    }
}

#[cfg(test)]
#[cfg(feature = "jwt")]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::time::Duration;

    use crate::base::{Clock, SystemClock};
    use crate::config::Issuer;

    use super::*;

    /// The public key of RFC 8037, appendix A.
    const KEY: &str = r#"{"kty": "OKP", "crv": "Ed25519", "kid": "1", "use": "sig",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// Answers each connection with what its path asks for; it ends with the test's process.
    fn serve(date: String, keys: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(&stream).lines();
                let line = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|it| it.is_ok_and(|it| !it.is_empty())) {}
                let body = match line.contains("/.well-known/") {
                    true => format!(
                        "{{\"issuer\": \"http://{address}\", \"jwks_uri\": \"http://{address}/jwks\"}}"
                    ),
                    false => format!("{{\"keys\": [{keys}]}}"),
                };
                let n_bytes = body.len();
                write!(
                    &stream,
                    "HTTP/1.1 200 OK\r\nconnection: close\r\n{date}content-length: {n_bytes}\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        address
    }

    /// What is told of an issuer whose keys are at `path`.
    fn told(address: SocketAddr, path: &str) -> (State, String) {
        let issuer = format!("http://{address}");
        let jwks = format!("{issuer}{path}");
        let mut config = Config::default();
        config.auth.issuers.push(Issuer { issuer, audience: "fenwen".to_owned(), jwks });
        issuers(&config).unwrap()
    }

    /// The header of an answer that says what the time is, `ahead` of ours.
    fn date(ahead: Duration) -> String {
        let then = crate::base::rfc3339(SystemClock.unix_time() + ahead);
        let months =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months[then[5..7].parse::<usize>().unwrap() - 1];
        let (day, year, time) = (&then[8..10], &then[..4], &then[11..19]);
        format!("date: Fri, {day} {month} {year} {time} GMT\r\n")
    }

    #[test]
    fn an_issuer_is_asked_for_its_keys_and_its_time() {
        assert_eq!(issuers(&Config::default()).unwrap().0, State::Good);
        let useless = r#"{"kty": "oct", "k": "AAAA", "kid": "2"}"#;
        let good = serve(date(Duration::ZERO), format!("{KEY}, {useless}"));
        let (state, text) = told(good, "/jwks");
        assert_eq!(state, State::Good, "{text}");
        assert!(text.contains("公鑰 1 把可用、1 把不適用,時鐘相差"), "{text}");
        let (state, text) = told(good, "/other");
        assert!(state == State::Warning && text.contains("請核對"), "{text}");
        let (state, text) = told(serve(date(Duration::from_secs(3600)), KEY.to_owned()), "/jwks");
        assert!(state == State::Bad && text.contains("請兩端校時"), "{text}");
        let (state, text) = told(serve(String::new(), useless.to_owned()), "/jwks");
        assert!(state == State::Bad && text.contains("沒有可用的公鑰"), "{text}");
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (state, text) = told(nobody, "/jwks");
        assert!(state == State::Bad && text.contains("防火牆"), "{text}");
    }
}
