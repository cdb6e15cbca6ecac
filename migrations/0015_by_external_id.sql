-- Whose is the site's own id? Asked when that person is to be erased.
CREATE INDEX visits_of_external_user ON visits (external_user_id) WHERE external_user_id IS NOT NULL;
CREATE INDEX visitors_of_external_user ON visitors (external_user_id) WHERE external_user_id IS NOT NULL;
CREATE INDEX leads_of_external_user ON leads (external_user_id) WHERE external_user_id IS NOT NULL;
CREATE INDEX conversions_of_external_user ON conversions (external_user_id) WHERE external_user_id IS NOT NULL;
