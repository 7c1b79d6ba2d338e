//! Tests over the whole of tranche; see `tests/`.
