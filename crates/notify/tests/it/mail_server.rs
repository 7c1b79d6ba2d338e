//! What a small mail server says once somebody is connected, in the clear or not.

use std::sync::Mutex;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

/// Answers every line until the client leaves, and notes it. Recipients are refused with a code, if there is one.
pub(crate) async fn talk(
    stream: impl AsyncRead + AsyncWrite,
    refusal: Option<&str>,
    heard: &Mutex<String>,
) {
    let (from, mut to) = tokio::io::split(stream);
    let mut lines = BufReader::new(from).lines();
    let mut in_data = false;
    while let Ok(Some(line)) = lines.next_line().await {
        heard.lock().unwrap().extend([line.as_str(), "\n"]);
        let reply = match line.split(' ').next().unwrap_or_default() {
            _ if in_data && line == "." => {
                in_data = false;
                "250 taken\r\n"
            }
            _ if in_data => continue,
            "EHLO" => "250-here\r\n250 AUTH PLAIN\r\n",
            "AUTH" => "235 welcome\r\n",
            "RCPT" if refusal.is_some() => refusal.unwrap(),
            "DATA" => {
                in_data = true;
                "354 go on\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 fine\r\n",
        };
        if to.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}
