//! A length of time as people write it: `90s`, `2h`, `1d 6h`.
