CREATE TABLE webhook(
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, org TEXT NOT NULL, client TEXT NOT NULL,
  url TEXT NOT NULL, names TEXT NOT NULL, is_active BIGINT NOT NULL, sealed BYTEA NOT NULL, sealed_before BYTEA,
  before_until BIGINT, created BIGINT NOT NULL);
CREATE INDEX webhook_client ON webhook(client);
CREATE INDEX webhook_org ON webhook(org) WHERE is_active = 1;
CREATE TABLE webhook_delivery(
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, webhook TEXT NOT NULL, name TEXT NOT NULL,
  body TEXT NOT NULL, state TEXT NOT NULL CHECK(state IN ('due', 'delivered', 'failed')), due BIGINT NOT NULL,
  attempts BIGINT NOT NULL, created BIGINT NOT NULL);
CREATE INDEX webhook_delivery_due ON webhook_delivery(due, seq) WHERE state = 'due';
CREATE INDEX webhook_delivery_webhook ON webhook_delivery(webhook, seq);
CREATE INDEX webhook_delivery_created ON webhook_delivery(created);
CREATE TABLE webhook_attempt(
  delivery TEXT NOT NULL, number BIGINT NOT NULL, at BIGINT NOT NULL, took BIGINT NOT NULL, status BIGINT, failure TEXT,
  PRIMARY KEY(delivery, number));
