//! Requests over the bus: the same documents, limits and answers as over HTTP. Everything here is about transport.

mod asyncapi;
mod call;
mod command;
mod jobs;
mod later;
mod operation;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::audit::Recorder;
use crate::base::{Clock, Spans};
use crate::bus::{Bus, BusError, Endpoint, Handle, ServiceSpec};
use crate::identity::Gate;
use crate::service::jobs::Jobs;
use crate::service::{ClaimCheck, Service};
use crate::wire::v1::meta::PurposeRule;

pub use asyncapi::asyncapi;
pub use command::receive;
pub use operation::Operation;

use call::Manner;

/// Members of this group share the requests.
const GROUP: &str = "fenwen";

/// Limits of requests over the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcOptions {
    /// Bytes of one picture.
    pub max_image_bytes: usize,
    /// Bytes of feedback or a question.
    pub max_meta_bytes: usize,
    /// Bytes of letters, a document or a call.
    pub max_json_bytes: usize,
    /// For the whole request, unless `x-deadline-ms` asks for less.
    pub request_timeout: Duration,
    /// Whether a request must name its purpose.
    pub purpose: PurposeRule,
    /// Where spans of requests go.
    pub spans: Spans,
}

impl Default for RpcOptions {
    /// As over HTTP: 10 MiB, 64 KiB, 16 MiB, 30 s, a purpose.
    fn default() -> RpcOptions {
        RpcOptions {
            max_image_bytes: 10 << 20,
            max_meta_bytes: 64 << 10,
            max_json_bytes: 16 << 20,
            request_timeout: Duration::from_secs(30),
            purpose: PurposeRule::Required,
            spans: Spans::default(),
        }
    }
}

/// What answers requests.
pub struct Rpc {
    /// The one door.
    pub service: Arc<Service>,
    /// What is done later.
    pub jobs: Arc<Jobs>,
    /// Where uploads are.
    pub uploads: Arc<dyn ClaimCheck>,
    /// Where calls are recorded.
    pub audit: Arc<Recorder>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Proves callers.
    pub gate: Arc<Gate>,
    /// Limits.
    pub options: RpcOptions,
}

/// Serves operations until the handles are stopped or dropped. What other nodes answer is not among them: the bus would give
/// this one its share of the calls.
///
/// # Errors
/// As [`Bus::serve`].
pub async fn serve(bus: &dyn Bus, rpc: &Arc<Rpc>) -> Result<Vec<Handle>, BusError> {
    let mut handles = Vec::new();
    let here = Operation::ALL.into_iter().filter(|it| it.is_here(&rpc.service));
    for operation in here {
        handles.push(bus.serve(spec(rpc, operation, bus.max_message_bytes())?).await?);
    }
    Ok(handles)
}

fn spec(rpc: &Arc<Rpc>, operation: Operation, max_bytes: usize) -> Result<ServiceSpec, BusError> {
    let mut metadata = BTreeMap::from([
        ("openapi".to_owned(), "/openapi.json".to_owned()),
        ("asyncapi".to_owned(), "/asyncapi.yaml".to_owned()),
    ]);
    for (name, schema) in [("request", Some(operation.request())), ("reply", operation.reply())] {
        if let Some(schema) = schema {
            metadata.insert(name.to_owned(), format!("/openapi.json#/components/schemas/{schema}"));
        }
    }
    if let Some(model) = operation.model(&rpc.service) {
        metadata.insert("model".to_owned(), format!("{}@{}", model.name, model.version));
    }
    let rpc = Arc::clone(rpc);
    let answer = Arc::new(move |request| {
        let rpc = Arc::clone(&rpc);
        async move { call::answer(&rpc, operation, &Manner::Now { max_bytes }, request).await }
            .boxed()
    });
    Ok(ServiceSpec {
        name: format!("fenwen-{}", operation.service()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: operation.title().to_owned(),
        metadata,
        group: GROUP.to_owned(),
        endpoints: vec![Endpoint {
            name: operation.name().to_owned(),
            subject: operation.subject()?,
            answer,
        }],
    })
}
