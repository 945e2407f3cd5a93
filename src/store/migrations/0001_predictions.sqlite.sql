CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE prediction(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL,
  model TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL, taxonomy TEXT NOT NULL,
  labels TEXT NOT NULL, sealed BLOB NOT NULL, signature BLOB, created INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX prediction_expires ON prediction(expires);
CREATE TABLE feedback(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, prediction TEXT NOT NULL, service TEXT NOT NULL, version TEXT NOT NULL,
  given TEXT NOT NULL, verdict TEXT NOT NULL, label TEXT, unit TEXT, reason TEXT, decided_by TEXT, role TEXT,
  created INTEGER NOT NULL);
CREATE INDEX feedback_prediction ON feedback(prediction);
CREATE TRIGGER feedback_stays_as_it_is BEFORE UPDATE ON feedback BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER feedback_stays BEFORE DELETE ON feedback BEGIN SELECT RAISE(ABORT, 'append only'); END;
