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
                kept { $($(#[$kept_meta:meta])* $kept:ident: $kept_type:ty = $write:expr,)* }
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

        #[derive(serde::Serialize, serde::Deserialize)]
        $(#[$json_meta])*
        struct $json {
            $(
                $($(#[$kept_meta])* $kept: $kept_type,)*
                $($(#[serde($($serde)*)])* $field: $type,)*
            )+
        }

        impl From<$name> for $json {
            fn from($row: $name) -> Self {
                Self {
                    $(
                        $($kept: $write,)*
                        $($field: $row.$field,)*
                    )+
                }
            }
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
                $json::from(self.clone()).serialize(to)
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
