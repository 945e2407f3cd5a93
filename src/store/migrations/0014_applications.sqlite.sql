CREATE TABLE application(
  id TEXT PRIMARY KEY, reason TEXT NOT NULL, asked_by TEXT NOT NULL, asked INTEGER NOT NULL,
  approved_by TEXT, approved INTEGER, done INTEGER, rejected_by TEXT, rejected INTEGER, rejection TEXT,
  sender TEXT NOT NULL, org TEXT NOT NULL, client TEXT NOT NULL, content TEXT NOT NULL) WITHOUT ROWID;
CREATE UNIQUE INDEX application_waits ON application(client) WHERE approved IS NULL AND rejected IS NULL;
CREATE TABLE duty(name TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
