-- What was taken, and what became of it is to be asked: Google Ads tells later what of a request counts.
CREATE INDEX sends_taken ON sends (due_ms, website_id, destination, request_id) WHERE state = 'sent' AND code = 'TAKEN';

-- What went with something that was refused afterwards.
CREATE INDEX sends_partly_refused ON sends (changed_ms) WHERE code = 'PARTLY_REFUSED';
