CREATE TABLE job(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, org TEXT NOT NULL, client TEXT NOT NULL,
  service TEXT NOT NULL, operation TEXT NOT NULL, lane TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead')),
  priority INTEGER NOT NULL, run_at INTEGER NOT NULL, attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL,
  fence INTEGER NOT NULL, lease_until INTEGER, owner TEXT, progress REAL, cancel_requested INTEGER NOT NULL,
  purpose TEXT, case_no TEXT, input TEXT, checkpoint TEXT, result TEXT, error TEXT, correlation TEXT NOT NULL,
  traceparent TEXT, created INTEGER NOT NULL, started INTEGER, finished INTEGER, expires INTEGER NOT NULL,
  version INTEGER NOT NULL);
CREATE INDEX job_claim ON job(lane, org, priority DESC, run_at, seq) WHERE state = 'queued';
CREATE INDEX job_running ON job(lane, org) WHERE state = 'running';
CREATE INDEX job_lease ON job(lease_until) WHERE state = 'running';
CREATE INDEX job_turn ON job(lane, org, started) WHERE started IS NOT NULL;
CREATE INDEX job_client ON job(client) WHERE state = 'queued';
CREATE INDEX job_finished ON job(service, operation, finished);
CREATE INDEX job_expires ON job(expires);
CREATE TABLE job_event(
  job TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL, progress REAL,
  error TEXT, created INTEGER NOT NULL, PRIMARY KEY(job, version)) WITHOUT ROWID;
CREATE TABLE idempotency(
  client TEXT NOT NULL, key TEXT NOT NULL, route TEXT NOT NULL, fingerprint BLOB NOT NULL, answer BLOB NOT NULL,
  job TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(client, key, route)) WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency(expires);
CREATE TABLE outbox(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, body TEXT NOT NULL,
  created INTEGER NOT NULL, published INTEGER);
CREATE INDEX outbox_pending ON outbox(seq) WHERE published IS NULL;
CREATE INDEX outbox_published ON outbox(published) WHERE published IS NOT NULL;
CREATE TABLE blob(
  id TEXT PRIMARY KEY, org TEXT NOT NULL, client TEXT NOT NULL, kind TEXT NOT NULL, media_type TEXT NOT NULL,
  size INTEGER NOT NULL, sha256 TEXT, state TEXT NOT NULL CHECK(state IN ('open', 'complete')),
  sealed_key BLOB NOT NULL, content BLOB, created INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX blob_expires ON blob(expires);
CREATE TABLE blob_part(
  blob TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, place TEXT NOT NULL,
  PRIMARY KEY(blob, number)) WITHOUT ROWID;
CREATE TABLE taxonomy(
  name TEXT NOT NULL, version TEXT NOT NULL, body TEXT NOT NULL, valid_from INTEGER NOT NULL, created INTEGER NOT NULL,
  PRIMARY KEY(name, version)) WITHOUT ROWID;
