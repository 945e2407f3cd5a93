//! Embeddings in the shapes that clients of OpenAI's interface expect.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::base::{ErrorCode, Private};
use crate::task::call::{CallError, FieldError};
use crate::task::embeddings::{
    EmbeddingAnswer, EmbeddingOrder, Encoding, MAX_TEXT, MAX_TEXTS, MODEL, WIDTH,
};
use crate::wire::v1::body;

/// Texts to embed. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"model": "use-multilingual-v3", "input": ["戶籍遷入", "地籍謄本"]}))]
pub struct EmbeddingRequest {
    /// A text, or 1 to 2,048 of them; none empty or blank, each of some 1,500 Chinese characters at most.
    pub input: EmbeddingInput,
    /// `use-multilingual-v3`.
    #[schema(example = "use-multilingual-v3", pattern = "^use-multilingual-v3$")]
    pub model: String,
    /// `float` or `base64` (little-endian floats of 32 bits); `float` unless given.
    #[schema(pattern = "^(float|base64)$")]
    pub encoding_format: Option<String>,
    /// 512, which is what the model has.
    #[schema(minimum = 512, maximum = 512)]
    pub dimensions: Option<u64>,
    /// Accepted, without effect.
    pub user: Option<String>,
}

/// What is said of numbers in the place of texts.
pub(in crate::wire) const TOKENS: &str = "只接受文字:token 編號屬於其他模型,請改送文字(LangChain 請設 check_embedding_ctx_length=False)。";

/// A text, or several.
#[derive(ToSchema)]
#[schema(as = EmbeddingInput)]
#[serde(untagged)]
pub enum EmbeddingInput {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for EmbeddingInput {
    fn deserialize<D: Deserializer<'de>>(field: D) -> Result<EmbeddingInput, D::Error> {
        /// What clients of OpenAI's interface send.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Sent {
            One(String),
            Many(Vec<String>),
            Other(Value),
        }
        let is_many = |it: &Value| it.as_array().is_some_and(|it| it.iter().all(Value::is_number));
        let is_token = |it: &Value| it.is_number() || is_many(it);
        match Sent::deserialize(field)? {
            Sent::One(text) => Ok(EmbeddingInput::One(text)),
            Sent::Many(texts) => Ok(EmbeddingInput::Many(texts)),
            Sent::Other(Value::Array(items)) if items.iter().all(is_token) => {
                Err(D::Error::custom(TOKENS))
            }
            Sent::Other(_) => Err(D::Error::custom("neither a text nor several")),
        }
    }
}

/// Reads a request.
///
/// # Errors
/// With the place of what is wrong, never its value; [`ErrorCode::NotFound`] for another model.
pub fn parse(json: &[u8]) -> Result<EmbeddingOrder, CallError> {
    let request: EmbeddingRequest = body::parse(json, "", &[""])?;
    if request.model != MODEL {
        return Err(no_such_model());
    }
    if request.dimensions.is_some_and(|it| it != WIDTH as u64) {
        return Err(CallError::bad_value("/dimensions", format!("只提供 {WIDTH} 維。")));
    }
    let encoding = match request.encoding_format.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(_) => return Err(CallError::bad_value("/encoding_format", "應為 float 或 base64。")),
    };
    let texts = match request.input {
        EmbeddingInput::One(text) => vec![text],
        EmbeddingInput::Many(texts) => texts,
    };
    if !(1..=MAX_TEXTS).contains(&texts.len()) {
        return Err(CallError::bad_value("/input", format!("應有 1 到 {MAX_TEXTS} 筆文字。")));
    }
    for (idx, text) in texts.iter().enumerate() {
        let at = format!("/input/{idx}");
        // Of blanks the encoder would make a vector that means nothing.
        if text.trim().is_empty() {
            return Err(CallError::bad_value(at, "不可為空白文字。"));
        }
        body::require_short(text, MAX_TEXT, &at)?;
    }
    Ok(EmbeddingOrder { texts: texts.into_iter().map(Private::new).collect(), encoding })
}

fn no_such_model() -> CallError {
    let detail = format!("沒有這個模型;請用 {MODEL}。");
    let (code, pointer) = (ErrorCode::NotFound, "/model".to_owned());
    let mut error = CallError::new(code, format!("{pointer}:{detail}"));
    error.errors.push(FieldError { pointer, code, detail });
    error
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct EmbeddingResponse {
    /// `list`.
    #[schema(example = "list")]
    pub object: &'static str,
    /// One for each text, in their order.
    pub data: Vec<EmbeddingItem>,
    /// What made them.
    #[schema(example = "use-multilingual-v3")]
    pub model: &'static str,
    /// How much was read.
    pub usage: EmbeddingUsage,
}

/// The vector of one text.
#[derive(Serialize, ToSchema)]
pub struct EmbeddingItem {
    /// `embedding`.
    #[schema(example = "embedding")]
    pub object: &'static str,
    /// Which text, from 0.
    pub index: usize,
    /// A unit vector.
    pub embedding: Vector,
}

/// A vector in the form that was asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Vector {
    /// Numbers.
    Float(Vec<f32>),
    /// Little-endian floats of 32 bits, in Base64.
    Base64(String),
}

/// How much was read.
#[derive(Serialize, ToSchema)]
pub struct EmbeddingUsage {
    /// Tokens of all texts, those for beginning and end included.
    pub prompt_tokens: usize,
    /// The same.
    pub total_tokens: usize,
}

impl EmbeddingResponse {
    /// An answer as it is written.
    pub fn of(answer: EmbeddingAnswer, encoding: Encoding) -> EmbeddingResponse {
        let written = |values: Vec<f32>| match encoding {
            Encoding::Float => Vector::Float(values),
            Encoding::Base64 => {
                let bytes: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
                Vector::Base64(STANDARD.encode(bytes))
            }
        };
        let item = |(index, values)| EmbeddingItem {
            object: "embedding",
            index,
            embedding: written(values),
        };
        let n_tokens = answer.n_tokens;
        EmbeddingResponse {
            object: "list",
            data: answer.vectors.into_iter().enumerate().map(item).collect(),
            model: MODEL,
            usage: EmbeddingUsage { prompt_tokens: n_tokens, total_tokens: n_tokens },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Result<EmbeddingOrder, CallError> {
        let mut request = json!({"model": MODEL, "input": "甲"});
        change(&mut request);
        parse(request.to_string().as_bytes())
    }

    #[track_caller]
    fn check(key: &str, value: Value, code: ErrorCode, pointer: &str) {
        let error = read(|it| it[key] = value).unwrap_err();
        assert_eq!((error.code, error.errors[0].pointer.as_str()), (code, pointer));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_its_place() {
        use ErrorCode::{BadValue, NotFound, UnknownField};
        check("model", json!("text-embedding-3-small"), NotFound, "/model");
        check("dimensions", json!(256), BadValue, "/dimensions");
        check("encoding_format", json!("int8"), BadValue, "/encoding_format");
        check("input", json!([]), BadValue, "/input");
        check("input", json!(""), BadValue, "/input/0");
        check("input", json!(["甲", ""]), BadValue, "/input/1");
        check("input", json!(" \n"), BadValue, "/input/0");
        check("input", json!(["甲", "\u{3000}\t"]), BadValue, "/input/1");
        check("input", json!(["甲".repeat(MAX_TEXT + 1)]), BadValue, "/input/0");
        check("input", json!(vec!["甲"; MAX_TEXTS + 1]), BadValue, "/input");
        check("input", json!({"text": "甲"}), BadValue, "/input");
        // Token ids of other models mean nothing here.
        for tokens in [json!([1, 2]), json!([[1, 2], [3]])] {
            check("input", tokens.clone(), BadValue, "/input");
            let error = read(|it| it["input"] = tokens).unwrap_err();
            assert_eq!(error.errors[0].detail, TOKENS);
        }
        check("temperature", json!(1), UnknownField, "/temperature");
    }

    #[test]
    fn one_text_or_many_in_either_encoding() {
        let order = read(|_| ()).unwrap();
        assert_eq!((order.texts.len(), order.encoding), (1, Encoding::Float));
        let order = read(|it| {
            it["input"] = json!(["甲", "乙"]);
            it["encoding_format"] = json!("base64");
            it["dimensions"] = json!(512);
            it["user"] = json!("u-1");
        });
        let order = order.unwrap();
        assert_eq!((order.texts.len(), order.encoding), (2, Encoding::Base64));
    }

    #[test]
    fn vectors_are_numbers_or_little_endian_floats() {
        let answer = EmbeddingAnswer { vectors: vec![vec![1.0, -2.0]], n_tokens: 3 };
        let written = |encoding| {
            serde_json::to_value(EmbeddingResponse::of(answer.clone(), encoding)).unwrap()
        };
        let found = written(Encoding::Float);
        assert_eq!(
            found["data"][0],
            json!({"object": "embedding", "index": 0, "embedding": [1.0, -2.0]})
        );
        assert_eq!(found["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
        let found = written(Encoding::Base64);
        assert_eq!(found["data"][0]["embedding"], "AACAPwAAAMA=");
    }
}
