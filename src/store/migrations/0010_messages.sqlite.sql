ALTER TABLE webhook_delivery ADD COLUMN traceparent TEXT;
CREATE TABLE message(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, medium TEXT NOT NULL, recipient TEXT NOT NULL, kind TEXT NOT NULL,
  body TEXT NOT NULL, state TEXT NOT NULL CHECK(state IN ('due', 'delivered', 'failed')), due INTEGER NOT NULL,
  attempts INTEGER NOT NULL, failure TEXT, created INTEGER NOT NULL);
CREATE INDEX message_due ON message(due, seq) WHERE state = 'due';
CREATE INDEX message_kind ON message(kind, medium, recipient, created);
CREATE INDEX message_created ON message(created);
