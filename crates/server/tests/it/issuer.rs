//! Whoever signs tokens, on loopback: an identity provider that says what a test wants, and a CI system.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The name of its key.
const KEY: &str = "one";

/// An issuer that answers until it is dropped.
pub(crate) struct Issuer {
    pub(crate) url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    url: String,
    key: EncodingKey,
    jwk: Jwk,
    /// What each code is good for, once: the token, and the challenge of whoever asked for it.
    codes: Mutex<HashMap<String, (String, String)>>,
    /// How often the keys were asked for.
    keys_read: Mutex<u32>,
}

impl Issuer {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let (key, jwk) = key_pair();
        let shared = Arc::new(Shared {
            url: url.clone(),
            key,
            jwk,
            codes: Mutex::default(),
            keys_read: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, routes).await.unwrap();
        });
        Self {
            url,
            shared,
            serving,
        }
    }

    /// Signs what it is told to.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        sign(&self.shared.key, KEY, claims)
    }

    /// Signs with a key that it does not show.
    #[expect(
        clippy::unused_self,
        reason = "called like the others that make tokens"
    )]
    pub(crate) fn forge(&self, claims: &Value) -> String {
        sign(&key_pair().0, KEY, claims)
    }

    /// A code for this token, for whoever knows what the challenge was made of.
    pub(crate) fn code_for(&self, token: String, challenge: &str) -> String {
        let mut codes = self.shared.codes.lock().unwrap();
        let code = format!("code-{}", codes.len());
        codes.insert(code.clone(), (token, challenge.to_owned()));
        code
    }

    /// How often its keys were asked for.
    pub(crate) fn keys_read(&self) -> u32 {
        *self.shared.keys_read.lock().unwrap()
    }

    /// It answers nobody any more.
    pub(crate) fn go_down(&self) {
        self.serving.abort();
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.go_down();
    }
}

fn key_pair() -> (EncodingKey, Jwk) {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(KEY.to_owned());
    (key, jwk)
}

fn sign(key: &EncodingKey, name: &str, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(name.to_owned());
    encode(&header, claims, key).unwrap()
}

/// Signed by nobody.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| base64(value.to_string().as_bytes());
    let header = json!({"alg": "none", "kid": KEY});
    format!("{}.{}.", part(&header), part(claims))
}

/// Signed with a secret that anybody can know: the public key.
pub(crate) fn signed_with_what_is_public(issuer: &Issuer, claims: &Value) -> String {
    let secret = serde_json::to_vec(&issuer.shared.jwk).unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(KEY.to_owned());
    encode(&header, claims, &EncodingKey::from_secret(&secret)).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0;
        for at in 0..3 {
            bits = bits << 8 | usize::from(three.get(at).copied().unwrap_or_default());
        }
        for at in 0..=three.len() {
            text.push(char::from(LETTERS[bits >> (18 - 6 * at) & 63]));
        }
    }
    text
}

async fn configuration(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let url = &shared.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(shared): State<Arc<Shared>>) -> Json<Value> {
    *shared.keys_read.lock().unwrap() += 1;
    Json(json!({"keys": [shared.jwk]}))
}

async fn token(
    State(shared): State<Arc<Shared>>,
    Form(asked): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let no = || {
        (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": "invalid_grant"})),
        )
    };
    let found = shared.codes.lock().unwrap().remove(&asked["code"]);
    let Some((token, challenge)) = found else {
        return no();
    };
    let verifier = asked.get("code_verifier").cloned().unwrap_or_default();
    if base64(&<sha2::Sha256 as sha2::Digest>::digest(verifier.as_bytes())) != challenge {
        return no();
    }
    let answer = json!({"access_token": "unused", "token_type": "Bearer", "id_token": token});
    (StatusCode::OK, Json(answer))
}
