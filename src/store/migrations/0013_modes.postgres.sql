CREATE TABLE service_mode(
  org TEXT NOT NULL, service TEXT NOT NULL, mode TEXT NOT NULL, reason TEXT NOT NULL, changed_by TEXT NOT NULL,
  changed BIGINT NOT NULL, PRIMARY KEY(org, service));
ALTER TABLE prediction ADD COLUMN mode TEXT;
ALTER TABLE prediction ADD COLUMN made_by TEXT;
CREATE INDEX prediction_mode ON prediction(mode, service, org) WHERE mode IS NOT NULL;
