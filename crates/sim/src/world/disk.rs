//! What survives a crash: the journal and the rows.

use std::collections::BTreeMap;

use policy::Timestamp;
use rollout::{Event, Product, RowKey, Step};

/// The journal and the stored rows, as the engine's database holds them.
#[derive(Debug)]
pub(super) struct Disk {
    events: Vec<Event>,
    rows: BTreeMap<RowKey, String>,
    /// The journal folded by itself, to be compared with what is stored (P36).
    mirror: Option<Product>,
}

impl Disk {
    pub(super) fn new(paranoid: bool) -> Self {
        Self {
            events: Vec::new(),
            rows: BTreeMap::new(),
            mirror: paranoid.then(Product::new),
        }
    }

    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Stores the events of a step and the rows it touched.
    pub(super) fn commit(&mut self, product: &Product, step: &mut Step) {
        for key in &step.touched {
            match product.row(key) {
                Some(row) => self.rows.insert(key.clone(), row),
                None => self.rows.remove(key),
            };
        }
        if let Some(mirror) = &mut self.mirror {
            for event in &step.events {
                mirror.apply(event);
            }
            for key in &step.touched {
                check(mirror, key, self.rows.get(key));
            }
        }
        self.events.append(&mut step.events);
    }

    /// Puts a copy of an earlier instant in place.
    pub(super) fn put_back(&mut self, as_of: Timestamp) {
        self.events.retain(|event| event.at <= as_of);
        let mut older = Product::new();
        for event in &self.events {
            older.apply(event);
        }
        let keys = older.row_keys().into_iter();
        self.rows = keys
            .filter_map(|key| Some((key.clone(), older.row(&key)?)))
            .collect();
        self.mirror = self.mirror.take().map(|_| older);
    }

    /// Reads the state back, as a new process does.
    pub(super) fn load(&self) -> Product {
        let rows = self
            .rows
            .iter()
            .map(|(key, row)| (key.clone(), row.clone()));
        let product = Product::load(rows).expect("the core reads back what it wrote");
        if let Some(last) = self.events.last() {
            assert_eq!(
                product.head(),
                (last.seq, last.hash.as_str()),
                "the rows lag behind the journal"
            );
        }
        self.check_all(Some(&product));
        product
    }

    /// Compares all rows with the folded journal and with what the core holds.
    pub(super) fn check_all(&self, product: Option<&Product>) {
        let Some(mirror) = self.mirror.as_ref().filter(|_| !self.events.is_empty()) else {
            return;
        };
        for folded in [Some(mirror), product].into_iter().flatten() {
            for key in self.rows.keys() {
                check(folded, key, self.rows.get(key));
            }
            for key in folded.row_keys() {
                check(folded, &key, self.rows.get(&key));
            }
        }
    }
}

fn check(product: &Product, key: &RowKey, stored: Option<&String>) {
    let folded = product.row(key);
    assert_eq!(
        folded.as_ref(),
        stored,
        "P36: row `{}` is not what the journal says",
        key.0
    );
}
