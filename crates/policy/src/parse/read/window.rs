//! `window:` in policies and customers.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::Fields;
use crate::calendar::{Cron, WindowSpec, ZoneSpec};
use crate::parse::node::Node;
use crate::span::Span;

const RESERVE: Span = Span::from_secs(30 * 60);

/// Which expressions can be read, as far as somebody has tried: many customers have the same.
#[derive(Default)]
pub(super) struct Crons(BTreeMap<String, bool>);

impl Crons {
    fn can_be_read(&mut self, cron: &str) -> bool {
        if let Some(known) = self.0.get(cron) {
            return *known;
        }
        let is_read = cron.parse::<Cron>().is_ok();
        self.0.insert(cron.to_owned(), is_read);
        is_read
    }
}

/// Reads one window or a list. `zone` is where times are local when the window does not say: the customer's, or of a
/// policy the project's.
pub(super) fn windows(fields: Fields<'_, '_>, zone: Tz, crons: &mut Crons) -> Vec<WindowSpec> {
    let windows = fields.0.into_iter().flat_map(written);
    windows
        .filter_map(|node| window(node, zone, crons))
        .collect()
}

/// Which of the windows of a policy or customer name no zone, by their places. Only good where all of them can be read.
pub(in crate::parse) fn without_zone(node: &Node<'_>) -> BTreeSet<usize> {
    written(node)
        .enumerate()
        .filter(|(_, node)| Fields::new(node).get("timezone").is_none())
        .map(|(place, _)| place)
        .collect()
}

/// Whether no zone and no reserve of the windows that can be read was refused, for which another would stand in.
pub(in crate::parse) fn are_sound(node: &Node<'_>) -> bool {
    written(node).all(|node| {
        let fields = Fields::new(node);
        let is_read = |key, read: bool| fields.get(key).is_none() || read;
        is_read("timezone", fields.zone_spec("timezone").is_some())
            && is_read("reserve", fields.span("reserve").is_some())
    })
}

/// The windows as they are written.
fn written<'n, 't>(node: &'n Node<'t>) -> impl Iterator<Item = &'n Node<'t>> + use<'n, 't> {
    let nodes = Fields::new(node).get("window");
    nodes.map_or(&[][..], Node::one_or_many).iter()
}

fn window(node: &Node<'_>, zone: Tz, crons: &mut Crons) -> Option<WindowSpec> {
    let fields = Fields::new(node);
    let cron = fields.text("cron").filter(|cron| crons.can_be_read(cron))?;
    Some(WindowSpec {
        cron,
        duration: fields
            .span("duration")
            .filter(|duration| !duration.is_zero())?,
        zone: fields.zone_spec("timezone").unwrap_or(ZoneSpec::Zone(zone)),
        reserve: fields.span("reserve").unwrap_or(RESERVE),
    })
}
