SELECT order_id, at_ms, who, action, request, outcome, status, answer, ad_id
FROM ad_orders
WHERE ?1 IS NOT NULL
ORDER BY at_ms DESC, order_id
LIMIT 200
