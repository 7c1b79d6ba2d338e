//! One request as the operations describe it, before it is sent.

use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::limit::Class;

/// When a request may be sent again by the client itself (P45).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A read, or a write that ends the same however often it is done.
    Harmless,
    /// Only if it surely had no effect.
    OnlyIfNotSent,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<SecretString>,
    /// Values that the answer may quote and nobody may see.
    pub(crate) secrets: Vec<SecretString>,
    pub(crate) class: Class,
    pub(crate) repeat: Repeat,
}

impl Call {
    /// A read.
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path, Class::Read, Repeat::Harmless)
    }

    /// A change that must not be repeated on doubt.
    pub(crate) fn change(method: Method, path: &[&str], class: Class) -> Self {
        Self::new(method, path, class, Repeat::OnlyIfNotSent)
    }

    /// A change that ends the same however often it is done.
    pub(crate) fn idempotent(method: Method, path: &[&str], class: Class) -> Self {
        Self::new(method, path, class, Repeat::Harmless)
    }

    fn new(method: Method, path: &[&str], class: Class, repeat: Repeat) -> Self {
        Self {
            method,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
            secrets: Vec::new(),
            class,
            repeat,
        }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn maybe(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Several values of one name, joined by commas; left out if there are none.
    pub(crate) fn joined(self, name: &'static str, values: impl Iterator<Item: ToString>) -> Self {
        let values: Vec<String> = values.map(|value| value.to_string()).collect();
        self.maybe(name, (!values.is_empty()).then(|| values.join(",")))
    }

    /// Several values of one name, each written with it.
    pub(crate) fn repeated(
        self,
        name: &'static str,
        values: impl IntoIterator<Item: ToString>,
    ) -> Self {
        values
            .into_iter()
            .fold(self, |call, value| call.query(name, value.to_string()))
    }

    pub(crate) fn body(mut self, body: &Value) -> Self {
        self.body = Some(SecretString::from(body.to_string()));
        self
    }

    pub(crate) fn hide(mut self, secret: &SecretString) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    pub(crate) fn body_text(&self) -> Option<String> {
        self.body
            .as_ref()
            .map(|body| body.expose_secret().to_owned())
    }

    /// How errors and logs name it.
    pub(crate) fn name(&self) -> String {
        format!("{} /{}", self.method, self.path.join("/"))
    }

    /// The address under the configured origin. No id can lead elsewhere.
    pub(crate) fn url(&self, base: &Url) -> Result<Url> {
        let refuse = |problem: &str| {
            Err(Error::Argument {
                call: self.name(),
                problem: problem.to_owned(),
            })
        };
        if self
            .path
            .iter()
            .any(|segment| matches!(segment.as_str(), "" | "." | ".."))
        {
            return refuse("an id or key is empty or stands for a folder");
        }
        let mut url = base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(&self.path),
            Err(()) => return refuse("the base URL cannot hold a path"),
        };
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn url(path: &[&str]) -> Result<String> {
        Call::get(path)
            .url(&"https://api.render.com/v1/".parse().unwrap())
            .map(String::from)
    }

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        assert_eq!(
            url(&["services", "srv-1"]).unwrap(),
            "https://api.render.com/v1/services/srv-1"
        );
        assert_eq!(
            url(&["services", "a/b?c#d"]).unwrap(),
            "https://api.render.com/v1/services/a%2Fb%3Fc%23d"
        );
        assert!(url(&["services", ".."]).is_err());
        assert!(url(&["services", ""]).is_err());
    }

    #[test]
    fn filters_are_encoded() {
        let call = Call::get(&["owners"])
            .query("name", "a&b")
            .maybe("email", None::<String>);
        let url = call.url(&"http://localhost/v1".parse().unwrap()).unwrap();
        assert_eq!(url.as_str(), "http://localhost/v1/owners?name=a%26b");
    }
}
