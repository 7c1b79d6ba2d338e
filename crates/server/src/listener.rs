//! How do connections come in? In the clear on this machine or behind a proxy, else over TLS.
//!
//! Handshakes are made beside each other, so that somebody who never ends one keeps nobody waiting. A certificate that was
//! renewed is taken up without a restart; one that cannot be used leaves the earlier one in place.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener as Accept};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::error::Error;
use crate::settings::TlsFiles;

/// So many handshakes at the same time.
const HANDSHAKES: usize = 256;

/// So long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// So often it is looked whether the certificate was renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(30);

/// Connections that are ready to be spoken on.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    from: From,
}

#[derive(Debug)]
enum From {
    Clear(TcpListener),
    Tls(mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>),
}

/// Where a connection came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin(pub(crate) SocketAddr);

impl Listener {
    /// Listens, over TLS if there is a certificate.
    ///
    /// # Errors
    /// The address is taken or is not to be had, or the certificate cannot be used.
    pub(crate) async fn bind(listen: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self, Error> {
        let failed = |source| Error::Listen { listen, source };
        let acceptor = tls.map(acceptor).transpose()?;
        let tcp = TcpListener::bind(listen).await.map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        let from = match acceptor {
            None => From::Clear(tcp),
            Some(acceptor) => From::Tls(shake_hands(tcp, acceptor)),
        };
        Ok(Self { address, from })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Accept for Listener {
    type Io = Either<TcpStream, TlsStream<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match &mut self.from {
            From::Clear(tcp) => {
                let (stream, from) = Accept::accept(tcp).await;
                (Either::Left(stream), from)
            }
            From::Tls(accepted) => match accepted.recv().await {
                Some((stream, from)) => (Either::Right(stream), from),
                // Whoever accepts ends only after this.
                None => std::future::pending().await,
            },
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Listener>> for Origin {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Accepts until nobody wants the connections any more.
fn shake_hands(
    mut tcp: TcpListener,
    acceptor: TlsAcceptor,
) -> mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)> {
    let (ready, accepted) = mpsc::channel(HANDSHAKES);
    let room = Arc::new(Semaphore::new(HANDSHAKES));
    tokio::spawn(async move {
        while let Ok(place) = Arc::clone(&room).acquire_owned().await {
            let (stream, from) = tokio::select! {
                accepted = Accept::accept(&mut tcp) => accepted,
                () = ready.closed() => return,
            };
            let (acceptor, ready) = (acceptor.clone(), ready.clone());
            tokio::spawn(async move {
                // Whoever does not end it, or does not speak TLS, is heard no further.
                if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                    let _ = ready.send((stream, from)).await;
                }
                drop(place);
            });
        }
    });
    accepted
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let shown = Arc::new(Shown {
        key: RwLock::new(read(files, &provider)?),
    });
    let failed = certificate(&files.cert);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| failed(error.into()))?;
    let mut config = builder
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    tokio::spawn(renew(files.clone(), shown, provider));
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What is shown to whoever connects.
#[derive(Debug)]
struct Shown {
    key: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&key))
    }
}

impl Shown {
    /// Reads the certificate again if its files have changed.
    fn look_again(&self, files: &TlsFiles, seen: &mut Changed, provider: &CryptoProvider) {
        let now = changed_at(files);
        if now == *seen {
            return;
        }
        match read(files, provider) {
            Ok(key) => {
                *seen = now;
                *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
                tracing::info!("the renewed certificate is shown from now on");
            }
            Err(error) => {
                let cause = project::error::with_causes(&error);
                tracing::warn!(
                    error = cause,
                    "the renewed certificate cannot be used; the one before is still shown"
                );
            }
        }
    }
}

/// Looks for a renewed certificate until nothing is listened on any more.
async fn renew(files: TlsFiles, shown: Arc<Shown>, provider: Arc<CryptoProvider>) {
    let shown = Arc::downgrade(&shown);
    let mut seen = changed_at(&files);
    loop {
        sleep(RENEWED_EVERY).await;
        let Some(shown) = shown.upgrade() else {
            return;
        };
        shown.look_again(&files, &mut seen, &provider);
    }
}

/// When the two files have changed last.
type Changed = [Option<SystemTime>; 2];

fn changed_at(files: &TlsFiles) -> Changed {
    [&files.cert, &files.key].map(|path| fs::metadata(path).and_then(|about| about.modified()).ok())
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Error> {
    let chain = CertificateDer::pem_file_iter(&files.cert).and_then(Iterator::collect);
    let chain: Vec<_> = chain.map_err(|error| certificate(&files.cert)(error.into()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key);
    let key = key.map_err(|error| certificate(&files.key)(error.into()))?;
    if chain.is_empty() {
        return Err(certificate(&files.cert)("it holds no certificate".into()));
    }
    // That the two belong together is checked too.
    let both = CertifiedKey::from_der(chain, key, provider);
    let both = both.map_err(|error| certificate(&files.cert)(error.into()))?;
    Ok(Arc::new(both))
}

fn certificate(path: &Path) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Error {
    let path = path.to_owned();
    move |source| Error::Certificate {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rcgen::{CertificateParams, KeyPair};
    use reqwest::Certificate;
    use tempfile::TempDir;

    use super::*;

    fn write(folder: &TempDir, name: &str) -> (TlsFiles, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let cert = params.self_signed(&key).unwrap().pem();
        let files = TlsFiles {
            cert: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        fs::write(&files.cert, &cert).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        (files, cert)
    }

    #[tokio::test]
    async fn a_server_with_a_certificate_speaks_tls_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (files, cert) = write(&folder, "localhost");
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(&files)).await;
        let listener = listener.unwrap();
        let address = listener.address();
        let routes = axum::Router::new().route("/", axum::routing::get(async || "here"));
        let service = routes.into_make_service_with_connect_info::<Origin>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await });
        let client = reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(cert.as_bytes()).unwrap()])
            .build()
            .unwrap();
        // Somebody who never ends the handshake keeps nobody waiting.
        let silent = TcpStream::connect(address).await.unwrap();
        let url = format!("https://localhost:{}/", address.port());
        let said = client.get(&url).send().await.unwrap().text().await.unwrap();
        assert_eq!(said, "here");
        let clear = format!("http://localhost:{}/", address.port());
        assert!(client.get(clear).send().await.is_err());
        drop(silent);
        serving.abort();
    }

    #[test]
    fn a_renewed_certificate_is_shown_and_one_that_is_none_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let provider = aws_lc_rs::default_provider();
        let (files, _) = write(&folder, "old.example");
        let shown = Shown {
            key: RwLock::new(read(&files, &provider).unwrap()),
        };
        let chain = || shown.key.read().unwrap().cert.clone();
        let old = chain();
        let mut seen: Changed = [None, None];
        write(&folder, "new.example");
        shown.look_again(&files, &mut seen, &provider);
        let new = chain();
        assert_ne!(old, new);

        let (other, _) = write(&tempfile::tempdir().unwrap(), "x.example");
        assert!(read(&other, &provider).is_err(), "that folder is gone");
        fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        seen = [None, None];
        shown.look_again(&files, &mut seen, &provider);
        assert_eq!(chain(), new, "a key of another certificate");
        assert!(matches!(
            read(&files, &provider),
            Err(Error::Certificate { .. })
        ));
    }
}
