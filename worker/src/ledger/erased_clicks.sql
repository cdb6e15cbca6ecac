-- ?1: a JSON array of clicks. Of those whose person was erased before they came, the browsers: all that is known of them goes, too.
INSERT OR REPLACE INTO erased (id, website_id, erased_ms)
SELECT value ->> 'tempId', erased.website_id, max(erased.erased_ms, coalesce(browser.erased_ms, 0))
FROM json_each(?1)
JOIN erased ON erased.id = value ->> 'clickId' AND erased.website_id IN ('', value ->> 'websiteId') AND erased.erased_ms >= value ->> 'atMs'
LEFT JOIN erased AS browser ON browser.id = value ->> 'tempId' AND browser.website_id = erased.website_id
