//! The console's catalogue: every word that it shows, once, in Traditional Chinese and in English.
//!
//! A screen has a table of its own. A page names an entry as a field, so that a missing one does not compile; a
//! script finds the words of its screen as `data-` attributes of the element `words`.

pub(super) mod calls;
pub(super) mod clients;
pub(super) mod drift;
pub(super) mod home;
pub(super) mod manage;
pub(super) mod operate;
pub(super) mod privacy;
pub(super) mod quality;
pub(super) mod reviews;
pub(super) mod shell;
pub(super) mod taxonomy;
pub(super) mod try_it;
pub(super) mod work;

/// A language of the console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lang {
    /// 正體中文.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// Reads `zh` or `en`.
    pub(super) fn parse(text: &str) -> Option<Lang> {
        match text {
            "zh" => Some(Lang::Zh),
            "en" => Some(Lang::En),
            _ => None,
        }
    }

    /// As in a query and a cookie.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Lang::Zh => "zh",
            Lang::En => "en",
        }
    }

    /// As in the `lang` attribute (BCP 47).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-Hant-TW",
            Lang::En => "en",
        }
    }

    /// The other one.
    pub(super) fn other(self) -> Lang {
        match self {
            Lang::Zh => Lang::En,
            Lang::En => Lang::Zh,
        }
    }
}

/// Makes a table of the catalogue: `key: 正體中文, English;`. With `scripted`, the words of scripts.
macro_rules! catalogue {
    ($(#[$doc:meta])* scripted $name:ident { $($key:ident: $zh:literal, $en:literal;)+ }) => {
        $crate::console::text::catalogue! { $(#[$doc])* $name { $($key: $zh, $en;)+ } }

        impl $name {
            /// Names and words, for a script.
            pub(in crate::console) fn words(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key),)+]
            }
        }
    };
    ($(#[$doc:meta])* $name:ident { $($key:ident: $zh:literal, $en:literal;)+ }) => {
        $(#[$doc])*
        pub(in crate::console) struct $name {
            $(pub(in crate::console) $key: &'static str,)+
        }

        impl $name {
            const ZH: $name = $name { $($key: $zh,)+ };
            const EN: $name = $name { $($key: $en,)+ };

            /// The table in a language.
            pub(in crate::console) fn of(lang: $crate::console::text::Lang) -> &'static $name {
                match lang {
                    $crate::console::text::Lang::Zh => &$name::ZH,
                    $crate::console::text::Lang::En => &$name::EN,
                }
            }
        }
    };
}

pub(super) use catalogue;
