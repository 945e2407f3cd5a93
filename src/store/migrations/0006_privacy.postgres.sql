ALTER TABLE prediction ADD COLUMN text_expires BIGINT;
ALTER TABLE prediction ADD COLUMN case_no TEXT;
UPDATE prediction SET text_expires = expires;
CREATE INDEX prediction_text_expires ON prediction(text_expires) WHERE text_expires IS NOT NULL;
CREATE INDEX prediction_case ON prediction(case_no) WHERE case_no IS NOT NULL;
CREATE INDEX feedback_created ON feedback(created);
DROP TRIGGER feedback_stays ON feedback;
CREATE TRIGGER feedback_stays_as_it_is BEFORE UPDATE ON feedback FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE FUNCTION goes_after_its_prediction() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT 1 FROM prediction WHERE prediction.id = OLD.prediction) THEN RAISE EXCEPTION 'append only'; END IF;
  RETURN OLD; END $$;
CREATE TRIGGER feedback_stays BEFORE DELETE ON feedback FOR EACH ROW EXECUTE FUNCTION goes_after_its_prediction();
ALTER TABLE job ADD COLUMN attached TEXT;
CREATE INDEX job_case ON job(case_no) WHERE case_no IS NOT NULL;
CREATE TABLE blob_gone(blob TEXT PRIMARY KEY);
CREATE TABLE hold(
  id TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK(kind IN ('subject', 'prediction', 'job', 'case')), object TEXT NOT NULL,
  reason TEXT NOT NULL, approver TEXT NOT NULL, created BIGINT NOT NULL, lifted BIGINT, lifted_by TEXT);
CREATE TABLE held(kind TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY(kind, object));
CREATE TABLE subject_ref(
  subject TEXT NOT NULL, kind TEXT NOT NULL CHECK(kind IN ('prediction', 'job')), object TEXT NOT NULL,
  created BIGINT NOT NULL, PRIMARY KEY(subject, kind, object));
CREATE INDEX subject_ref_object ON subject_ref(kind, object);
CREATE TABLE erasure(
  id TEXT PRIMARY KEY, subject TEXT NOT NULL, reason TEXT NOT NULL, asked_by TEXT NOT NULL, asked BIGINT NOT NULL,
  approved_by TEXT, approved BIGINT, done BIGINT);
CREATE TABLE erased(
  erasure TEXT NOT NULL, kind TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY(erasure, kind, object));
