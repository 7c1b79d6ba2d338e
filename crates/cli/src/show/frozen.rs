//! The freezes that fall into the time of a rollout, as rows.

use policy::calendar::Boundary;
use project::view::FrozenTime;

use super::count::counted;
use super::time;

/// So many times of one freeze have a row.
const ROWS: usize = 10;

/// One row a time, and one for all that find no place.
pub(crate) fn rows(times: &[FrozenTime]) -> Vec<Vec<String>> {
    let by_name = times.chunk_by(|one, other| one.name == other.name);
    let rows = by_name.flat_map(|times| {
        let more = times.len().saturating_sub(ROWS);
        let more = (more > 0).then(|| vec![String::new(), format!("and {more} more times")]);
        times.iter().take(ROWS).map(row).chain(more)
    });
    rows.collect()
}

fn row(time: &FrozenTime) -> Vec<String> {
    vec![
        time.name.clone(),
        when(time),
        counted(time.customers, "customer"),
    ]
}

/// From when until when, and by whose clock.
pub(crate) fn when(time: &FrozenTime) -> String {
    match (time.own_clocks, time.from, time.until) {
        (true, Boundary::Local(from), Boundary::Local(until)) => format!(
            "{} to {} by their own clocks",
            from.format(time::LAYOUT),
            until.format(time::LAYOUT)
        ),
        (_, _, _) => format!(
            "{} to {}",
            time::instant(time.begins_at),
            time::instant(time.ends_at)
        ),
    }
}
