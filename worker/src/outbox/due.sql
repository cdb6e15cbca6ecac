-- ?1: the time. The sites for which something is due.
SELECT DISTINCT website_id FROM sends WHERE state = 'pending' AND due_ms <= ?1 ->> 'nowMs'
