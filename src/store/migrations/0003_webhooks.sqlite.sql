CREATE TABLE webhook(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, org TEXT NOT NULL, client TEXT NOT NULL,
  url TEXT NOT NULL, names TEXT NOT NULL, is_active INTEGER NOT NULL, sealed BLOB NOT NULL, sealed_before BLOB,
  before_until INTEGER, created INTEGER NOT NULL);
CREATE INDEX webhook_client ON webhook(client);
CREATE INDEX webhook_org ON webhook(org) WHERE is_active = 1;
CREATE TABLE webhook_delivery(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, webhook TEXT NOT NULL, name TEXT NOT NULL,
  body TEXT NOT NULL, state TEXT NOT NULL CHECK(state IN ('due', 'delivered', 'failed')), due INTEGER NOT NULL,
  attempts INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE INDEX webhook_delivery_due ON webhook_delivery(due, seq) WHERE state = 'due';
CREATE INDEX webhook_delivery_webhook ON webhook_delivery(webhook, seq);
CREATE INDEX webhook_delivery_created ON webhook_delivery(created);
CREATE TABLE webhook_attempt(
  delivery TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, took INTEGER NOT NULL, status INTEGER, failure TEXT,
  PRIMARY KEY(delivery, number)) WITHOUT ROWID;
