-- ?1: what came of an order.
UPDATE ad_orders SET
  outcome = ?1 ->> 'outcome',
  status  = ?1 ->> 'status',
  answer  = ?1 ->> 'answer',
  ad_id   = ?1 ->> 'adId'
WHERE order_id = ?1 ->> 'id'
