CREATE TABLE sign_out(id TEXT PRIMARY KEY, subject TEXT, sid TEXT, at INTEGER NOT NULL);
CREATE INDEX sign_out_at ON sign_out(at);
