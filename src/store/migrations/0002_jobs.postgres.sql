CREATE TABLE job(
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, org TEXT NOT NULL, client TEXT NOT NULL,
  service TEXT NOT NULL, operation TEXT NOT NULL, lane TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead')),
  priority BIGINT NOT NULL, run_at BIGINT NOT NULL, attempt BIGINT NOT NULL, max_attempts BIGINT NOT NULL,
  fence BIGINT NOT NULL, lease_until BIGINT, owner TEXT, progress DOUBLE PRECISION, cancel_requested BIGINT NOT NULL,
  purpose TEXT, case_no TEXT, input TEXT, checkpoint TEXT, result TEXT, error TEXT, correlation TEXT NOT NULL,
  traceparent TEXT, created BIGINT NOT NULL, started BIGINT, finished BIGINT, expires BIGINT NOT NULL,
  version BIGINT NOT NULL);
CREATE INDEX job_claim ON job(lane, org, priority DESC, run_at, seq) WHERE state = 'queued';
CREATE INDEX job_running ON job(lane, org) WHERE state = 'running';
CREATE INDEX job_lease ON job(lease_until) WHERE state = 'running';
CREATE INDEX job_turn ON job(lane, org, started) WHERE started IS NOT NULL;
CREATE INDEX job_client ON job(client) WHERE state = 'queued';
CREATE INDEX job_finished ON job(service, operation, finished);
CREATE INDEX job_expires ON job(expires);
CREATE TABLE job_event(
  job TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL, attempt BIGINT NOT NULL, progress DOUBLE PRECISION,
  error TEXT, created BIGINT NOT NULL, PRIMARY KEY(job, version));
CREATE TABLE idempotency(
  client TEXT NOT NULL, key TEXT NOT NULL, route TEXT NOT NULL, fingerprint BYTEA NOT NULL, answer BYTEA NOT NULL,
  job TEXT NOT NULL, expires BIGINT NOT NULL, PRIMARY KEY(client, key, route));
CREATE INDEX idempotency_expires ON idempotency(expires);
CREATE TABLE outbox(
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, body TEXT NOT NULL,
  created BIGINT NOT NULL, published BIGINT);
CREATE INDEX outbox_pending ON outbox(seq) WHERE published IS NULL;
CREATE INDEX outbox_published ON outbox(published) WHERE published IS NOT NULL;
CREATE TABLE blob(
  id TEXT PRIMARY KEY, org TEXT NOT NULL, client TEXT NOT NULL, kind TEXT NOT NULL, media_type TEXT NOT NULL,
  size BIGINT NOT NULL, sha256 TEXT, state TEXT NOT NULL CHECK(state IN ('open', 'complete')),
  sealed_key BYTEA NOT NULL, content BYTEA, created BIGINT NOT NULL, expires BIGINT NOT NULL);
CREATE INDEX blob_expires ON blob(expires);
CREATE TABLE blob_part(
  blob TEXT NOT NULL, number BIGINT NOT NULL, size BIGINT NOT NULL, place TEXT NOT NULL,
  PRIMARY KEY(blob, number));
CREATE TABLE taxonomy(
  name TEXT NOT NULL, version TEXT NOT NULL, body TEXT NOT NULL, valid_from BIGINT NOT NULL, created BIGINT NOT NULL,
  PRIMARY KEY(name, version));
