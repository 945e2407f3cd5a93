CREATE TABLE application(
  id TEXT PRIMARY KEY, reason TEXT NOT NULL, asked_by TEXT NOT NULL, asked BIGINT NOT NULL,
  approved_by TEXT, approved BIGINT, done BIGINT, rejected_by TEXT, rejected BIGINT, rejection TEXT,
  sender TEXT NOT NULL, org TEXT NOT NULL, client TEXT NOT NULL, content TEXT NOT NULL);
CREATE UNIQUE INDEX application_waits ON application(client) WHERE approved IS NULL AND rejected IS NULL;
CREATE TABLE duty(name TEXT PRIMARY KEY, owner TEXT NOT NULL, until BIGINT NOT NULL);
