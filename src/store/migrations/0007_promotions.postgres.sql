CREATE TABLE promotion(
  id TEXT PRIMARY KEY, reason TEXT NOT NULL, asked_by TEXT NOT NULL, asked BIGINT NOT NULL,
  approved_by TEXT, approved BIGINT, done BIGINT,
  model TEXT NOT NULL, version BIGINT NOT NULL, sha256 TEXT NOT NULL);
