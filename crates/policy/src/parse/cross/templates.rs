//! Placeholders in variables, and what customers must have for them.

use std::collections::{BTreeMap, BTreeSet};

use super::CheckedFiles;
use crate::ids::Role;
use crate::parse::node::{Node, Pos};
use crate::parse::report::Report;
use crate::settings::Customer;
use crate::suggest::nearest;
use crate::template::{self, Placeholder};

/// What the variables of each role need of a customer.
pub(super) type Needs = BTreeMap<Role, BTreeSet<Need>>;

/// Something a customer must have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    /// A secret's name, or the role whose address is wanted.
    what: What,
    /// The first variable that needs it.
    variable: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Secret(String),
    Url(Role),
}

impl CheckedFiles<'_, '_> {
    pub(super) fn check_templates(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let roles = self.roles();
        for (role, variables) in node.get("variables").map_or(&[][..], Node::entries) {
            if self.fleet_node.is_some() && !roles.contains(&Role::new(&*role.name)) {
                let role_node = Node::text(role.name.clone(), role.pos);
                super::project::check_role(&role_node, &roles, report);
            }
            for (name, value) in variables.entries() {
                if name.name.contains(['=', '\0']) {
                    report.error(
                        name.pos,
                        "name",
                        format!("`{}` cannot be the name of a variable", name.name),
                    );
                }
                if let Some(text) = value.scalar() {
                    check_template(text, value.pos, &roles, report);
                }
            }
        }
    }

    /// What each role's variables need, collected once for all customers.
    pub(super) fn needs(&self) -> Needs {
        let roles = self.roles();
        let of_role = |variables: &BTreeMap<String, String>| {
            let mut needs: BTreeMap<What, String> = BTreeMap::new();
            for (variable, text) in variables {
                for placeholder in template::placeholders(text).filter_map(Result::ok) {
                    if let Some(what) = what(placeholder, &roles) {
                        needs.entry(what).or_insert_with(|| variable.clone());
                    }
                }
            }
            needs
                .into_iter()
                .map(|(what, variable)| Need { what, variable })
                .collect()
        };
        self.project
            .variables
            .iter()
            .map(|(role, variables)| (role.clone(), of_role(variables)))
            .collect()
    }
}

fn what(placeholder: Placeholder<'_>, roles: &BTreeSet<Role>) -> Option<What> {
    match placeholder {
        Placeholder::Secret(name) => Some(What::Secret(name.to_owned())),
        Placeholder::Url(role) => roles.get(&Role::from(role)).cloned().map(What::Url),
        Placeholder::Version
        | Placeholder::Customer
        | Placeholder::ServiceId
        | Placeholder::Commit
        | Placeholder::Env(_) => None,
    }
}

/// Reports what a customer lacks for the variables of its services.
pub(super) fn check_needs(
    key: &str,
    pos: Pos,
    customer: &Customer,
    needs: &Needs,
    report: &mut Report<'_>,
) {
    for (role, needs) in needs
        .iter()
        .filter(|(role, _)| customer.services.contains_key(*role))
    {
        for Need { what, variable } in needs {
            match what {
                What::Secret(name) if !customer.secrets.contains_key(name) => {
                    let message = format!(
                        "`{key}` lacks the secret `{name}`, which `{variable}` of `{role}` needs"
                    );
                    let help = format!("add `secrets: {{ {name}: {{ env: SOME_VARIABLE }} }}`");
                    report.help(pos, "missing-secret", message, help);
                }
                What::Url(of)
                    if customer
                        .services
                        .get(of)
                        .is_none_or(|service| service.url.is_none()) =>
                {
                    let message = format!(
                        "`{key}` has no `{of}` with a `url`, which `{variable}` of `{role}` needs"
                    );
                    report.help(
                        pos,
                        "missing-url",
                        message,
                        format!("add the service `{of}` with its `url`"),
                    );
                }
                What::Secret(_) | What::Url(_) => {}
            }
        }
    }
}

fn check_template(text: &str, pos: Pos, roles: &BTreeSet<Role>, report: &mut Report<'_>) {
    for placeholder in template::placeholders(text) {
        match placeholder {
            Ok(Placeholder::Url(role)) if !roles.contains(&Role::from(role)) => {
                report_unknown(&format!("{role}_url"), pos, roles, report);
            }
            Ok(_) => {}
            Err(template::Malformed::Unknown(name)) => report_unknown(name, pos, roles, report),
            Err(template::Malformed::Open) => {
                report.help(
                    pos,
                    "placeholder",
                    "a `${` is not closed",
                    "close it with `}`, or write `$${` for the characters",
                );
            }
        }
    }
}

fn report_unknown(name: &str, pos: Pos, roles: &BTreeSet<Role>, report: &mut Report<'_>) {
    let urls: Vec<String> = roles.iter().map(|role| format!("{role}_url")).collect();
    let known = template::NAMES
        .iter()
        .copied()
        .chain(urls.iter().map(String::as_str));
    let upper = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    let help = match nearest(name, known) {
        Some(near) => format!("did you mean `${{{near}}}`?"),
        None if upper => {
            format!("write `${{secret:{name}}}` for a secret of the customer, or `${{env:{name}}}`")
        }
        None => {
            "known are version, customer, service_id, commit, ROLE_url, secret:NAME and env:NAME"
                .to_owned()
        }
    };
    report.help(
        pos,
        "placeholder",
        format!("`${{{name}}}` is not defined"),
        help,
    );
}
