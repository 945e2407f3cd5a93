CREATE TABLE sign_out(id TEXT PRIMARY KEY, subject TEXT, sid TEXT, at BIGINT NOT NULL);
CREATE INDEX sign_out_at ON sign_out(at);
