//! `window:` in policies and customers.

use chrono_tz::Tz;

use super::Fields;
use crate::calendar::{Cron, WindowSpec, ZoneSpec};
use crate::parse::node::Node;
use crate::span::Span;

const RESERVE: Span = Span::from_secs(30 * 60);

/// Reads one window or a list. `zone` is where times are local when the window does not say.
pub(super) fn windows(fields: Fields<'_, '_>, zone: Tz) -> Vec<WindowSpec> {
    let nodes = fields.get("window").map_or(&[][..], Node::one_or_many);
    nodes
        .iter()
        .filter_map(|node| window(Fields::new(node), zone))
        .collect()
}

fn window(fields: Fields<'_, '_>, zone: Tz) -> Option<WindowSpec> {
    let cron = fields
        .text("cron")
        .filter(|cron| cron.parse::<Cron>().is_ok())?;
    Some(WindowSpec {
        cron,
        duration: fields
            .span("duration")
            .filter(|duration| !duration.is_zero())?,
        zone: fields.zone_spec("timezone").unwrap_or(ZoneSpec::Zone(zone)),
        reserve: fields.span("reserve").unwrap_or(RESERVE),
    })
}
