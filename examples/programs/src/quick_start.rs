//! Asks Render who the key belongs to and lists the services it reaches.

fn main() {}
