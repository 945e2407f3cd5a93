//! The models that are served, in the shape that clients of OpenAI's interface expect.

use serde::Serialize;
use utoipa::ToSchema;

use crate::task::embeddings;

/// A name by which clients of OpenAI's interface ask for transcriptions; every other one is taken too.
const TRANSCRIBER: &str = "whisper-1";

/// Who serves them.
const OWNER: &str = "fenwen";

/// Models that this node serves under `/v1`.
#[derive(Serialize, ToSchema)]
pub struct ServedModels {
    /// `list`.
    #[schema(example = "list")]
    pub object: &'static str,
    /// They.
    pub data: Vec<ServedModel>,
}

/// A model, or another name of it.
#[derive(Serialize, ToSchema)]
pub struct ServedModel {
    /// The value of `model` in a request.
    #[schema(example = "use-multilingual-v3")]
    pub id: String,
    /// `model`.
    #[schema(example = "model")]
    pub object: &'static str,
    /// 0: when the model was made is not known.
    pub created: u64,
    /// `fenwen`.
    #[schema(example = "fenwen")]
    pub owned_by: &'static str,
}

impl ServedModels {
    /// The model that embeds, where one does, and the one that hears, with the name that clients know it by.
    pub fn of(embeds: bool, hears: Option<&str>) -> ServedModels {
        let embedding = embeds.then_some(embeddings::MODEL);
        let alias = hears.map(|_| TRANSCRIBER);
        let ids = [embedding, hears, alias].into_iter().flatten();
        let model = |id: &str| ServedModel {
            id: id.to_owned(),
            object: "model",
            created: 0,
            owned_by: OWNER,
        };
        ServedModels { object: "list", data: ids.map(model).collect() }
    }
}
