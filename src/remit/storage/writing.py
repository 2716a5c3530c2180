"""Write what rests on no fact, in a transaction of its own."""

from __future__ import annotations

from remit.storage.port import Store, Wanted, Writes


def put(store: Store, writes: Writes) -> None:
    """Write everything or nothing, durably. Raises StoreError."""
    transactions = store.transactions()
    try:
        transactions.begin(Wanted())
        transactions.commit(writes)
    except BaseException:
        transactions.rollback()
        raise
    finally:
        transactions.close()
