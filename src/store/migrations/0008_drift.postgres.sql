ALTER TABLE prediction ADD COLUMN n_chars BIGINT;
ALTER TABLE prediction ADD COLUMN n_han BIGINT;
CREATE TABLE drift_reference(
  service TEXT NOT NULL, version TEXT NOT NULL, last BIGINT NOT NULL, body TEXT NOT NULL, created BIGINT NOT NULL,
  PRIMARY KEY(service, version));
CREATE TABLE drift(
  service TEXT NOT NULL, version TEXT NOT NULL, day BIGINT NOT NULL, feature TEXT NOT NULL, measure TEXT NOT NULL,
  n_reference BIGINT NOT NULL, n_window BIGINT NOT NULL, value DOUBLE PRECISION NOT NULL, p DOUBLE PRECISION NOT NULL,
  threshold DOUBLE PRECISION NOT NULL, is_alarm BIGINT NOT NULL,
  PRIMARY KEY(service, version, day, feature, measure));
CREATE INDEX review_waiting ON review(org, kind, is_confidential, unit, reason, state, lease_until, deadline)
  WHERE state <> 'decided';
