//! Tests over the whole of `tranche`: what concerns every crate, and the binary as people use it. See `it/`.
