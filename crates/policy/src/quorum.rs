//! Can these people fill the places of a gate (R10)? One person fills one place, through however many groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{GroupId, PersonId};

/// Whether every group has its number of people out of these, each person counted for one group only (an assignment
/// problem, solved by augmenting paths).
///
/// ```
/// use std::collections::{BTreeMap, BTreeSet};
/// use policy::quorum::are_filled;
/// use policy::{GroupId, PersonId};
///
/// let (ann, bob) = (PersonId::new("ann"), PersonId::new("bob"));
/// let groups = BTreeMap::from([(GroupId::new("g"), 1), (GroupId::new("h"), 1)]);
/// let only_ann_is_in_both = |group: &GroupId, person: &PersonId| *person == ann || group.as_str() == "g";
/// assert!(are_filled(&groups, &BTreeSet::from([&ann, &bob]), only_ann_is_in_both));
/// assert!(!are_filled(&groups, &BTreeSet::from([&ann]), only_ann_is_in_both));
/// ```
pub fn are_filled(
    groups: &BTreeMap<GroupId, u32>,
    people: &BTreeSet<&PersonId>,
    is_member: impl Fn(&GroupId, &PersonId) -> bool,
) -> bool {
    let wanted: u64 = groups.values().map(|n| u64::from(*n)).sum();
    if wanted > people.len() as u64 {
        return false;
    }
    let places: Vec<&GroupId> = groups
        .iter()
        .flat_map(|(group, n)| (0..*n).map(move |_| group))
        .collect();
    let mut seats = Seats {
        places: &places,
        people,
        is_member: &is_member,
        taken: BTreeMap::new(),
    };
    (0..places.len()).all(|place| seats.seat(place, &mut BTreeSet::new()))
}

/// Who sits where so far.
struct Seats<'s, 'p, M> {
    places: &'s [&'s GroupId],
    people: &'s BTreeSet<&'p PersonId>,
    is_member: &'s M,
    taken: BTreeMap<&'p PersonId, usize>,
}

impl<'p, M: Fn(&GroupId, &PersonId) -> bool> Seats<'_, 'p, M> {
    /// Finds somebody for a place, moving others where that helps.
    fn seat(&mut self, place: usize, tried: &mut BTreeSet<&'p PersonId>) -> bool {
        let people = self.people;
        for person in people.iter().copied() {
            if !(self.is_member)(self.places[place], person) || !tried.insert(person) {
                continue;
            }
            let free = match self.taken.get(person).copied() {
                None => true,
                Some(other) => self.seat(other, tried),
            };
            if free {
                self.taken.insert(person, place);
                return true;
            }
        }
        false
    }
}
