//! Attachments: names that the document declares and refers to; their bytes are never touched.

use super::doctype::Doctype;
use super::tree::Element;

/// One attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The entity by which the document refers to it; empty when it names the file itself.
    pub entity: String,
    /// File name without folders; none when the document refers to what it does not declare.
    pub file: Option<String>,
}

/// The files that 附件 refers to, then those declared without being referred to; the roster and the message file
/// are no attachments.
pub(super) fn read(element: Option<&Element>, doctype: &Doctype) -> Vec<Attachment> {
    let mut found: Vec<Attachment> = Vec::new();
    let names = element.into_iter().flat_map(|it| it.all("附件檔名"));
    for name in names {
        let file = name.text();
        if !file.is_empty() {
            found.push(Attachment { entity: String::new(), file: Some(file) });
        }
        for entity in name.attribute("附件名").unwrap_or_default().split_whitespace() {
            let declared = doctype.entities.iter().find(|it| it.name == entity);
            let file = declared.map(|it| it.file.clone());
            found.push(Attachment { entity: entity.to_owned(), file });
        }
    }
    for entity in &doctype.entities {
        let is_other = matches!(entity.notation.as_str(), "DI" | "DM" | "SW");
        if !is_other && found.iter().all(|it| it.entity != entity.name) {
            found.push(Attachment { entity: entity.name.clone(), file: Some(entity.file.clone()) });
        }
    }
    found
}
