CREATE TABLE review(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, prediction TEXT NOT NULL, kind TEXT NOT NULL,
  org TEXT NOT NULL, unit TEXT, reason TEXT NOT NULL, priority INTEGER NOT NULL, confidence INTEGER NOT NULL,
  is_confidential INTEGER NOT NULL, deadline INTEGER NOT NULL, created INTEGER NOT NULL, model_version TEXT NOT NULL,
  given TEXT NOT NULL, correlation TEXT NOT NULL, first TEXT UNIQUE, not_by TEXT,
  state TEXT NOT NULL CHECK(state IN ('open', 'claimed', 'decided', 'escalated')), version INTEGER NOT NULL,
  holder TEXT, lease_until INTEGER, verdict TEXT, label TEXT, decided_unit TEXT, decided_by TEXT, decided INTEGER, note TEXT,
  settled INTEGER NOT NULL, sealed_title BLOB, sealed BLOB);
CREATE INDEX review_deadline ON review(org, deadline, confidence, seq) WHERE state <> 'decided';
CREATE INDEX review_confidence ON review(org, confidence, deadline, seq) WHERE state <> 'decided';
CREATE INDEX review_priority ON review(org, priority, deadline, seq) WHERE state <> 'decided';
CREATE INDEX review_decided ON review(org, decided, seq) WHERE state = 'decided';
CREATE INDEX review_prediction ON review(prediction);
CREATE INDEX review_unsettled ON review(decided) WHERE state = 'decided' AND settled = 0;
CREATE INDEX review_sealed ON review(decided) WHERE state = 'decided' AND sealed IS NOT NULL;
