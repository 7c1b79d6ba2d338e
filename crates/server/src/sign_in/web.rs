//! How does the server ask an identity provider? Over TLS, without following anybody elsewhere, and not for long.

use std::time::Duration;

use futures::future::BoxFuture;
use openidconnect::{HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Url};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// So long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer that is longer is none.
const LONGEST: usize = 1 << 20;

/// A client for questions to identity providers. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    client: Client,
}

/// Why an identity provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It was not reached, or broke off.
    #[error("it does not answer")]
    Http(#[from] reqwest::Error),
    /// What it says cannot be told from what somebody on the way says.
    #[error("{0} is neither https nor on this machine")]
    Clear(String),
    /// Nobody needs so much.
    #[error("its answer is longer than {LONGEST} bytes")]
    Long,
    /// It says no.
    #[error("it answers {0}")]
    Status(u16),
    /// It says something else than was asked.
    #[error("its answer is not what it should be: {0}")]
    Nonsense(String),
}

impl Web {
    /// # Errors
    /// TLS is not to be had.
    pub(crate) fn new() -> Result<Self, Error> {
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .user_agent("tranche")
            .build();
        Ok(Self {
            client: client.map_err(Error::Client)?,
        })
    }

    /// What the library for sign-in asks with.
    pub(super) fn asking(
        &self,
    ) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, NoAnswer>> + use<> {
        let web = self.clone();
        move |request| {
            let web = web.clone();
            Box::pin(async move { web.send(request).await })
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let request = Request::try_from(request)?;
        is_safe(request.url())?;
        let mut answer = self.client.execute(request).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            body.extend_from_slice(&part);
            if body.len() > LONGEST {
                return Err(NoAnswer::Long);
            }
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Reads a JSON document.
    pub(super) async fn json<T: DeserializeOwned>(&self, url: &str) -> Result<T, NoAnswer> {
        let mut request = HttpRequest::new(Vec::new());
        let uri = url.parse();
        *request.uri_mut() = uri.map_err(|_| NoAnswer::Nonsense("no address".to_owned()))?;
        let answer = self.send(request).await?;
        if !answer.status().is_success() {
            return Err(NoAnswer::Status(answer.status().as_u16()));
        }
        let read = serde_json::from_slice(answer.body());
        read.map_err(|error| NoAnswer::Nonsense(error.to_string()))
    }
}

fn is_safe(url: &Url) -> Result<(), NoAnswer> {
    let is_here = || policy::network::is_on_this_machine(url.as_str());
    match url.scheme() == "https" || is_here() {
        true => Ok(()),
        false => Err(NoAnswer::Clear(url.as_str().to_owned())),
    }
}
