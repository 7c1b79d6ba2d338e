//! What can grow, and how far. Each limit is far above honest use and keeps hostile files from costing much.

/// Bytes of one file.
pub(crate) const FILE_BYTES: usize = 64 << 20;
/// Files of policies.
pub(crate) const POLICIES: usize = 1_000;
/// Values of one file, aliases written out.
pub(crate) const NODES: usize = 8_000_000;
/// Values that come from aliases and merges.
pub(crate) const ALIASED_NODES: usize = 1_000_000;
/// Lists and maps within each other.
pub(crate) const DEPTH: usize = 48;
/// Rows of a table.
pub(crate) const ROWS: usize = 100_000;
/// Columns of a table.
pub(crate) const COLUMNS: usize = 1_000;
/// Mistakes that are reported; what lies beyond is counted.
pub(crate) const PROBLEMS: usize = 1_000;
/// Bytes of a name.
pub(crate) const NAME_BYTES: usize = 100;
/// Bytes of one source line that is shown.
pub(crate) const SOURCE_LINE_CHARS: usize = 200;
