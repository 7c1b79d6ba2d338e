//! What things at Render are called, and how new ids are made.

use serde::{Deserialize, Serialize};

pub use policy::{ServiceId, Timestamp};

policy::names! {
    /// A deploy (`dep-...`).
    DeployId;
    /// A workspace (`tea-...`).
    OwnerId;
    /// A commit, in full.
    CommitId;
    /// A Postgres database (`dpg-...`).
    PostgresId;
    /// A one-off job (`job-...`).
    JobId;
    /// An event of a service (`evt-...`).
    EventId;
    /// A group of variables (`evg-...`).
    EnvGroupId;
    /// A webhook (`whk-...`).
    WebhookId;
    /// Works of Render's own (`mrn-...`).
    MaintenanceId;
}

/// Makes ids of Render's form: a prefix and 20 characters of `[0-9a-z]` that sort by time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct IdSource {
    made: u64,
}

impl IdSource {
    pub(crate) fn next(&mut self, prefix: &str, now: Timestamp) -> String {
        self.made += 1;
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        format!("{prefix}-{}{}", base36(millis, 9), base36(self.made, 11))
    }

    /// A secret of 256 bits in base64, as Render generates them; the same for the same history.
    pub(crate) fn secret(&mut self) -> String {
        const LAST: &[u8; 16] = b"AEIMQUYcgkosw048";
        self.made += 1;
        let mut random = fastrand::Rng::with_seed(self.made);
        let mut text: String = (0..42).map(|_| base64_digit(&mut random)).collect();
        text.push(char::from(LAST[random.usize(..LAST.len())]));
        text.push('=');
        text
    }
}

fn base64_digit(random: &mut fastrand::Rng) -> char {
    match random.u8(..64) {
        62 => '+',
        63 => '/',
        _ => random.alphanumeric(),
    }
}

fn base36(mut number: u64, width: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut text = vec![b'0'; width];
    for place in text.iter_mut().rev() {
        *place = DIGITS[usize::try_from(number % 36).unwrap_or(0)];
        number /= 36;
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn ids_have_twenty_characters_and_sort_by_time() {
        let mut ids = IdSource::default();
        let at = |millis| DateTime::from_timestamp_millis(millis).unwrap();
        let first = ids.next("dep", at(1_800_000_000_000));
        let second = ids.next("dep", at(1_800_000_000_000));
        let third = ids.next("dep", at(1_800_000_000_001));
        assert_eq!(first.len(), "dep-".len() + 20);
        assert!(first < second && second < third, "{first} {second} {third}");
    }
}
