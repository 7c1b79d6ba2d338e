//! Where something happened: the fields beside `data` that say so.

use policy::{CustomerId, PolicyId, Role};

use crate::model::event::Line;
use crate::model::fact::payload::{
    Beside, Field, Place, Presence, Unreadable, beside, insert, required, within,
};
use crate::model::ids::GateId;

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident { $($(#[doc = $field_doc:expr])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name {
                $($(#[doc = $field_doc])* pub $field: $type,)*
            }

            impl Place for $name {
                fn write(&self, line: &mut Line) {
                    $(line.$field = self.$field.put();)*
                }

                fn read(line: &Line) -> Result<Self, Unreadable> {
                    Ok(Self {
                        $($field: <$type as Beside>::take(line.$field.as_ref(), stringify!($field))?,)*
                    })
                }

                fn fields() -> Vec<Field> {
                    vec![$(beside::<$type>(stringify!($field), &[$($field_doc),*]),)*]
                }
            }
        )*
    };
}

places! {
    /// A phase.
    PhasePlace {
        /// the phase
        phase: PolicyId,
    }
    /// A batch.
    BatchPlace {
        /// the phase
        phase: PolicyId,
        /// the batch, from 1
        batch: u32,
    }
    /// A customer in its phase.
    CustomerPlace {
        /// the phase
        phase: PolicyId,
        /// the batch, from 1, once it has one
        batch: Option<u32>,
        /// the customer
        customer: CustomerId,
    }
    /// A service of a customer.
    ServicePlace {
        /// the phase
        phase: PolicyId,
        /// the batch, from 1
        batch: Option<u32>,
        /// the customer
        customer: CustomerId,
        /// the service, by role
        service: Role,
    }
}

/// Which customer, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'f> {
    pub(crate) phase: &'f PolicyId,
    pub(crate) batch: Option<u32>,
    pub(crate) customer: &'f CustomerId,
}

impl CustomerPlace {
    /// Whose.
    pub(crate) fn whose(&self) -> Whose<'_> {
        Whose {
            phase: &self.phase,
            batch: self.batch,
            customer: &self.customer,
        }
    }
}

impl ServicePlace {
    /// Whose.
    pub(crate) fn whose(&self) -> Whose<'_> {
        Whose {
            phase: &self.phase,
            batch: self.batch,
            customer: &self.customer,
        }
    }
}

/// What a gate covers, and the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatePlace {
    /// The phase.
    pub phase: PolicyId,
    /// The batch, of a gate before one.
    pub batch: Option<u32>,
    /// The customer, of a gate before one.
    pub customer: Option<CustomerId>,
    /// The gate, as it is written.
    pub gate: String,
}

impl Place for GatePlace {
    fn write(&self, line: &mut Line) {
        line.phase = Some(self.phase.clone());
        line.batch = self.batch;
        line.customer.clone_from(&self.customer);
        insert(&mut line.data, "gate", &self.gate);
    }

    fn read(line: &Line) -> Result<Self, Unreadable> {
        Ok(Self {
            phase: Beside::take(line.phase.as_ref(), "phase")?,
            batch: line.batch,
            customer: line.customer.clone(),
            gate: required(&line.data, "gate")?,
        })
    }

    fn fields() -> Vec<Field> {
        vec![
            beside::<PolicyId>("phase", &["the phase"]),
            beside::<Option<u32>>("batch", &["the batch, of a gate before one"]),
            beside::<Option<CustomerId>>("customer", &["the customer, of a gate before one"]),
            within::<GateId>("gate", Presence::Always, &["the gate"]),
        ]
    }
}
