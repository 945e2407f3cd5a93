-- Of several that wait for one version the oldest goes on waiting.
UPDATE promotion SET rejected_by = asked_by, rejected = asked, rejection = '與較早的提案相同'
WHERE approved IS NULL AND rejected IS NULL AND EXISTS (
  SELECT 1 FROM promotion AS other
  WHERE other.model = promotion.model AND other.version = promotion.version AND other.sha256 = promotion.sha256
    AND other.approved IS NULL AND other.rejected IS NULL
    AND (other.asked < promotion.asked OR (other.asked = promotion.asked AND other.id < promotion.id)));
CREATE UNIQUE INDEX promotion_waits ON promotion(model, version, sha256) WHERE approved IS NULL AND rejected IS NULL;
