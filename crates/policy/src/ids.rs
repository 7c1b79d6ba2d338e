//! What things are called: newtypes so that one name never passes for another.

use schemars::JsonSchema;

/// Makes names: newtypes around a text, so that none passes for another. Each may have attributes of its own.
///
/// ```
/// policy::names! {
///     /// A ship.
///     ShipId;
/// }
/// assert_eq!(ShipId::new("Argo").to_string(), "Argo");
/// ```
#[macro_export]
macro_rules! names {
    ($($(#[$attribute:meta])* $name:ident;)+) => {$(
        $(#[$attribute])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as written.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Debug::fmt(&self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )+};
}

names! {
    /// A customer's key in `customers.yaml`.
    #[derive(JsonSchema)]
    CustomerId;
    /// A policy's name, which is also the name of the phase it makes.
    #[derive(JsonSchema)]
    PolicyId;
    /// A service's role within a customer: `backend`, `frontend`, `database`.
    #[derive(JsonSchema)]
    Role;
    /// Render's id of a service (`srv-...`), taken as an opaque string.
    #[derive(JsonSchema)]
    ServiceId;
    /// A person's key under `people`.
    #[derive(JsonSchema)]
    PersonId;
    /// A group's key under `groups`.
    #[derive(JsonSchema)]
    GroupId;
}
