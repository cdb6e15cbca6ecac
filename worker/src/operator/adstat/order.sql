-- ?1: an order that is about to be sent, for the first time or once more. It gives a row where it may: an ad is not sent while another
-- attempt may be under way that this one has not seen.
INSERT INTO ad_orders (order_id, at_ms, who, action, request, sent_ms, outcome, ad_id, earlier_ads)
SELECT ?1 ->> 'id', ?1 ->> 'nowMs', ?1 ->> 'who', ?1 ->> 'action', ?1 ->> 'request', ?1 ->> 'sentMs', 'sent', ?1 ->> 'adId', ?1 ->> 'earlierAds'
WHERE true
ON CONFLICT (order_id) DO UPDATE SET
  sent_ms     = excluded.sent_ms,
  outcome     = 'sent',
  status      = NULL,
  answer      = NULL,
  earlier_ads = excluded.earlier_ads
WHERE action = 'edit' OR outcome = 'refused' OR (outcome = 'sent' AND sent_ms IS ?1 ->> 'seenMs')
RETURNING order_id
