//! What can be told of a connection string of PostgreSQL without connecting.

/// Whether nobody between can read what goes over it: it is encrypted, or does not leave this machine.
pub(super) fn is_private(url: &str) -> bool {
    let parameters = parameters(url);
    let mut modes = parameters.iter().filter(|it| it.0 == "sslmode");
    modes.next_back().is_some_and(|it| it.1 == "require")
        || hosts(url, &parameters).iter().all(|it| is_local(it))
}

/// Every host of it, without a port; none where the socket of this machine is meant.
fn hosts(url: &str, parameters: &[(String, String)]) -> Vec<String> {
    let mut hosts = Vec::new();
    if let Some((_, rest)) = url.split_once("://") {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let places = authority.rsplit_once('@').map_or(authority, |it| it.1);
        hosts.extend(places.split(',').map(without_port));
    }
    for (_, value) in parameters.iter().filter(|it| ["host", "hostaddr"].contains(&it.0.as_str())) {
        hosts.extend(value.split(',').map(str::to_owned));
    }
    hosts.retain(|it| !it.is_empty());
    hosts
}

fn without_port(place: &str) -> String {
    match place.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, _)) => address.to_owned(),
        None => place.split(':').next().unwrap_or_default().to_owned(),
    }
}

/// Names and values: those of the query of an address, or `name = 'value'` between blanks.
fn parameters(url: &str) -> Vec<(String, String)> {
    if url.contains("://") {
        let query = url.split_once('?').map_or("", |it| it.1);
        let pairs = query.split('&').filter_map(|it| it.split_once('='));
        return pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    }
    let mut found = Vec::new();
    let mut rest = url;
    while let Some((name, behind)) = rest.split_once('=') {
        let behind = behind.trim_start();
        let (quote, behind) = match behind.strip_prefix('\'') {
            Some(behind) => (Some('\''), behind),
            None => (None, behind),
        };
        let is_end = |it: char| quote.map_or(it.is_whitespace(), |quote| it == quote);
        let (mut value, mut is_escaped, mut end) = (String::new(), false, behind.len());
        for (at, ch) in behind.char_indices() {
            if !is_escaped && is_end(ch) {
                end = at + ch.len_utf8();
                break;
            }
            is_escaped = !is_escaped && ch == '\\';
            if !is_escaped {
                value.push(ch);
            }
        }
        found.push((name.trim().to_owned(), value));
        rest = behind.get(end..).unwrap_or_default();
    }
    found
}

fn is_local(host: &str) -> bool {
    let is_socket = host.starts_with('/') || host.starts_with('@') || host.starts_with("%2F");
    let address = host.parse::<std::net::IpAddr>();
    is_socket || host == "localhost" || address.is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: bool) {
        assert_eq!(is_private(url), expected, "{url}");
    }

    #[test]
    fn what_leaves_this_machine_must_be_encrypted() {
        for local in [
            "host=/run/postgresql user=fenwen dbname=fenwen",
            "user=fenwen dbname=fenwen",
            "host=127.0.0.1 user=fenwen",
            "host = 'localhost' password=a\\ b user=fenwen",
            "postgresql://fenwen@%2Frun%2Fpostgresql/fenwen",
            "postgresql://fenwen:secret@localhost:5432/fenwen",
            "postgres://[::1]:5432/fenwen",
            "postgresql:///fenwen?host=/run/postgresql",
        ] {
            check(local, true);
        }
        for far in [
            "host=db.example.gov.tw user=fenwen dbname=fenwen",
            "host=127.0.0.1,10.0.0.2 user=fenwen",
            "host=localhost hostaddr=10.0.0.2 user=fenwen",
            "host=db.example.gov.tw sslmode=prefer",
            "host = db.example.gov.tw",
            "host=localhost host=10.0.0.2",
            "host=db.example.gov.tw password='a sslmode=require'",
            r"host=db.example.gov.tw password='a\' sslmode=require'",
            "host=db.example.gov.tw sslmode=require sslmode=disable",
            "postgresql://fenwen:a@b@db.example.gov.tw:5432/fenwen",
            "postgresql://localhost,db.example.gov.tw/fenwen",
            "postgresql:///fenwen?host=10.0.0.2",
            "postgresql://[2001:db8::1]/fenwen",
        ] {
            check(far, false);
        }
        check("host=db.example.gov.tw user=fenwen sslmode=require", true);
        check("postgresql://fenwen@db.example.gov.tw/fenwen?sslmode=require", true);
    }
}
