//! How is a person or a machine told? Texts from templates, and the sinks that carry them: command, webhook, Slack, e-mail.
//!
//! It decides nothing about rollouts and keeps nothing: what is to be told, and that it is told at least once, is the engine's.
