CREATE TABLE meta(name TEXT PRIMARY KEY, value BYTEA NOT NULL);
CREATE TABLE prediction(
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL,
  model TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL, taxonomy TEXT NOT NULL,
  labels TEXT NOT NULL, sealed BYTEA NOT NULL, signature BYTEA, created BIGINT NOT NULL, expires BIGINT NOT NULL);
CREATE INDEX prediction_expires ON prediction(expires);
CREATE TABLE feedback(
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, prediction TEXT NOT NULL, service TEXT NOT NULL,
  version TEXT NOT NULL, given TEXT NOT NULL, verdict TEXT NOT NULL, label TEXT, unit TEXT, reason TEXT,
  decided_by TEXT, role TEXT, created BIGINT NOT NULL);
CREATE INDEX feedback_prediction ON feedback(prediction);
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append only'; END $$;
CREATE TRIGGER feedback_stays BEFORE UPDATE OR DELETE ON feedback FOR EACH ROW EXECUTE FUNCTION append_only();
