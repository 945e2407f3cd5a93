CREATE INDEX prediction_version ON prediction(service, version, seq);
