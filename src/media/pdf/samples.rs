//! Small PDF files for the tests, written by hand.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// A file of these objects, numbered from 1; the first is the catalogue.
pub(super) fn file(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (object, number) in objects.iter().zip(1..) {
        let _ = writeln!(table, "{:010} 00000 n ", bytes.len());
        bytes.extend(format!("{number} 0 obj\n").as_bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let start = bytes.len();
    bytes.extend(table.as_bytes());
    let size = objects.len() + 1;
    bytes.extend(
        format!("trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n")
            .as_bytes(),
    );
    bytes
}

/// A stream with further entries of its dictionary.
pub(super) fn stream(entries: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("<</Length {}{entries}>>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}

/// A compressed stream.
pub(super) fn deflated(entries: &str, content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    stream(&format!("/Filter/FlateDecode{entries}"), &encoder.finish().unwrap())
}

/// One page with this content, these resources, and further objects from number 5 on.
pub(super) fn page(content: &[u8], resources: &str, more: &[Vec<u8>]) -> Vec<u8> {
    pages(&[content], resources, more, "")
}

/// Pages that share resources; further objects come from number 3 + 2 × pages on.
pub(super) fn pages(
    contents: &[&[u8]],
    resources: &str,
    more: &[Vec<u8>],
    trailer: &str,
) -> Vec<u8> {
    let n_pages = contents.len();
    let kids: String = (0..n_pages).fold(String::new(), |mut kids, idx| {
        let _ = write!(kids, "{} 0 R ", 3 + 2 * idx);
        kids
    });
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Count {n_pages}/Kids[{kids}]/Resources<<{resources}>>>>").into(),
    ];
    for (idx, content) in contents.iter().enumerate() {
        let content_number = 4 + 2 * idx;
        objects.push(
            format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {content_number} 0 R>>"
            )
            .into(),
        );
        objects.push(deflated("", content));
    }
    objects.extend_from_slice(more);
    file(&objects, trailer)
}

/// A font as word processors write it: identifiers of a subset, with a ToUnicode map.
pub(super) struct Subset {
    chars: Vec<char>,
}

impl Subset {
    /// A font of the characters of `text`.
    pub(super) fn of(text: &str) -> Subset {
        let mut chars: Vec<char> = text.chars().filter(|it| *it != '\n').collect();
        chars.sort_unstable();
        chars.dedup();
        Subset { chars }
    }

    /// A string in hexadecimal digits.
    pub(super) fn show(&self, text: &str) -> String {
        let code = |ch| self.chars.iter().position(|it| *it == ch).unwrap() + 1;
        let digits: String = text.chars().map(code).fold(String::new(), |mut digits, code| {
            let _ = write!(digits, "{code:04X}");
            digits
        });
        format!("<{digits}>")
    }

    /// Its three objects, numbered from 5 as the only font of one page; with a map or without.
    pub(super) fn objects(&self, has_map: bool) -> Vec<Vec<u8>> {
        self.objects_from(5, has_map)
    }

    /// The same, numbered from `first`.
    pub(super) fn objects_from(&self, first: usize, has_map: bool) -> Vec<Vec<u8>> {
        let mut map =
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n1 begincodespacerange \
             <0000> <FFFF> endcodespacerange\n"
                .to_owned();
        let _ = writeln!(map, "{} beginbfchar", self.chars.len());
        for (idx, ch) in self.chars.iter().enumerate() {
            let units: Vec<String> =
                ch.encode_utf16(&mut [0; 2]).iter().map(|it| format!("{it:04X}")).collect();
            let _ = writeln!(map, "<{:04X}> <{}>", idx + 1, units.concat());
        }
        map += "endbfchar\nendcmap end end\n";
        let descendant = first + 1;
        let to_unicode =
            if has_map { format!("/ToUnicode {} 0 R", first + 2) } else { String::new() };
        vec![
            format!(
                "<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Kai/Encoding/Identity-H\
                 /DescendantFonts[{descendant} 0 R]{to_unicode}>>"
            )
            .into(),
            b"<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+Kai/DW 1000\
              /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>"
                .to_vec(),
            deflated("", map.as_bytes()),
        ]
    }
}

/// A page whose `/F1` is a font with a predefined CMap and no ToUnicode map.
pub(super) fn predefined(encoding: &str, ordering: &str, content: &str) -> Vec<u8> {
    let objects = [
        format!(
            "<</Type/Font/Subtype/Type0/BaseFont/MingLiU/Encoding/{encoding}/DescendantFonts[6 0 R]>>"
        )
        .into_bytes(),
        format!(
            "<</Type/Font/Subtype/CIDFontType0/BaseFont/MingLiU/CIDSystemInfo<</Registry(Adobe)\
             /Ordering({ordering})/Supplement 0>>>>"
        )
        .into_bytes(),
    ];
    page(content.as_bytes(), "/Font<</F1 5 0 R>>", &objects)
}
