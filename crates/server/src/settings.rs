//! Where does the server listen, and what is it called from outside?

use std::net::SocketAddr;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 is one that is free.
    pub listen: SocketAddr,
    /// Its address as people and programs type it, without a slash at its end.
    pub url: String,
}

impl Settings {
    /// A server on this machine alone, called by the address on which it listens.
    pub fn local(listen: SocketAddr) -> Self {
        Self {
            listen,
            url: String::new(),
        }
    }

    /// The same once the port is known.
    pub(crate) fn listening_on(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// The same with an address for people, which is the one that is listened on unless there is another.
    pub(crate) fn called(self) -> Self {
        let url = match self.url.is_empty() {
            true => format!("http://{}", self.listen),
            false => self.url,
        };
        Self { url, ..self }
    }
}
