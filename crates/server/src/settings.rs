//! Where does the server listen, what is it called from outside, and is that safe?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr as _;

use ipnet::IpNet;
use policy::Config;
use policy::settings::server::Server;
use project::Folder;

use crate::error::Error;

/// The port on which it listens unless somebody says otherwise.
const PORT: u16 = 7080;

/// Whence the proxies of Render reach a service: its private network. They end TLS, and nothing else is let through to it.
const RENDER_PROXIES: &str = "10.0.0.0/8";

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 is one that is free.
    pub listen: SocketAddr,
    /// Its address as people and programs type it, without a slash at its end.
    pub url: String,
    /// Whose word counts on who is at the other end.
    pub proxies: Vec<IpNet>,
    /// What it proves itself with; absent: it speaks in the clear.
    pub tls: Option<TlsFiles>,
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own first.
    pub cert: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// What the platform on which the server runs says of it, in the environment.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    /// It is Render (`RENDER`): its proxies stand before everything.
    pub is_render: bool,
    /// Under which address it is reached (`RENDER_EXTERNAL_URL`).
    pub url: Option<String>,
    /// On which port it is expected to listen (`PORT`).
    pub port: Option<String>,
}

impl Platform {
    /// Of this process.
    pub fn of_environment() -> Self {
        Self {
            is_render: project::variable("RENDER").is_some_and(|word| word == "true"),
            url: project::variable("RENDER_EXTERNAL_URL"),
            port: project::variable("PORT"),
        }
    }

    /// Where to listen unless somebody says so: on this machine alone, or on the port that the platform names.
    fn listen(&self) -> Result<SocketAddr, Error> {
        let Some(port) = &self.port else {
            return Ok((Ipv4Addr::LOCALHOST, PORT).into());
        };
        let number = port.parse::<u16>().map_err(|_| Error::Setup {
            message: format!("`{port}` in PORT is no port"),
            way_out: "a number from 1 to 65535".to_owned(),
        })?;
        Ok((Ipv4Addr::UNSPECIFIED, number).into())
    }
}

impl Settings {
    /// A server on this machine alone, called by the address on which it listens.
    pub fn local(listen: SocketAddr) -> Self {
        Self {
            listen,
            url: String::new(),
            proxies: Vec::new(),
            tls: None,
        }
    }

    /// As the files and the platform say.
    ///
    /// # Errors
    /// Others than this machine would reach it, and nobody could sign in or what they send could be read on the way.
    pub fn of(
        listen: Option<SocketAddr>,
        folder: &Folder,
        config: &Config,
        platform: &Platform,
    ) -> Result<Self, Error> {
        let server = &config.server;
        let listen = listen.map_or_else(|| platform.listen(), Ok)?;
        let tls = server.tls.as_ref().map(|tls| {
            let named = |name: &str| folder.named(config, name);
            Ok::<_, Error>(TlsFiles {
                cert: named(&tls.cert)?,
                key: named(&tls.key)?,
            })
        });
        let settings = Self {
            listen,
            url: server
                .url
                .clone()
                .or(platform.url.clone())
                .unwrap_or_default(),
            proxies: proxies(server, platform)?,
            tls: tls.transpose()?,
        };
        settings.check(server)?;
        Ok(settings)
    }

    /// Whether anybody but this machine could reach it.
    pub fn is_exposed(&self) -> bool {
        !self.listen.ip().to_canonical().is_loopback()
    }

    /// Refuses to be reached by others without sign-in, or in the clear.
    fn check(&self, server: &Server) -> Result<(), Error> {
        if !self.is_exposed() {
            return Ok(());
        }
        let refused = |message: &str, way_out: &str| {
            Err(Error::Setup {
                message: format!("others could reach {}, {message}", self.listen),
                way_out: way_out.to_owned(),
            })
        };
        if server.sign_in.is_none() {
            return refused(
                "and nobody could sign in",
                "`server: {sign_in: {issuer: ..., client_id: ...}}` in tranche.yaml, or --listen 127.0.0.1:7080; see docs/sign-in.md",
            );
        }
        if self.tls.is_none() && self.proxies.is_empty() {
            return refused(
                "and what they send could be read on the way",
                "`server: {tls: {cert: FILE, key: FILE}}` in tranche.yaml, or `server: {proxies: [RANGE]}` if a proxy before it ends TLS",
            );
        }
        if !self.url.starts_with("https://") {
            return refused(
                "and it does not know by which address",
                "`server: {url: https://...}` in tranche.yaml, as people type it",
            );
        }
        Ok(())
    }

    /// The same once the port is known.
    pub(crate) fn listening_on(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// The same with an address for people, which is the one that is listened on unless there is another.
    pub(crate) fn called(self) -> Self {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let url = match self.url.is_empty() {
            true => format!("{scheme}://{}", self.listen),
            false => self.url,
        };
        Self { url, ..self }
    }

    /// Whether this address is a proxy's.
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|range| range.contains(&address))
    }
}

fn proxies(server: &Server, platform: &Platform) -> Result<Vec<IpNet>, Error> {
    let mut written = server.proxies.clone();
    if written.is_empty() && platform.is_render {
        written.push(RENDER_PROXIES.to_owned());
    }
    let ranges = written.iter().map(|range| {
        let alone = || range.parse::<IpAddr>().map(IpNet::from);
        IpNet::from_str(range)
            .or_else(|_| alone())
            .map_err(|_| Error::Setup {
                message: format!("`{range}` under `server.proxies` is no range of addresses"),
                way_out: "a range such as 10.0.0.0/8, or one address".to_owned(),
            })
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const SIGN_IN: &str = "sign_in: { issuer: https://id.example, client_id: tranche }";

    fn settings(
        server: &str,
        listen: Option<&str>,
        platform: &Platform,
    ) -> Result<Settings, Error> {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
        write("tranche.yaml", &format!("product: shop\n{server}\n"));
        write("customers.yaml", "customers: {}\n");
        write("cert.pem", "");
        write("key.pem", "");
        std::fs::create_dir(dir.join("policies")).unwrap();
        write("policies/demo.yaml", "policy: demo\n");
        let folder = Folder::at(dir);
        let config = folder.load_running(&project::Silent).unwrap();
        let listen = listen.map(|text| text.parse().unwrap());
        Settings::of(listen, &folder, &config, platform)
    }

    #[test]
    fn others_reach_a_server_only_if_they_can_sign_in_and_nobody_listens() {
        let nowhere = Platform::default();
        let out = Some("0.0.0.0:80");
        let refused = |server: &str| match settings(server, out, &nowhere) {
            Err(Error::Setup { message, .. }) => message,
            other => panic!("{server}: {other:?}"),
        };
        assert!(refused("").contains("sign in"));
        assert!(refused(&format!("server: {{ {SIGN_IN} }}")).contains("read on the way"));
        let tls = "tls: { cert: cert.pem, key: key.pem }";
        assert!(refused(&format!("server: {{ {SIGN_IN}, {tls} }}")).contains("which address"));
        let url = "url: https://ship.example";
        for safe in [tls, "proxies: [192.0.2.1]"] {
            let server = format!("server: {{ {SIGN_IN}, {url}, {safe} }}");
            assert!(
                settings(&server, out, &nowhere).unwrap().is_exposed(),
                "{safe}"
            );
        }
        for local in [
            None,
            Some("127.0.0.1:0"),
            Some("[::1]:0"),
            Some("[::ffff:127.0.0.1]:0"),
        ] {
            assert!(
                !settings("", local, &nowhere).unwrap().is_exposed(),
                "{local:?}"
            );
        }
    }

    #[test]
    fn on_render_its_proxies_are_declared_and_its_port_and_address_hold() {
        let render = Platform {
            is_render: true,
            url: Some("https://ship.onrender.com".to_owned()),
            port: Some("10000".to_owned()),
        };
        let found = settings(&format!("server: {{ {SIGN_IN} }}"), None, &render).unwrap();
        assert_eq!(found.listen, "0.0.0.0:10000".parse().unwrap());
        assert_eq!(found.url, "https://ship.onrender.com");
        assert!(found.is_proxy("10.1.2.3".parse().unwrap()));
        assert!(!found.is_proxy("192.0.2.7".parse().unwrap()));
        assert!(settings("", None, &render).is_err(), "nobody could sign in");
    }
}
