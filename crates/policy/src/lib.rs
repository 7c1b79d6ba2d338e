//! From YAML to a frozen plan.
