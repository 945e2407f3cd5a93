ALTER TABLE prediction ADD COLUMN text_expires INTEGER;
ALTER TABLE prediction ADD COLUMN case_no TEXT;
UPDATE prediction SET text_expires = expires;
CREATE INDEX prediction_text_expires ON prediction(text_expires) WHERE text_expires IS NOT NULL;
CREATE INDEX prediction_case ON prediction(case_no) WHERE case_no IS NOT NULL;
CREATE INDEX feedback_created ON feedback(created);
DROP TRIGGER feedback_stays;
CREATE TRIGGER feedback_stays BEFORE DELETE ON feedback
  WHEN EXISTS (SELECT 1 FROM prediction WHERE prediction.id = OLD.prediction)
  BEGIN SELECT RAISE(ABORT, 'append only'); END;
ALTER TABLE job ADD COLUMN attached TEXT;
CREATE INDEX job_case ON job(case_no) WHERE case_no IS NOT NULL;
CREATE TABLE blob_gone(blob TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE hold(
  id TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK(kind IN ('subject', 'prediction', 'job', 'case')), object TEXT NOT NULL,
  reason TEXT NOT NULL, approver TEXT NOT NULL, created INTEGER NOT NULL, lifted INTEGER, lifted_by TEXT) WITHOUT ROWID;
CREATE TABLE held(kind TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY(kind, object)) WITHOUT ROWID;
CREATE TABLE subject_ref(
  subject TEXT NOT NULL, kind TEXT NOT NULL CHECK(kind IN ('prediction', 'job')), object TEXT NOT NULL,
  created INTEGER NOT NULL, PRIMARY KEY(subject, kind, object)) WITHOUT ROWID;
CREATE INDEX subject_ref_object ON subject_ref(kind, object);
CREATE TABLE erasure(
  id TEXT PRIMARY KEY, subject TEXT NOT NULL, reason TEXT NOT NULL, asked_by TEXT NOT NULL, asked INTEGER NOT NULL,
  approved_by TEXT, approved INTEGER, done INTEGER) WITHOUT ROWID;
CREATE TABLE erased(
  erasure TEXT NOT NULL, kind TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY(erasure, kind, object)) WITHOUT ROWID;
