CREATE TABLE client(
  id TEXT PRIMARY KEY, org TEXT NOT NULL, units TEXT NOT NULL, scopes TEXT NOT NULL, purposes TEXT NOT NULL, hours TEXT,
  networks TEXT NOT NULL, expires BIGINT, certificate BYTEA, partner TEXT UNIQUE, is_active BIGINT NOT NULL,
  approver TEXT NOT NULL, created BIGINT NOT NULL, used BIGINT NOT NULL);
CREATE TABLE client_key(
  id TEXT PRIMARY KEY, client TEXT NOT NULL, hash BYTEA NOT NULL, is_demo BIGINT NOT NULL, created BIGINT NOT NULL);
CREATE INDEX client_key_client ON client_key(client);
ALTER TABLE prediction ADD COLUMN org TEXT NOT NULL DEFAULT '';
CREATE INDEX prediction_newest ON prediction(service, org, seq);
