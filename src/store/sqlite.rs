//! SQLite: one thread writes, many pieces of work a transaction; two read beside it, and one folds the log.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};

use super::bells::{Bells, Rung};
use super::engine::{Engine, Kind, Tx, Work};
use super::value::{Row, Value};
use super::{StoreError, migrations};

/// Pieces of work that wait for the writer or for a reader; the next one is refused.
const MAX_WAITING: usize = 4096;

/// Pieces of work of one transaction: enough to share the wait for the disk, few enough to answer soon.
const MAX_GROUP: usize = 256;

/// Threads that read.
const READERS: usize = 2;

/// Longest wait for another process that writes.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Rows changed after which the log is folded into the database: some 1,000 pages. The more there is to fold, the longer the
/// disk is busy with it.
const FOLD_ROWS: u64 = 300;

/// The log is folded by [`fold`] before it is as long as this: then whoever writes would fold it, and callers wait. 8,192
/// pages are 32 MiB.
const MAX_LOG_PAGES: i64 = 8192;

/// Prepared statements kept on a connection.
const STATEMENTS: usize = 128;

/// A piece of work and how it is run; none ends the thread that takes it.
type Queued = Option<(Box<dyn Work>, Kind)>;

/// The threads; they end when this is closed or dropped, after what was queued.
pub(super) struct Sqlite {
    writer: SyncSender<Queued>,
    readers: SyncSender<Queued>,
    folder: SyncSender<Fold>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    /// Opens the file, brings its tables up to date and starts the threads.
    pub(super) fn open(path: &Path, bells: &Arc<Bells>) -> Result<Sqlite, StoreError> {
        let failed = |source| StoreError::File {
            action: "start a thread for",
            path: path.to_owned(),
            source,
        };
        make(path).map_err(|source| StoreError::File {
            action: "make",
            path: path.to_owned(),
            source,
        })?;
        let mut connection = connect(path)?;
        migrations::sqlite(&mut connection)?;
        let (writer, queue) = sync_channel(MAX_WAITING);
        // One fold that waits is enough for all that was written before it.
        let (folder, folds) = sync_channel(1);
        let mut threads = Vec::new();
        let thread = thread::Builder::new().name("store-write".to_owned());
        let tx = SqliteTx::over(connection, bells);
        let writers_folder = folder.clone();
        let work = move || write(tx, &queue, &writers_folder);
        threads.push(thread.spawn(work).map_err(failed)?);
        let connection = connect(path)?;
        let thread = thread::Builder::new().name("store-fold".to_owned());
        threads.push(thread.spawn(move || fold(&connection, &folds)).map_err(failed)?);
        let (readers, queue) = sync_channel(MAX_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for reader_idx in 0..READERS {
            let connection = connect(path)?;
            connection.pragma_update(None, "query_only", "ON")?;
            let queue = Arc::clone(&queue);
            let thread = thread::Builder::new().name(format!("store-read-{reader_idx}"));
            let tx = SqliteTx::over(connection, bells);
            threads.push(thread.spawn(move || read(tx, &queue)).map_err(failed)?);
        }
        Ok(Sqlite { writer, readers, folder, threads: Mutex::new(threads) })
    }
}

impl Engine for Sqlite {
    fn submit(&self, work: Box<dyn Work>, kind: Kind) {
        let queue = match kind {
            Kind::Query | Kind::Read => &self.readers,
            Kind::Relaxed | Kind::Durable => &self.writer,
        };
        let refused = match queue.try_send(Some((work, kind))) {
            Ok(()) => return,
            Err(TrySendError::Full(it)) => (it, StoreError::Busy),
            Err(TrySendError::Disconnected(it)) => (it, StoreError::Closed),
        };
        if let (Some((work, _)), error) = refused {
            work.answer(Err(error));
        }
    }

    fn close(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.is_empty() {
            return;
        }
        // A thread that has ended takes nothing more; one that panicked has nothing to hand over.
        (0..READERS).for_each(|_| drop(self.readers.send(None)));
        let _ = self.folder.send(Fold::End);
        // Whoever lets go of the file last puts its log away, and two at one time leave it to each other: the writer,
        // which is the first of them, is the last.
        for thread in threads.drain(1..) {
            let _ = thread.join();
        }
        let _ = self.writer.send(None);
        for thread in threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

/// Work that runs at once on the caller's thread: over a database in memory, for tests that own every step, or over a
/// file as it is.
pub(super) struct Inline(Mutex<SqliteTx>);

impl Inline {
    pub(super) fn open(bells: &Arc<Bells>) -> Result<Inline, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        prepare(&connection)?;
        migrations::sqlite(&mut connection)?;
        Ok(Inline(Mutex::new(SqliteTx::over(connection, bells))))
    }

    /// Over a whole file that is there, to read from only: it is not made or brought up to date, and a log that a crash
    /// left behind stays beside it.
    pub(super) fn as_it_is(path: &Path) -> Result<Inline, StoreError> {
        let log = path.with_extension("sqlite-wal");
        let has_log = log.try_exists().map_err(|source| StoreError::File {
            action: "look for",
            path: log,
            source,
        })?;
        // A connection that may not write at all cannot read the log of one that does.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", "ON")?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
        prepare(&connection)?;
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(StoreError::Shape);
        }
        Ok(Inline(Mutex::new(SqliteTx::over(connection, &Arc::default()))))
    }
}

impl Engine for Inline {
    fn submit(&self, work: Box<dyn Work>, kind: Kind) {
        let mut tx = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kind {
            Kind::Query | Kind::Read => look(&mut tx, work),
            Kind::Relaxed | Kind::Durable => commit(&mut tx, vec![work]),
        }
    }
}

/// Makes the file where there is none, for its owner alone; its log gets the same rights from it.
fn make(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(|_| ())
}

/// Opens the file: write-ahead log, deleted content overwritten.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", MAX_LOG_PAGES)?;
    prepare(&connection)?;
    Ok(connection)
}

/// Keeps statements; a plan does not depend on values, or each would be made anew for each value.
fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// What the thread that folds is told.
#[derive(Debug, PartialEq, Eq)]
enum Fold {
    Now,
    End,
}

/// Folds the log into the database when it is told to, on a connection of its own, so that no writer waits.
fn fold(connection: &Connection, told: &Receiver<Fold>) {
    while told.recv() == Ok(Fold::Now) {
        let folded = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = folded {
            tracing::error!(reason = %error, "the log of the database was not folded");
        }
    }
}

/// Folds the log into the database, and empties it.
pub(super) fn scrub(path: &Path) -> Result<(), StoreError> {
    connect(path)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// The writer: takes what waits, commits it together, then answers.
fn write(mut tx: SqliteTx, queue: &Receiver<Queued>, folder: &SyncSender<Fold>) {
    let (mut is_full, mut is_last) = (false, false);
    while !is_last && let Ok(Some((first, kind))) = queue.recv() {
        let mut group = vec![first];
        let mut is_durable = kind == Kind::Durable;
        while !is_last
            && group.len() < MAX_GROUP
            && let Ok(next) = queue.try_recv()
        {
            match next {
                Some((work, kind)) => {
                    is_durable |= kind == Kind::Durable;
                    group.push(work);
                }
                None => is_last = true,
            }
        }
        if is_durable != is_full {
            let level = if is_durable { "FULL" } else { "NORMAL" };
            if let Err(error) = tx.connection.pragma_update(None, "synchronous", level) {
                let error = StoreError::Commit(error.to_string());
                group.into_iter().for_each(|it| it.answer(Err(error.again())));
                continue;
            }
            is_full = is_durable;
        }
        commit(&mut tx, group);
        if FOLD_ROWS <= tx.changed {
            tx.changed = 0;
            // Where one waits already it will fold this too.
            let _ = folder.try_send(Fold::Now);
        }
    }
}

fn read(mut tx: SqliteTx, queue: &Mutex<Receiver<Queued>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Some((work, _))) = next else { return };
        look(&mut tx, work);
    }
}

/// Runs one piece of work that only reads.
fn look(tx: &mut SqliteTx, mut work: Box<dyn Work>) {
    let outcome = tx.control("BEGIN").and_then(|()| {
        let outcome = run(tx, work.as_mut());
        tx.control("COMMIT").and(outcome)
    });
    work.answer(outcome);
}

/// Runs a group in one transaction. What fails is undone alone and answered at once; the rest after the commit.
fn commit(tx: &mut SqliteTx, group: Vec<Box<dyn Work>>) {
    if let Err(error) = tx.control("BEGIN IMMEDIATE") {
        let error = StoreError::Commit(error.to_string());
        return group.into_iter().for_each(|it| it.answer(Err(error.again())));
    }
    let mut done = Vec::with_capacity(group.len());
    for mut work in group {
        let outcome = tx.control("SAVEPOINT one").and_then(|()| run(tx, work.as_mut()));
        match outcome.and_then(|()| tx.control("RELEASE one")) {
            Ok(()) => done.push(work),
            Err(error) => {
                let undone = tx.control("ROLLBACK TO one").and_then(|()| tx.control("RELEASE one"));
                work.answer(Err(error));
                if undone.is_err() {
                    // The whole transaction is lost; the commit below says so.
                    break;
                }
            }
        }
    }
    let rung = std::mem::take(&mut tx.rung);
    match tx.control("COMMIT") {
        Ok(()) => {
            tx.bells.ring(rung);
            done.into_iter().for_each(|it| it.answer(Ok(())));
        }
        Err(error) => {
            // Without an open transaction there is nothing to roll back.
            let _ = tx.control("ROLLBACK");
            let error = StoreError::Commit(error.to_string());
            done.into_iter().for_each(|it| it.answer(Err(error.again())));
        }
    }
}

fn run(tx: &mut SqliteTx, work: &mut dyn Work) -> Result<(), StoreError> {
    // Every future of this engine is ready at once.
    work.run(tx).now_or_never().unwrap_or(Err(StoreError::Closed))
}

/// A connection inside a transaction.
struct SqliteTx {
    connection: Connection,
    /// What is rung at its end.
    rung: Rung,
    bells: Arc<Bells>,
    /// Rows changed since the log was last to be folded.
    changed: u64,
}

impl SqliteTx {
    fn over(connection: Connection, bells: &Arc<Bells>) -> SqliteTx {
        SqliteTx { connection, rung: Rung::default(), bells: Arc::clone(bells), changed: 0 }
    }

    fn control(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.connection.prepare_cached(sql)?.execute([]).map(|_| ())?)
    }

    fn change(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(&sql.replace('$', "?"))?;
        let n_rows = statement.execute(rusqlite::params_from_iter(values))? as u64;
        self.changed += n_rows;
        Ok(n_rows)
    }

    fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(&sql.replace('$', "?"))?;
        let n_columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let mut columns = Vec::with_capacity(n_columns);
            for column_idx in 0..n_columns {
                columns.push(value(row.get_ref(column_idx)?)?);
            }
            found.push(Row::new(columns));
        }
        Ok(found)
    }
}

impl Tx for SqliteTx {
    fn is_postgres(&self) -> bool {
        false
    }

    fn rung(&mut self) -> &mut Rung {
        &mut self.rung
    }

    fn rows<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        ready(self.query(sql, values)).boxed()
    }

    fn execute<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        ready(self.change(sql, values)).boxed()
    }

    fn write(&mut self, sql: &'static str, values: Vec<Value>) -> Result<(), StoreError> {
        self.change(sql, &values).map(drop)
    }
}

fn value(column: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match column {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => {
            Value::Text(String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::Shape)?)
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
