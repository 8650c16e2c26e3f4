"""What outlives the control plane: resources, contacts, states of recordings, audit. The only SQL of the product."""

from signaling.store.errors import Conflict, InvalidQuery, StoreError, StoreUnavailable
from signaling.store.search import ContactQuery, Page
from signaling.store.store import Store

__all__ = ["Conflict", "ContactQuery", "InvalidQuery", "Page", "Store", "StoreError", "StoreUnavailable"]
