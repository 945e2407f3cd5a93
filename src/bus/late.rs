//! A bus whose server is not there yet: what is served and received begins when it is, and nothing is published before.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use super::error::BusError;
use super::event::CloudEvent;
use super::message::{Handle, Receipt, Reply, Report, Request, ServiceSpec, Subscription};
use super::subject::Subject;
use super::{Bus, DEFAULT_MESSAGE_BYTES};

/// Pause between two attempts to connect, and to begin what was asked for meanwhile.
const PAUSE: Duration = Duration::from_secs(2);

/// One attempt to connect.
pub type Connect =
    Box<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Bus>, BusError>> + Send + Sync>;

/// A bus that connects by itself, and is that bus from then on. Cheap to clone.
#[derive(Clone)]
pub struct Late {
    shared: Arc<Shared>,
}

struct Shared {
    bus: OnceLock<Arc<dyn Bus>>,
    /// Where it is looked for, without credentials.
    url: String,
    /// Whether it is there.
    found: watch::Sender<bool>,
    connecting: OnceLock<AbortHandle>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(connecting) = self.connecting.get() {
            connecting.abort();
        }
    }
}

/// What is begun when the bus is there.
type Begin =
    Box<dyn Fn(Arc<dyn Bus>) -> BoxFuture<'static, Result<Handle, BusError>> + Send + Sync>;

impl Late {
    /// Connects again and again until it succeeds; `connect` says why it did not.
    pub fn new(url: String, connect: Connect) -> Late {
        let late = Late {
            shared: Arc::new(Shared {
                bus: OnceLock::new(),
                url,
                found: watch::Sender::new(false),
                connecting: OnceLock::new(),
            }),
        };
        let shared = Arc::downgrade(&late.shared);
        let connecting = tokio::spawn(async move {
            loop {
                pause().await;
                let Ok(bus) = connect().await else { continue };
                let Some(shared) = shared.upgrade() else { return };
                // Only this task fills it, once.
                let _ = shared.bus.set(bus);
                shared.found.send_replace(true);
                return;
            }
        });
        // Nobody else has the bus yet.
        let _ = late.shared.connecting.set(connecting.abort_handle());
        late
    }

    fn bus(&self) -> Result<&Arc<dyn Bus>, BusError> {
        self.shared.bus.get().ok_or_else(|| BusError::Away {
            url: self.shared.url.clone(),
            source: "it has not answered yet".into(),
        })
    }

    /// Begins something when the bus is there, which ends with the handle.
    fn begin(&self, begin: Begin) -> Handle {
        let mut found = self.shared.found.subscribe();
        let shared = Arc::downgrade(&self.shared);
        let (sender, mut stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let begun = async {
                // An error means that the bus is gone, and so is what it would begin.
                found.wait_for(|it| *it).await.ok()?;
                let bus = Arc::clone(shared.upgrade()?.bus.get()?);
                let mut is_told = false;
                loop {
                    match begin(Arc::clone(&bus)).await {
                        Ok(handle) => return Some(handle),
                        Err(BusError::Closed) => return None,
                        Err(error) if !is_told => {
                            tracing::warn!(%error, "not begun on the bus; it is tried again");
                            is_told = true;
                        }
                        Err(_) => (),
                    }
                    pause().await;
                }
            };
            let begun = tokio::select! {
                biased;
                _ = &mut stopped => None,
                begun = begun => begun,
            };
            let Some(handle) = begun else { return };
            // An error means that the handle is gone; both end it.
            let _ = stopped.await;
            handle.stop().await;
        });
        Handle::of(task, move || drop(sender))
    }
}

/// A bounded wait; nothing ever completes it early.
async fn pause() {
    let _ = tokio::time::timeout(PAUSE, std::future::pending::<()>()).await;
}

impl Bus for Late {
    fn request(
        &self,
        request: Request,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Reply, BusError>> {
        async move { self.bus()?.request(request, timeout).await }.boxed()
    }

    fn serve(&self, service: ServiceSpec) -> BoxFuture<'_, Result<Handle, BusError>> {
        if let Some(bus) = self.shared.bus.get() {
            return bus.serve(service);
        }
        let begin = move |bus: Arc<dyn Bus>| {
            let service = service.clone();
            async move { bus.serve(service).await }.boxed()
        };
        std::future::ready(Ok(self.begin(Box::new(begin)))).boxed()
    }

    fn publish<'a>(
        &'a self,
        subject: &'a Subject,
        event: &'a CloudEvent,
    ) -> BoxFuture<'a, Result<Receipt, BusError>> {
        async move { self.bus()?.publish(subject, event).await }.boxed()
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Handle, BusError>> {
        if let Some(bus) = self.shared.bus.get() {
            return bus.subscribe(subscription);
        }
        let begin = move |bus: Arc<dyn Bus>| {
            let subscription = subscription.clone();
            async move { bus.subscribe(subscription).await }.boxed()
        };
        std::future::ready(Ok(self.begin(Box::new(begin)))).boxed()
    }

    fn max_message_bytes(&self) -> usize {
        self.shared.bus.get().map_or(DEFAULT_MESSAGE_BYTES, |it| it.max_message_bytes())
    }

    fn report(&self) -> BoxFuture<'_, Result<Report, BusError>> {
        async move { self.bus()?.report().await }.boxed()
    }

    fn is_connected(&self) -> bool {
        self.shared.bus.get().is_some_and(|it| it.is_connected())
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        async move {
            match self.shared.bus.get() {
                Some(bus) => bus.drain().await,
                None => self.shared.connecting.get().into_iter().for_each(AbortHandle::abort),
            }
        }
        .boxed()
    }
}
