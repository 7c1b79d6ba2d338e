//! E-mail over TLS, from the first byte and after STARTTLS, against a server whose certificate is made here.

use std::io;
use std::sync::{Arc, Mutex};

use notify::{Address, Undelivered};
use policy::mail::{Mail, MailTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::lab::{Lab, halted};
use crate::mail_server::talk;

/// Both ways to protect a connection.
const WAYS: [MailTls; 2] = [MailTls::Starttls, MailTls::Tls];

/// A server, and what it heard.
struct Server {
    port: u16,
    way: MailTls,
    in_the_clear: Arc<Mutex<String>>,
    protected: Arc<Mutex<String>>,
    /// The authority that vouches for it.
    authority: String,
}

impl Server {
    /// Shows a certificate for this name.
    async fn start(way: MailTls, name: &str) -> Self {
        let (config, authority) = certified(name);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            way,
            in_the_clear: Arc::default(),
            protected: Arc::default(),
            authority,
        };
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (clear, protected) = (
            Arc::clone(&server.in_the_clear),
            Arc::clone(&server.protected),
        );
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust us leaves in the middle of it.
                let _ = serve(stream, &acceptor, way, &clear, &protected).await;
            }
        });
        server
    }

    /// Sends a letter to it, trusting what the file holds besides the system's authorities.
    async fn deliver(&self, ca_file: Option<&str>) -> Result<(), Undelivered> {
        let mail = Mail {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            tls: self.way,
            ca_file: ca_file.map(str::to_owned),
            from: "Releases <releases@example.com>".to_owned(),
            user: Some("releases".to_owned()),
            password: None,
        };
        let lab = Lab::new(&[], "", Some(mail));
        std::fs::write(lab.folder.path().join("ca.pem"), &self.authority).unwrap();
        std::fs::write(lab.folder.path().join("empty.pem"), "no certificate").unwrap();
        let to = Address::Email("bob@example.com".to_owned());
        lab.notifier.deliver(&to, &halted()).await
    }

    fn heard_in_the_clear(&self) -> String {
        self.in_the_clear.lock().unwrap().clone()
    }

    fn heard_protected(&self) -> String {
        self.protected.lock().unwrap().clone()
    }
}

/// A certificate for a name, and the authority that signed it.
fn certified(name: &str) -> (ServerConfig, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        );
    (config.unwrap(), authority.pem())
}

async fn serve(
    mut stream: TcpStream,
    acceptor: &TlsAcceptor,
    way: MailTls,
    in_the_clear: &Mutex<String>,
    protected: &Mutex<String>,
) -> io::Result<()> {
    if way == MailTls::Starttls {
        until_starttls(&mut stream, in_the_clear).await?;
        let stream = acceptor.accept(stream).await?;
        talk(stream, None, protected).await;
    } else {
        let mut stream = acceptor.accept(stream).await?;
        stream.write_all(b"220 here\r\n").await?;
        talk(stream, None, protected).await;
    }
    Ok(())
}

/// Says what a server says in the clear, up to the line that turns to TLS.
async fn until_starttls(stream: &mut TcpStream, heard: &Mutex<String>) -> io::Result<()> {
    let (from, mut to) = stream.split();
    let mut lines = BufReader::new(from).lines();
    to.write_all(b"220 here\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        heard.lock().unwrap().extend([line.as_str(), "\n"]);
        match line.as_str() {
            "STARTTLS" => return to.write_all(b"220 go on\r\n").await,
            _ => {
                to.write_all(b"250-here\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n")
                    .await?;
            }
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

#[tokio::test]
async fn a_letter_goes_out_protected_and_nothing_of_it_in_the_clear() {
    for way in WAYS {
        let server = Server::start(way, "127.0.0.1").await;
        server.deliver(Some("ca.pem")).await.unwrap();
        let heard = server.heard_protected();
        for line in [
            "AUTH PLAIN ",
            "RCPT TO:<bob@example.com>",
            "Reason: beta failed",
        ] {
            assert!(
                heard.lines().any(|one| one.starts_with(line)),
                "{way:?}: {heard}"
            );
        }
        let clear = server.heard_in_the_clear();
        assert!(
            clear
                .lines()
                .all(|line| line.starts_with("EHLO") || line == "STARTTLS"),
            "{clear}"
        );
    }
}

#[tokio::test]
async fn a_server_that_nobody_trusted_vouches_for_hears_nothing() {
    for way in WAYS {
        let server = Server::start(way, "127.0.0.1").await;
        let error = server.deliver(None).await.unwrap_err();
        assert!(error.reason.contains("UnknownIssuer"), "{way:?}: {error}");
        assert!(!error.is_permanent, "trust can be mended: {error}");
        assert_eq!(server.heard_protected(), "", "{way:?}");
        assert!(!server.heard_in_the_clear().contains("AUTH"), "{way:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_server_is_refused() {
    for way in WAYS {
        let server = Server::start(way, "mail.example.com").await;
        let error = server.deliver(Some("ca.pem")).await.unwrap_err();
        assert!(error.reason.contains("not valid for"), "{way:?}: {error}");
        assert_eq!(server.heard_protected(), "", "{way:?}");
    }
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_named_and_nothing_is_sent() {
    let server = Server::start(MailTls::Tls, "127.0.0.1").await;
    for (file, reason) in [
        ("absent.pem", "failed to read absent.pem"),
        ("empty.pem", "empty.pem holds no certificates"),
    ] {
        let error = server.deliver(Some(file)).await.unwrap_err();
        assert!(error.reason.contains(reason), "{error}");
    }
    assert_eq!(server.heard_protected(), "");
}
