//! Commands that copy the state, and put it back.

use std::path::PathBuf;

use clap::Args;

/// `backup`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche backup /backups/shop-2027-01-11.backup
  tranche --db /backups/shop-2027-01-11.backup verify   # look into one
  tranche backup --with-key shop.backup                 # as secret as .tranche itself")]
pub(crate) struct Backup {
    /// A new file; one that is there already is left alone.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Also the key of the sealed values: who can read the file can then read what variables held before.
    #[arg(long)]
    pub(crate) with_key: bool,
}

/// `restore`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche restore /backups/shop-2027-01-11.backup
  tranche restore shop.backup --key /safe/backup.key
  tranche --db /tmp/look.db restore shop.backup --without-key    # elsewhere, to look at it")]
pub(crate) struct Restore {
    /// What `backup` has written.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The key of the sealed values, where it is not in the backup: the `backup.key` that lay beside the database.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Go on without that key: what variables held before stays sealed, and no rollback puts it back.
    #[arg(long, conflicts_with = "key")]
    pub(crate) without_key: bool,
}
