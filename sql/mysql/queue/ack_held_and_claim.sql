-- returns: claimed

-- Does what ack_and_claim.sql does, where none of the settled has a key, and takes every lease for held: nothing is read before
-- it is removed. Where the count of the removed says otherwise, all of it is undone, and ack_and_claim.sql is asked.
-- step: kept, unless held is empty, when keep_history
-- include: keep_held

-- step: removed, unless held is empty
-- changes: held
-- include: remove_held

-- include: claim_steps
