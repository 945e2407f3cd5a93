//! PostgreSQL: a few connections on a runtime of their own, one transaction a piece of work.
//!
//! What need not be answered first is sent together: the beginning with the first statement, what only has to succeed
//! with the commit. A statement that fails spoils its transaction, so that the commit behind it undoes everything.

mod bell;
mod tls;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Client, Connection, NoTls, Socket, Statement};

use super::bells::{Bells, Rung};
use super::engine::{Engine, Kind, Tx, Work};
use super::value::{Row, Value};
use super::{StoreError, migrations};
use tls::Connector;

pub use tls::PostgresTls;

/// Pieces of work that wait for a connection; the next one is refused.
const MAX_WAITING: usize = 4096;

/// Times that a transaction is run when others keep getting in its way.
const ATTEMPTS: usize = 5;

/// Statements sent at one time: of so many [`join_all`] polls the first one first.
const TOGETHER: usize = 30;

/// Threads of the runtime: they only wait for the network.
const THREADS: usize = 2;

type Queue = Arc<Mutex<mpsc::Receiver<(Box<dyn Work>, Kind)>>>;

/// Where the server is, and how connections to it are encrypted.
#[derive(Clone)]
struct Place {
    config: tokio_postgres::Config,
    tls: Option<Connector>,
}

/// The connections; they end when this is dropped.
pub(super) struct Postgres {
    queue: Option<mpsc::Sender<(Box<dyn Work>, Kind)>>,
    runtime: Option<Runtime>,
    /// For a connection that listens.
    place: Place,
    bells: Arc<Bells>,
}

impl Postgres {
    /// Connects once to bring the tables up to date, then serves with `n_connections`.
    pub(super) fn open(
        url: &str,
        n_connections: usize,
        tls: &PostgresTls,
        bells: &Arc<Bells>,
    ) -> Result<Postgres, StoreError> {
        let (place, runtime) = (Place::new(url, tls)?, runtime()?);
        let (sender, opened) = std::sync::mpsc::channel();
        let first = place.clone();
        // A thread that may already run in a runtime must not block on another: it waits on a channel.
        runtime.spawn(async move {
            let migrated = async {
                let mut tx = PostgresTx::connect(&first).await?;
                migrations::postgres(&mut tx.client).await
            };
            // Whoever opens the store waits for this.
            let _ = sender.send(migrated.await);
        });
        opened.recv().unwrap_or(Err(StoreError::Closed))?;
        Ok(Postgres::serving((place, runtime), n_connections, bells))
    }

    /// Serves over one connection with tables as they are.
    pub(super) fn as_it_is(url: &str, tls: &PostgresTls) -> Result<Postgres, StoreError> {
        Ok(Postgres::serving((Place::new(url, tls)?, runtime()?), 1, &Arc::default()))
    }

    fn serving(
        (place, runtime): (Place, Runtime),
        n_connections: usize,
        bells: &Arc<Bells>,
    ) -> Postgres {
        let (queue, receiver) = mpsc::channel(MAX_WAITING);
        let receiver: Queue = Arc::new(Mutex::new(receiver));
        for _ in 0..n_connections.max(1) {
            runtime.spawn(serve(place.clone(), Arc::clone(&receiver), Arc::clone(bells)));
        }
        let bells = Arc::clone(bells);
        Postgres { queue: Some(queue), runtime: Some(runtime), place, bells }
    }
}

impl Place {
    fn new(url: &str, tls: &PostgresTls) -> Result<Place, StoreError> {
        let mut config: tokio_postgres::Config = url.parse().map_err(StoreError::Postgres)?;
        let tls = tls.connector(&mut config)?;
        Ok(Place { config, tls })
    }
}

fn runtime() -> Result<Runtime, StoreError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("store")
        .enable_all()
        .build()
        .map_err(|source| StoreError::File {
            action: "start the threads of",
            path: "the store".into(),
            source,
        })
}

impl Engine for Postgres {
    fn submit(&self, work: Box<dyn Work>, kind: Kind) {
        let Some(queue) = &self.queue else { return work.answer(Err(StoreError::Closed)) };
        match queue.try_send((work, kind)) {
            Ok(()) => (),
            Err(mpsc::error::TrySendError::Full((work, _))) => work.answer(Err(StoreError::Busy)),
            Err(mpsc::error::TrySendError::Closed((work, _))) => {
                work.answer(Err(StoreError::Closed));
            }
        }
    }

    fn listen(&self) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(bell::run(self.place.clone(), Arc::clone(&self.bells)));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One connection: takes what waits until the queue is closed; connects anew after a failure.
async fn serve(place: Place, queue: Queue, bells: Arc<Bells>) {
    let mut connection: Option<PostgresTx> = None;
    loop {
        let next = queue.lock().await.recv().await;
        let Some((mut work, kind)) = next else { return };
        let open = connection.take().filter(|it| !it.client.is_closed());
        let tx = match open {
            Some(tx) => Ok(tx),
            None => PostgresTx::connect(&place).await,
        };
        match tx {
            Ok(mut tx) => {
                let outcome = transact(&mut tx, work.as_mut(), kind).await;
                if outcome.is_ok() {
                    bells.ring(tx.rung);
                }
                work.answer(outcome);
                connection = Some(tx);
            }
            Err(error) => work.answer(Err(error)),
        }
    }
}

/// Runs one piece of work in a transaction; again when it lost against another one.
async fn transact(tx: &mut PostgresTx, work: &mut dyn Work, kind: Kind) -> Result<(), StoreError> {
    for attempt in 1.. {
        tx.rung = Rung::default();
        tx.stage = Stage::of(kind);
        let outcome = match work.run(tx).await {
            Ok(()) => tx.commit().await,
            Err(error) => {
                tx.undo().await;
                Err(error)
            }
        };
        match outcome {
            Err(StoreError::Postgres(error)) if is_conflict(&error) && attempt < ATTEMPTS => (),
            outcome => return outcome,
        }
    }
    Err(StoreError::Busy)
}

/// Whether others were in the way: a deadlock, or a transaction that could not be put in order.
fn is_conflict(error: &tokio_postgres::Error) -> bool {
    use tokio_postgres::error::SqlState;
    error.code().is_some_and(|it| {
        [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(it)
    })
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is one statement, and needs no beginning and no end.
    Query,
    /// This is said before the first statement.
    Before(&'static str),
    /// It is open.
    Open,
    /// It is over.
    Over,
}

impl Stage {
    fn of(kind: Kind) -> Stage {
        match kind {
            Kind::Query => Stage::Query,
            Kind::Read => Stage::Before("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
            Kind::Relaxed => Stage::Before("BEGIN; SET LOCAL synchronous_commit = off"),
            Kind::Durable => Stage::Before("BEGIN; SET LOCAL synchronous_commit = on"),
        }
    }

    /// What is said before the next statement.
    fn begun(&mut self) -> Option<&'static str> {
        debug_assert!(*self != Stage::Over, "a query is one statement");
        match *self {
            Stage::Before(begin) => {
                *self = Stage::Open;
                Some(begin)
            }
            Stage::Query => {
                *self = Stage::Over;
                None
            }
            Stage::Open | Stage::Over => None,
        }
    }
}

/// A connection and the statements that it has prepared.
struct PostgresTx {
    client: Client,
    statements: HashMap<String, Statement>,
    rung: Rung,
    stage: Stage,
    /// Statements that only have to succeed, and wait for the next one.
    held: Vec<(&'static str, Vec<Value>)>,
}

impl PostgresTx {
    async fn connect(Place { config, tls }: &Place) -> Result<PostgresTx, StoreError> {
        let client = match tls {
            Some(tls) => attended(config.connect(tls.clone()).await?),
            None => attended(config.connect(NoTls).await?),
        };
        let (statements, held) = (HashMap::new(), Vec::new());
        Ok(PostgresTx { client, statements, rung: Rung::default(), stage: Stage::Over, held })
    }

    async fn prepared(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Sends the beginning, where it was not sent yet, what was held, and what `ask` asks; waits for all of it.
    async fn send<R>(
        &mut self,
        ask: impl AsyncFnOnce(&Client) -> Result<R, tokio_postgres::Error>,
    ) -> Result<R, StoreError> {
        let held = std::mem::take(&mut self.held);
        let mut writes = Vec::with_capacity(held.len());
        for (sql, values) in &held {
            writes.push((self.prepared(sql).await?, values));
        }
        let mut begin = self.stage.begun();
        let (before, last) = writes.split_at(writes.len().saturating_sub(TOGETHER));
        for some in before.chunks(TOGETHER) {
            together(&self.client, begin.take(), some).await?;
        }
        // Each is sent when it is first polled, and they are polled in this order.
        let written = together(&self.client, begin, last);
        let (written, asked) = join(written, ask(&self.client)).await;
        written?;
        Ok(asked?)
    }

    /// Ends the transaction; where it is refused, nothing of it has happened.
    async fn commit(&mut self) -> Result<(), StoreError> {
        if self.stage == Stage::Open || !self.held.is_empty() {
            let sent = self.send(async |it: &Client| it.batch_execute("COMMIT").await).await;
            if sent.is_err() {
                // What failed may not have had the commit behind it.
                self.undo().await;
                return sent;
            }
        }
        self.stage = Stage::Over;
        Ok(())
    }

    /// Takes everything back.
    async fn undo(&mut self) {
        self.held.clear();
        if std::mem::replace(&mut self.stage, Stage::Over) == Stage::Open {
            // A connection that cannot roll back is closed, and what it did is lost with it.
            let _ = self.client.batch_execute("ROLLBACK").await;
        }
    }
}

/// Sends a beginning and statements that only have to succeed; waits for all of them.
async fn together(
    client: &Client,
    begin: Option<&str>,
    writes: &[(Statement, &Vec<Value>)],
) -> Result<(), tokio_postgres::Error> {
    let begun = async {
        match begin {
            Some(begin) => client.batch_execute(begin).await,
            None => Ok(()),
        }
    };
    let written = writes.iter().map(|(statement, values)| async move {
        client.execute(statement, &parameters(values)).await.map(drop)
    });
    let (begun, written) = join(begun, join_all(written)).await;
    begun?;
    written.into_iter().collect()
}

/// Lets a connection run until its client goes.
fn attended<T>((client, connection): (Client, Connection<Socket, T>)) -> Client
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a connection of the store ended");
        }
    });
    client
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|it| it as &(dyn ToSql + Sync)).collect()
}

impl Tx for PostgresTx {
    fn is_postgres(&self) -> bool {
        true
    }

    fn rung(&mut self) -> &mut Rung {
        &mut self.rung
    }

    fn rows<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        async move {
            let statement = self.prepared(sql).await?;
            let values = parameters(values);
            let rows = self.send(async |it: &Client| it.query(&statement, &values).await).await?;
            let read = |row: &tokio_postgres::Row| {
                let columns = (0..row.len()).map(|it| row.try_get::<_, Value>(it));
                columns.collect::<Result<Vec<Value>, _>>().map(Row::new)
            };
            Ok(rows.iter().map(read).collect::<Result<Vec<Row>, _>>()?)
        }
        .boxed()
    }

    fn execute<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        async move {
            let statement = self.prepared(sql).await?;
            let values = parameters(values);
            self.send(async |it: &Client| it.execute(&statement, &values).await).await
        }
        .boxed()
    }

    fn write(&mut self, sql: &'static str, values: Vec<Value>) -> Result<(), StoreError> {
        self.held.push((sql, values));
        Ok(())
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[…]")
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => number.to_sql(ty, out),
            Value::Real(number) => number.to_sql(ty, out),
            Value::Text(text) => text.to_sql(ty, out),
            Value::Bytes(bytes) => bytes.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::FLOAT8, Type::TEXT, Type::BYTEA].contains(ty)
    }

    tokio_postgres::types::to_sql_checked!();
}

impl FromSql<'_> for Value {
    fn from_sql(ty: &Type, raw: &[u8]) -> Result<Value, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::FLOAT8 => Value::Real(f64::from_sql(ty, raw)?),
            Type::BYTEA => Value::Bytes(Vec::from_sql(ty, raw)?),
            _ => Value::Text(String::from_sql(ty, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Value, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(ty: &Type) -> bool {
        <Value as ToSql>::accepts(ty)
    }
}
