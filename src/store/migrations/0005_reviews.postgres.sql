CREATE TABLE review(
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, prediction TEXT NOT NULL, kind TEXT NOT NULL,
  org TEXT NOT NULL, unit TEXT, reason TEXT NOT NULL, priority BIGINT NOT NULL, confidence BIGINT NOT NULL,
  is_confidential BIGINT NOT NULL, deadline BIGINT NOT NULL, created BIGINT NOT NULL, model_version TEXT NOT NULL,
  given TEXT NOT NULL, correlation TEXT NOT NULL, first TEXT UNIQUE, not_by TEXT,
  state TEXT NOT NULL CHECK(state IN ('open', 'claimed', 'decided', 'escalated')), version BIGINT NOT NULL,
  holder TEXT, lease_until BIGINT, verdict TEXT, label TEXT, decided_unit TEXT, decided_by TEXT, decided BIGINT, note TEXT,
  settled BIGINT NOT NULL, sealed_title BYTEA, sealed BYTEA);
CREATE INDEX review_deadline ON review(org, deadline, confidence, seq) WHERE state <> 'decided';
CREATE INDEX review_confidence ON review(org, confidence, deadline, seq) WHERE state <> 'decided';
CREATE INDEX review_priority ON review(org, priority, deadline, seq) WHERE state <> 'decided';
CREATE INDEX review_decided ON review(org, decided, seq) WHERE state = 'decided';
CREATE INDEX review_prediction ON review(prediction);
CREATE INDEX review_unsettled ON review(decided) WHERE state = 'decided' AND settled = 0;
CREATE INDEX review_sealed ON review(decided) WHERE state = 'decided' AND sealed IS NOT NULL;
