ALTER TABLE prediction ADD COLUMN n_chars INTEGER;
ALTER TABLE prediction ADD COLUMN n_han INTEGER;
CREATE TABLE drift_reference(
  service TEXT NOT NULL, version TEXT NOT NULL, last INTEGER NOT NULL, body TEXT NOT NULL, created INTEGER NOT NULL,
  PRIMARY KEY(service, version)) WITHOUT ROWID;
CREATE TABLE drift(
  service TEXT NOT NULL, version TEXT NOT NULL, day INTEGER NOT NULL, feature TEXT NOT NULL, measure TEXT NOT NULL,
  n_reference INTEGER NOT NULL, n_window INTEGER NOT NULL, value REAL NOT NULL, p REAL NOT NULL,
  threshold REAL NOT NULL, is_alarm INTEGER NOT NULL,
  PRIMARY KEY(service, version, day, feature, measure)) WITHOUT ROWID;
CREATE INDEX review_waiting ON review(org, kind, is_confidential, unit, reason, state, lease_until, deadline)
  WHERE state <> 'decided';
