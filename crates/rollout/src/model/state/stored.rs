//! How a row is stored whose values say in one state what its JSON says in several fields: the JSON stays as it was (P36).

/// Declares a row and its stored form, which has the same fields apart from those that are `held` in memory or `kept` in JSON
/// alone. The fields of the JSON come in the order of `kept` and `same`.
macro_rules! stored {
    (
        $(#[$name_meta:meta])*
        $vis:vis $name:ident stored as
        $(#[$json_meta:meta])*
        $json:ident, |$row:ident, $stored:ident| {
            held { $($(#[$held_meta:meta])* $held:ident: $held_type:ty = $read:expr,)* }
            $(
                kept {
                    $($(#[serde($($kept_serde:tt)*)])* $kept:ident: $kept_type:ty = $write:expr,)*
                }
                same {
                    $(
                        $(#[doc = $doc:expr])*
                        $(#[serde($($serde:tt)*)])*
                        $field:ident: $type:ty,
                    )*
                }
            )+
        }
    ) => {
        $(#[$name_meta])*
        $vis struct $name {
            $($(#[$held_meta])* pub(crate) $held: $held_type,)*
            $($($(#[doc = $doc])* pub(crate) $field: $type,)*)+
        }

        #[derive(serde::Deserialize)]
        $(#[$json_meta])*
        struct $json {
            $(
                $($(#[serde($($kept_serde)*)])* $kept: $kept_type,)*
                $($(#[serde($($serde)*)])* $field: $type,)*
            )+
        }

        impl TryFrom<$json> for $name {
            type Error = String;

            fn try_from($stored: $json) -> Result<Self, String> {
                Ok(Self {
                    $($held: $read,)*
                    $($($field: $stored.$field,)*)+
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let $row = self;
                let mut json = to.serialize_map(None)?;
                $(
                    $(entry!(json, stringify!($kept), &$write $(, $($kept_serde)*)*);)*
                    $(entry!(json, stringify!($field), &$row.$field $(, $($serde)*)*);)*
                )+
                json.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let stored = <$json as serde::Deserialize>::deserialize(from)?;
                Self::try_from(stored).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Writes one field, as its serde attributes have it.
macro_rules! entry {
    ($json:ident, $key:expr, $value:expr) => {
        $json.serialize_entry($key, $value)?;
    };
    ($json:ident, $key:expr, $value:expr, default, $($rest:tt)*) => {
        entry!($json, $key, $value, $($rest)*);
    };
    ($json:ident, $key:expr, $value:expr, rename = $renamed:literal, $($rest:tt)*) => {
        entry!($json, $renamed, $value, $($rest)*);
    };
    ($json:ident, $key:expr, $value:expr, skip_serializing_if = "is_default") => {
        let value = $value;
        if !$crate::model::state::is_default(value) {
            entry!($json, $key, value);
        }
    };
}
