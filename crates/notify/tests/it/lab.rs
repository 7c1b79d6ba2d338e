//! A message, and a notifier in a folder that goes away with the test.

use notify::{Message, Notifier, NotifierSettings, Secrets};
use policy::mail::Mail;
use policy::network::Network;
use serde_json::json;
use tempfile::TempDir;

pub(crate) struct Lab {
    pub(crate) folder: TempDir,
    pub(crate) notifier: Notifier,
}

impl Lab {
    /// Webhooks may reach `allow`; `HOOK` is `hook`, `KEY` and `SMTP_PASSWORD` are what they are called.
    pub(crate) fn new(allow: &[&str], hook: &str, mail: Option<Mail>) -> Self {
        let folder = TempDir::new().unwrap();
        let hook = hook.to_owned();
        let variable = move |name: &str| match name {
            "HOOK" => Some(hook.clone()),
            "KEY" => Some("not so easily guessed".to_owned()),
            "SMTP_PASSWORD" => Some("open sesame".to_owned()),
            _ => None,
        };
        let notifier = Notifier::new(NotifierSettings {
            folder: folder.path().to_owned(),
            network: Network::new(allow.iter().copied()).unwrap(),
            mail,
            secrets: Secrets::new(folder.path(), variable),
        });
        Self {
            notifier: notifier.unwrap(),
            folder,
        }
    }
}

pub(crate) fn halted() -> Message {
    Message {
        id: "e42-1f0a9c3e".to_owned(),
        at: "2027-01-11T11:00:00Z".parse().unwrap(),
        kind: "rollout_halted".to_owned(),
        product: "securewatch".to_owned(),
        rollout: Some("r1".to_owned()),
        version: Some("v1.1.0".to_owned()),
        name: None,
        to_customer: false,
        about: vec![json!({"seq": 42, "kind": "rollout_halted", "reason": "beta failed <twice>"})],
        text: None,
        link: None,
        reminder: 0,
    }
}
