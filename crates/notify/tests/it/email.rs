//! E-mail against a mail server on loopback: a small one of our own, and a real one where it is installed.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use notify::{Address, Message};
use policy::mail::{Mail, MailTls};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::lab::{Lab, halted};
use crate::mail_server::talk;

fn mail(port: u16) -> Mail {
    Mail {
        host: "127.0.0.1".to_owned(),
        port,
        tls: MailTls::None,
        ca_file: None,
        from: "Releases <releases@example.com>".to_owned(),
        user: None,
        password: None,
    }
}

/// Takes letters, or refuses their recipients with a code; notes every line it is sent.
async fn server(refusal: Option<&'static str>) -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(String::new()));
    let notes = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(greet_and_talk(stream, refusal, Arc::clone(&notes)));
        }
    });
    (port, heard)
}

async fn greet_and_talk(
    mut stream: TcpStream,
    refusal: Option<&'static str>,
    heard: Arc<Mutex<String>>,
) {
    stream.write_all(b"220 here\r\n").await.unwrap();
    talk(stream, refusal, &heard).await;
}

#[tokio::test]
async fn a_letter_has_its_thread_and_its_own_name() {
    let (port, heard) = server(None).await;
    let lab = Lab::new(&[], "", Some(mail(port)));
    let to = Address::Email("bob@example.com".to_owned());
    lab.notifier.deliver(&to, &halted()).await.unwrap();
    let heard = heard.lock().unwrap().clone();
    for line in [
        "RCPT TO:<bob@example.com>",
        "Message-ID: <e42-1f0a9c3e.securewatch@example.com>",
        "In-Reply-To: <r1.securewatch@example.com>",
        "References: <r1.securewatch@example.com>",
        "Auto-Submitted: auto-generated",
        "Subject: [securewatch] r1 (v1.1.0) has halted",
        "Reason: beta failed <twice>",
    ] {
        assert!(
            heard.lines().any(|one| one.starts_with(line)),
            "no {line} in\n{heard}"
        );
    }
}

#[tokio::test]
async fn a_password_is_read_from_its_place_and_told_to_the_server_only() {
    let (port, heard) = server(Some("451 not now\r\n")).await;
    let mail = Mail {
        user: Some("releases".to_owned()),
        ..mail(port)
    };
    let lab = Lab::new(&[], "", Some(mail));
    let to = Address::Email("bob@example.com".to_owned());
    let error = lab.notifier.deliver(&to, &halted()).await.unwrap_err();
    assert!(heard.lock().unwrap().contains("AUTH PLAIN "));
    assert!(!error.reason.contains("open sesame"), "{error}");
    assert!(!error.is_permanent, "{error}");
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_given_up() {
    let (port, _) = server(Some("550 nobody of that name\r\n")).await;
    let lab = Lab::new(&[], "", Some(mail(port)));
    let to = Address::Email("nobody@example.com".to_owned());
    let error = lab.notifier.deliver(&to, &halted()).await.unwrap_err();
    assert!(
        error.is_permanent && error.reason.contains("nobody of that name"),
        "{error}"
    );
}

#[tokio::test]
async fn without_protection_nothing_is_said_to_a_server_that_should_have_it() {
    let (port, heard) = server(None).await;
    let mail = Mail {
        tls: MailTls::Starttls,
        ..mail(port)
    };
    let lab = Lab::new(&[], "", Some(mail));
    let to = Address::Email("bob@example.com".to_owned());
    lab.notifier.deliver(&to, &halted()).await.unwrap_err();
    assert!(!heard.lock().unwrap().contains("MAIL FROM"));
}

#[tokio::test]
async fn no_mail_server_is_a_clear_reason() {
    let lab = Lab::new(&[], "", None);
    let to = Address::Email("bob@example.com".to_owned());
    let error = lab.notifier.deliver(&to, &halted()).await.unwrap_err();
    assert_eq!(
        error.reason,
        "there is no `mail` in tranche.yaml, so no e-mail can be sent"
    );
}

/// Prints its port, then every letter it gets, headers and all.
const AIOSMTPD: &str = "
import asyncio, sys
from aiosmtpd.smtp import SMTP
class Print:
    async def handle_DATA(self, server, session, envelope):
        print(envelope.rcpt_tos, envelope.content.decode(), flush=True)
        print('--end--', flush=True)
        return '250 taken'
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Print()), '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
";

#[tokio::test]
async fn a_real_mail_server_takes_a_letter_with_any_letters_in_it() {
    let python = std::env::var("TRANCHE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_server = Command::new(&python)
        .args(["-c", "import aiosmtpd"])
        .stderr(Stdio::null())
        .status()
        .await;
    if !has_server.is_ok_and(|status| status.success()) {
        // Past the test harness, which keeps what a passing test prints to itself.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: a_real_mail_server_takes_a_letter_with_any_letters_in_it: {python} has no aiosmtpd; \
             `pip install aiosmtpd`, or name a Python that has it in TRANCHE_PYTHON"
        );
        return;
    }
    let mut server = Command::new(&python)
        .args(["-c", AIOSMTPD])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = lines.next_line().await.unwrap().unwrap().parse().unwrap();
    let lab = Lab::new(&[], "", Some(mail(port)));
    let message = Message {
        version: Some("v1.1.0 – Grüße".to_owned()),
        ..halted()
    };
    let to = Address::Email("bob@example.com".to_owned());
    lab.notifier.deliver(&to, &message).await.unwrap();
    let mut letter = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line == "--end--" {
            break;
        }
        letter.push_str(&line);
        letter.push('\n');
    }
    assert!(letter.contains("['bob@example.com']"), "{letter}");
    assert!(
        letter.contains("Message-ID: <e42-1f0a9c3e.securewatch@example.com>"),
        "{letter}"
    );
    assert!(letter.contains("=?utf-8?b?4oCTIEdyw7zDn2U"), "{letter}");
    server.kill().await.unwrap();
}
