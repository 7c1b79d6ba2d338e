//! How much may grow, and for how long things may take: every bound of this crate in one place.

use std::time::Duration;

/// Samples that are stored at once.
pub const SAMPLES_A_BATCH: usize = 500;
/// How long samples are collected before they are stored.
pub const SAMPLES_WAIT: Duration = Duration::from_secs(2);
/// Samples that wait while they cannot be stored; beyond that the oldest go.
pub const SAMPLES_KEPT: usize = 50_000;
/// How often old samples are downsampled to hours and days.
pub const DOWNSAMPLE_EVERY: Duration = Duration::from_hours(1);
/// Alerts that a slow listener may lag behind.
pub const ALERTS_BUFFERED: usize = 1024;
