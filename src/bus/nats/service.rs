//! Requests: asked with a time limit, served as a NATS service that others can discover.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::RequestErrorKind;
use async_nats::service::endpoint::Endpoint as NatsEndpoint;
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, Request as NatsRequest};
use async_nats::service::{Service, ServiceExt};
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{Nats, headers};
use crate::base::Private;
use crate::bus::error::BusError;
use crate::bus::gate::Pass;
use crate::bus::message::{Answerer, Endpoint, Handle, Reply, Request, ServiceSpec, answered};
use crate::bus::subject::Subject;

/// Requests that one endpoint answers at one time; admission refuses long before.
const MAX_ANSWERING: usize = 1024;

/// The code in a reply's failure that the library sets and reads in this spelling.
const ERROR: &str = "nats-service-error";
const ERROR_CODE: &str = "nats-service-error-code";

pub(super) async fn ask(
    nats: &Nats,
    request: Request,
    timeout: Duration,
) -> Result<Reply, BusError> {
    nats.require_open()?;
    let subject = request.subject.to_string();
    let body = request.body.into_inner();
    let bytes = body.len();
    let asked = async_nats::Request::new()
        .headers(headers::write(&request.headers))
        .payload(body.into())
        .timeout(Some(timeout));
    let answer = nats.client.send_request(subject.clone(), asked).await;
    let message = answer.map_err(|error| match error.kind() {
        RequestErrorKind::TimedOut => BusError::Timeout,
        RequestErrorKind::NoResponders => BusError::NoResponders(subject),
        RequestErrorKind::MaxPayloadExceeded => {
            BusError::TooLarge { bytes, limit: nats.client.max_payload() }
        }
        RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
            BusError::SetUp { what: format!("request to `{subject}`"), source: error.into() }
        }
    })?;
    let mut headers = headers::read(message.headers.as_ref());
    let body = Private::new(message.payload.to_vec());
    let Some(code) = headers.remove(ERROR) else {
        return Ok(Reply { headers, body, failure: None });
    };
    let status = headers.get(ERROR_CODE).and_then(|it| it.parse().ok()).unwrap_or(500);
    Err(BusError::Remote { status, code, headers, problem: body })
}

pub(super) async fn serve(nats: &Nats, spec: ServiceSpec) -> Result<Handle, BusError> {
    let pass = nats.tasks.enter()?;
    let what = format!("service `{}`", spec.name);
    let set_up = |source: async_nats::Error| BusError::SetUp { what: what.clone(), source };
    let metadata: HashMap<String, String> = spec.metadata.into_iter().collect();
    let failures = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&failures);
    let service = nats
        .client
        .service_builder()
        .description(&spec.description)
        .metadata(metadata.clone())
        .queue_group(&spec.group)
        .stats_handler(move |_, _| json!({"failures": counted.load(Ordering::Relaxed)}))
        .start(&spec.name, &spec.version)
        .await
        .map_err(set_up)?;
    let mut endpoints = Vec::new();
    for Endpoint { name, subject, answer } in spec.endpoints {
        let builder = service.endpoint_builder().name(&name).metadata(metadata.clone());
        let requests = builder.add(subject.as_str()).await.map_err(set_up)?;
        let failures = Arc::clone(&failures);
        endpoints.push(Served { requests, subject, answer, failures });
    }
    // From here on requests reach us.
    let flushed = nats.client.flush().await;
    flushed.map_err(|it| BusError::SetUp { what: what.clone(), source: it.into() })?;
    let (stop, stopped) = watch::channel(false);
    let closing = nats.closing.subscribe();
    let task = tokio::spawn(run(service, endpoints, [stopped, closing], pass));
    Ok(Handle::of(task, move || _ = stop.send_replace(true)))
}

struct Served {
    requests: NatsEndpoint,
    subject: Subject,
    answer: Answerer,
    failures: Arc<AtomicU64>,
}

/// Serves until told to end, then answers what has arrived.
async fn run(
    service: Service,
    endpoints: Vec<Served>,
    [mut stopped, mut closing]: [watch::Receiver<bool>; 2],
    pass: Pass,
) {
    // Dropping the set ends every endpoint: an aborted service leaves as a crashed one would.
    let mut running: JoinSet<()> = endpoints.into_iter().map(Served::run).collect();
    tokio::select! {
        // An error means that the other side is gone: then the service ends, too.
        _ = stopped.wait_for(|it| *it) => {}
        _ = closing.wait_for(|it| *it) => {}
    }
    if let Err(error) = service.stop().await {
        tracing::warn!(%error, "failed to stop a service");
    }
    while running.join_next().await.is_some() {}
    drop(pass);
}

impl Served {
    async fn run(mut self) {
        let places = Arc::new(Semaphore::new(MAX_ANSWERING));
        let mut answering = JoinSet::new();
        while let Some(request) = self.requests.next().await {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let (subject, answer) = (self.subject.clone(), Arc::clone(&self.answer));
            let failures = Arc::clone(&self.failures);
            answering.spawn(async move {
                if respond(request, subject, &answer).await.is_err() {
                    failures.fetch_add(1, Ordering::Relaxed);
                }
                drop(place);
            });
            while answering.try_join_next().is_some() {}
        }
        while answering.join_next().await.is_some() {}
    }
}

/// Answers; an error is a failure that was answered, for the count.
async fn respond(
    request: NatsRequest,
    subject: Subject,
    answer: &Answerer,
) -> Result<(), (u16, &'static str)> {
    let asked = Request {
        subject,
        headers: headers::read(request.message.headers.as_ref()),
        body: Private::new(request.message.payload.to_vec()),
    };
    let Reply { headers, body, failure } = answered(answer, asked).await;
    let mut map = headers::write(&headers);
    if let Some((status, code)) = failure {
        // The library's own way of failing sends no body, and the problem document is in it.
        map.insert(NATS_SERVICE_ERROR, code);
        map.insert(NATS_SERVICE_ERROR_CODE, status.to_string());
    }
    if let Err(error) = request.respond_with_headers(Ok(body.into_inner().into()), map).await {
        tracing::warn!(%error, "failed to answer a request");
    }
    failure.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::message::Headers;

    #[test]
    fn a_failure_is_found_under_the_librarys_names() {
        let headers = Headers::from([
            (NATS_SERVICE_ERROR.to_ascii_lowercase(), "ER0210".to_owned()),
            (NATS_SERVICE_ERROR_CODE.to_ascii_lowercase(), "400".to_owned()),
        ]);
        assert!(headers.contains_key(ERROR) && headers.contains_key(ERROR_CODE));
    }
}
