-- ?1: a pull that came to nothing, and why. Since when none has come: the first time stands.
INSERT INTO pull_failure (one, since_ms, why)
VALUES (1, ?1 ->> 'nowMs', ?1 ->> 'why')
ON CONFLICT (one) DO UPDATE SET why = excluded.why
