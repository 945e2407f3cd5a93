//! Receivers of the audit log by the settings: a stream of the bus, a syslog server.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::audit::{Forward, ForwardError, Forwarded, Pump, Recorder};
use crate::base::{Clock, EVENT_ROOT, SCHEMA_ROOT, SystemClock};
use crate::bus::{Bus, BusError, CloudEvent, Origin, ROOT, Subject};
use crate::config::Config;

/// What sends the log of this process to its receivers.
pub(in crate::cli) fn pumps(
    config: &Config,
    recorder: &Arc<Recorder>,
    bus: &Arc<dyn Bus>,
) -> anyhow::Result<Vec<Pump>> {
    let mut receivers: Vec<Arc<dyn Forward>> = Vec::new();
    if config.audit.forward_bus {
        receivers.push(Arc::new(Stream(Arc::clone(bus))));
    }
    receivers.extend(syslog(config)?);
    let pump = |receiver| {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Pump::new(Arc::clone(recorder), receiver, clock)
    };
    Ok(receivers.into_iter().map(pump).collect())
}

#[cfg(feature = "syslog")]
fn syslog(config: &Config) -> anyhow::Result<Option<Arc<dyn Forward>>> {
    use anyhow::Context;

    use crate::audit::Syslog;
    let Some(address) = &config.audit.syslog else { return Ok(None) };
    let node = super::settings(config).node;
    let syslog = Syslog::new(address, config.audit.syslog_ca.as_ref(), node)
        .context("無法準備 syslog 接收端:請檢查 audit.syslog 與 audit.syslog_ca")?;
    Ok(Some(Arc::new(syslog)))
}

#[cfg(not(feature = "syslog"))]
fn syslog(_: &Config) -> anyhow::Result<Option<Arc<dyn Forward>>> {
    Ok(None)
}

/// The stream `MOI_AI_AUDIT` of the bus.
pub(in crate::cli) struct Stream(pub(in crate::cli) Arc<dyn Bus>);

impl Forward for Stream {
    fn name(&self) -> &'static str {
        "bus"
    }

    fn send(&self, lines: Vec<Forwarded>) -> BoxFuture<'_, Result<(), ForwardError>> {
        async move { self.publish(lines).await.map_err(|it| ForwardError(it.into())) }.boxed()
    }
}

impl Stream {
    /// Publishes in order and waits until a restart cannot lose any of it.
    async fn publish(&self, lines: Vec<Forwarded>) -> Result<(), BusError> {
        let mut receipts = Vec::new();
        for line in lines {
            let (subject, event) = envelope(&line)?;
            receipts.push(self.0.publish(&subject, &event).await?);
        }
        for receipt in receipts {
            receipt.settled.await?;
        }
        Ok(())
    }
}

/// The line in its envelope: the same id again is the same line.
fn envelope(line: &Forwarded) -> Result<(Subject, CloudEvent), BusError> {
    let kind = format!("{EVENT_ROOT}.{}.v1", line.kind);
    let data = serde_json::from_str(&line.line).unwrap_or(Value::String(line.line.clone()));
    let event = CloudEvent::new(Origin { id: &line.id, source: "/moi/ai/audit", kind: &kind })?
        .saying(data, &format!("{SCHEMA_ROOT}/{}.v1", line.kind))?;
    Ok((Subject::parse(&format!("{ROOT}.aud.{}", line.chain))?, event))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Embedded, EmbeddedSettings, Filter, Outcome, Subscription};

    #[tokio::test]
    async fn the_stream_gets_each_line_once_however_often_it_is_sent() {
        let bus: Arc<dyn Bus> =
            Arc::new(Embedded::new(EmbeddedSettings::default(), Arc::new(SystemClock)));
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let handler = Arc::new(move |delivery: crate::bus::Delivery| {
            let id = delivery.event.id().to_owned();
            let sent = sender.send((delivery.subject.to_string(), id));
            async move { if sent.is_ok() { Outcome::Ack } else { Outcome::Reject("closed") } }
                .boxed()
        });
        let filter = Filter::parse("moi.ai.v1.aud.>").unwrap();
        let durable = "auditor".to_owned();
        let subscription = Subscription { filter, durable, max_in_flight: 1, handler };
        let _handle = bus.subscribe(subscription).await.unwrap();
        let line = |n: u64| Forwarded {
            id: format!("node-{n}"),
            kind: "audit.row",
            chain: "node".to_owned(),
            line: format!("{{\"seq\":{n}}}"),
        };
        let stream = Stream(Arc::clone(&bus));
        stream.send(vec![line(1)]).await.unwrap();
        stream.send(vec![line(1), line(2)]).await.unwrap();
        for id in ["node-1", "node-2"] {
            let expected = ("moi.ai.v1.aud.node".to_owned(), id.to_owned());
            assert_eq!(receiver.recv().await, Some(expected));
        }
    }
}
