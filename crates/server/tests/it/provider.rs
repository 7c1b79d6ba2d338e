//! Sign-in at an identity provider that does what it should not.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::issuer::{Issuer, signed_with_what_is_public, unsigned};
use crate::lab::{Answer, Lab};

/// Ann, with the subject `0815`, and whoever runs this.
async fn lab() -> (Lab, Issuer) {
    let issuer = Issuer::new().await;
    let lab = Lab::with(
        &project(&issuer, "ann: { oidc: \"ISSUER#0815\" }"),
        "customers: {}\n",
    );
    (lab, issuer)
}

fn project(issuer: &Issuer, people: &str) -> String {
    let text = format!(
        "product: shop\npeople: {{ {people} }}\nserver:\n  sign_in: {{ issuer: ISSUER, client_id: tranche }}\n"
    );
    text.replace("ISSUER", &issuer.url)
}

/// Somebody whom the server has sent to the provider.
struct Sent {
    cookie: String,
    /// What stood in the address.
    asked: Vec<(String, String)>,
}

impl Sent {
    fn asked(&self, name: &str) -> &str {
        let found = self.asked.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

async fn send(lab: &Lab, path: &str, cookie: Option<&str>) -> Sent {
    let sent = lab.get(path, cookie).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{sent:?}");
    let address = reqwest::Url::parse(sent.location()).unwrap();
    Sent {
        cookie: sent.cookie().or(cookie.map(str::to_owned)).unwrap(),
        asked: address.query_pairs().into_owned().collect(),
    }
}

/// What a provider says of Ann for this sign-in.
fn claims(issuer: &Issuer, sent: &Sent) -> Value {
    let now = project::now().timestamp();
    json!({
        "iss": issuer.url, "aud": "tranche", "sub": "0815", "nonce": sent.asked("nonce"),
        "iat": now, "exp": now + 300, "auth_time": now,
    })
}

async fn come_back(lab: &Lab, issuer: &Issuer, sent: &Sent, token: String) -> Answer {
    let code = issuer.code_for(token, sent.asked("code_challenge"));
    back(lab, sent, &code, sent.asked("state"), Some(&issuer.url)).await
}

async fn back(lab: &Lab, sent: &Sent, code: &str, state: &str, iss: Option<&str>) -> Answer {
    let iss = iss.map_or(String::new(), |iss| format!("&iss={iss}"));
    let path = format!("/sign-in/return?code={code}&state={state}{iss}");
    lab.get(&path, Some(&sent.cookie)).await
}

async fn whoami(lab: &Lab, cookie: &str) -> Answer {
    lab.get("/api/v1/whoami", Some(cookie)).await
}

/// Makes a token of claims.
type Forge = fn(&Issuer, Value) -> String;

#[tokio::test]
async fn whoever_the_provider_vouches_for_is_signed_in_under_a_new_id_and_led_back() {
    let (lab, issuer) = lab().await;
    let page = lab.get("/sign-in?to=%2Fapprovals", None).await;
    assert!(
        page.text.contains("/sign-in/provider?to=%2Fapprovals"),
        "{}",
        page.text
    );
    let sent = send(&lab, "/sign-in/provider?to=%2Fapprovals", None).await;
    assert_eq!(sent.asked("response_type"), "code");
    assert_eq!(sent.asked("code_challenge_method"), "S256");
    assert_eq!(
        sent.asked("redirect_uri"),
        "http://127.0.0.1:7080/sign-in/return"
    );
    assert_eq!(sent.asked("scope"), "openid profile email");
    let token = issuer.sign(&claims(&issuer, &sent));
    let back = come_back(&lab, &issuer, &sent, token).await;
    assert_eq!(
        (back.status, back.location()),
        (StatusCode::SEE_OTHER, "/approvals"),
        "{back:?}"
    );
    let cookie = back.cookie().unwrap();
    assert_ne!(cookie, sent.cookie);
    assert_eq!(
        whoami(&lab, &sent.cookie).await.status,
        StatusCode::UNAUTHORIZED
    );
    let who = whoami(&lab, &cookie).await.json();
    assert_eq!(who["name"], "ann");
    assert_eq!(who["proof"]["kind"], "oidc");
    assert_eq!(who["proof"]["id"], format!("{}#0815", issuer.url));
    assert!(who["proof"]["auth_time"].is_string(), "{who}");
}

#[tokio::test]
async fn what_is_not_the_end_of_this_sign_in_signs_nobody_in() {
    let (lab, issuer) = lab().await;
    let forgeries: [(&str, Forge); 9] = [
        ("another nonce", |issuer, claims| {
            issuer.sign(&with(claims, "nonce", json!("mine")))
        }),
        ("no nonce", |issuer, claims| {
            issuer.sign(&with(claims, "nonce", Value::Null))
        }),
        ("another issuer", |issuer, claims| {
            issuer.sign(&with(claims, "iss", json!("https://evil.example")))
        }),
        ("another audience", |issuer, claims| {
            issuer.sign(&with(claims, "aud", json!("other")))
        }),
        ("expired", |issuer, claims| {
            issuer.sign(&with(claims, "exp", json!(1_000)))
        }),
        ("another key", |issuer, claims| issuer.forge(&claims)),
        ("no signature", |_, claims| unsigned(&claims)),
        ("a secret that is none", |issuer, claims| {
            signed_with_what_is_public(issuer, &claims)
        }),
        ("no token", |_, _| "nonsense".to_owned()),
    ];
    for (what, forge) in forgeries {
        let sent = send(&lab, "/sign-in/provider", None).await;
        let token = forge(&issuer, claims(&issuer, &sent));
        let refused = come_back(&lab, &issuer, &sent, token).await;
        assert!(
            !refused.status.is_success() && !refused.status.is_redirection(),
            "{what}: {refused:?}"
        );
        assert_eq!(
            whoami(&lab, &sent.cookie).await.status,
            StatusCode::UNAUTHORIZED,
            "{what}"
        );
    }
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test]
async fn state_provider_and_browser_must_be_those_of_the_sign_in_which_ends_once() {
    let (lab, issuer) = lab().await;
    let sent = send(&lab, "/sign-in/provider", None).await;
    let token = || issuer.sign(&claims(&issuer, &sent));
    let code = issuer.code_for(token(), sent.asked("code_challenge"));
    let state = sent.asked("state").to_owned();
    let refused = back(&lab, &sent, &code, "forged", Some(&issuer.url)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let used_up = back(&lab, &sent, &code, &state, Some(&issuer.url)).await;
    assert_eq!(used_up.status, StatusCode::FORBIDDEN, "one try");

    for iss in [Some("https://evil.example"), None] {
        let sent = send(&lab, "/sign-in/provider", None).await;
        let token = issuer.sign(&claims(&issuer, &sent));
        let code = issuer.code_for(token, sent.asked("code_challenge"));
        let mixed_up = back(&lab, &sent, &code, sent.asked("state"), iss).await;
        assert_eq!(mixed_up.status, StatusCode::FORBIDDEN, "{iss:?}");
    }

    let mine = send(&lab, "/sign-in/provider", None).await;
    let theirs = send(&lab, "/sign-in/provider", None).await;
    let token = issuer.sign(&claims(&issuer, &theirs));
    let code = issuer.code_for(token, theirs.asked("code_challenge"));
    let led_in = back(&lab, &mine, &code, theirs.asked("state"), Some(&issuer.url)).await;
    assert_eq!(
        led_in.status,
        StatusCode::FORBIDDEN,
        "their state in my browser"
    );
    let mine = send(&lab, "/sign-in/provider", None).await;
    let injected = back(&lab, &mine, &code, mine.asked("state"), Some(&issuer.url)).await;
    assert_eq!(
        injected.status,
        StatusCode::FORBIDDEN,
        "their code in my sign-in"
    );
    let without = lab
        .get(&format!("/sign-in/return?code={code}&state=x"), None)
        .await;
    assert_eq!(without.status, StatusCode::FORBIDDEN, "{without:?}");
}

#[tokio::test]
async fn a_code_that_was_used_signs_nobody_in() {
    let (lab, issuer) = lab().await;
    let sent = send(&lab, "/sign-in/provider", None).await;
    let refused = back(&lab, &sent, "used", sent.asked("state"), Some(&issuer.url)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("used before"), "{}", refused.text);
}

#[tokio::test]
async fn whom_the_files_do_not_name_is_told_the_line_to_add() {
    let (lab, issuer) = lab().await;
    let sent = send(&lab, "/sign-in/provider", None).await;
    let token = issuer.sign(&with(claims(&issuer, &sent), "sub", json!("4711")));
    let refused = come_back(&lab, &issuer, &sent, token).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.text.contains(&format!("{}#4711", issuer.url)),
        "{}",
        refused.text
    );
    assert_eq!(
        whoami(&lab, &sent.cookie).await.status,
        StatusCode::UNAUTHORIZED
    );

    let nobody = Lab::with(
        &project(&issuer, "").replace("people: {  }\n", ""),
        "customers: {}\n",
    );
    let sent = send(&nobody, "/sign-in/provider", None).await;
    let token = issuer.sign(&claims(&issuer, &sent));
    let refused = come_back(&nobody, &issuer, &sent, token).await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "a project without people is nobody's"
    );
}

#[tokio::test]
async fn whoever_must_be_asked_again_is_asked_again() {
    let (lab, issuer) = lab().await;
    let asked = lab.get("/sign-in?again=1&to=%2Fapprovals", None).await;
    let sent = send(&lab, asked.location(), None).await;
    assert_eq!(
        (sent.asked("prompt"), sent.asked("max_age")),
        ("login", "0")
    );
    let long_ago = project::now().timestamp() - 3600;
    let token = issuer.sign(&with(claims(&issuer, &sent), "auth_time", json!(long_ago)));
    let refused = come_back(&lab, &issuer, &sent, token).await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "the provider did not ask"
    );
    let sent = send(&lab, asked.location(), None).await;
    let token = issuer.sign(&with(claims(&issuer, &sent), "auth_time", Value::Null));
    let refused = come_back(&lab, &issuer, &sent, token).await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "it does not say when"
    );
    let sent = send(&lab, asked.location(), None).await;
    let token = issuer.sign(&claims(&issuer, &sent));
    let back = come_back(&lab, &issuer, &sent, token).await;
    assert_eq!(back.location(), "/approvals", "{back:?}");
}

#[tokio::test]
async fn while_the_provider_is_down_nobody_new_signs_in_and_whoever_is_goes_on() {
    let (lab, issuer) = lab().await;
    let sent = send(&lab, "/sign-in/provider", None).await;
    let token = issuer.sign(&claims(&issuer, &sent));
    let cookie = come_back(&lab, &issuer, &sent, token)
        .await
        .cookie()
        .unwrap();
    let under_way = send(&lab, "/sign-in/provider", None).await;
    issuer.go_down();
    let token = issuer.sign(&claims(&issuer, &under_way));
    let refused = come_back(&lab, &issuer, &under_way, token).await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{refused:?}");
    assert!(
        refused.text.contains("whoever is signed in stays so"),
        "{}",
        refused.text
    );
    assert_eq!(whoami(&lab, &cookie).await.status, StatusCode::OK);
    assert_eq!(
        whoami(&lab, &under_way.cookie).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn nobody_is_led_to_another_server() {
    let (lab, issuer) = lab().await;
    for to in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
    ] {
        let sent = send(&lab, &format!("/sign-in/provider?to={to}"), None).await;
        let token = issuer.sign(&claims(&issuer, &sent));
        let back = come_back(&lab, &issuer, &sent, token).await;
        assert_eq!(back.location(), "/", "{to}");
    }
}

#[tokio::test]
async fn whoever_leaves_the_files_is_signed_out_and_others_sessions_end_by_an_admin() {
    let (lab, issuer) = lab().await;
    let people = "ann: { oidc: \"ISSUER#0815\" }, bob: { oidc: \"ISSUER#4711\" }";
    let with_roles = format!("{}roles: {{ admin: [ann] }}\n", project(&issuer, people));
    lab.write("tranche.yaml", &with_roles);
    let sign_in = async |subject: &str| {
        let sent = send(&lab, "/sign-in/provider", None).await;
        let token = issuer.sign(&with(claims(&issuer, &sent), "sub", json!(subject)));
        come_back(&lab, &issuer, &sent, token)
            .await
            .cookie()
            .unwrap()
    };
    let (ann, bob) = (sign_in("0815").await, sign_in("4711").await);
    let seen = async |cookie: &str| lab.get("/api/v1/sessions", Some(cookie)).await.json();
    assert_eq!(seen(&ann).await.as_array().unwrap().len(), 2);
    let own = seen(&bob).await;
    assert_eq!(own.as_array().unwrap().len(), 1, "{own}");
    assert_eq!(
        (&own[0]["person"], &own[0]["is_this"]),
        (&json!("bob"), &json!(true))
    );
    let of_ann = seen(&ann).await;
    let of_ann = of_ann
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["person"] == "ann")
        .unwrap();
    let end = async |cookie: &str, id: &Value| {
        let path = format!("/api/v1/sessions/{}", id.as_str().unwrap());
        lab.ask(Method::DELETE, &path, &[("cookie", cookie)], "")
            .await
            .status
    };
    assert_eq!(end(&bob, &of_ann["id"]).await, StatusCode::NOT_FOUND);
    assert_eq!(end(&ann, &own[0]["id"]).await, StatusCode::NO_CONTENT);
    assert_eq!(whoami(&lab, &bob).await.status, StatusCode::UNAUTHORIZED);

    let bob = sign_in("4711").await;
    lab.write(
        "tranche.yaml",
        &project(&issuer, "ann: { oidc: \"ISSUER#0815\" }"),
    );
    assert_eq!(whoami(&lab, &bob).await.status, StatusCode::FORBIDDEN);
    lab.write("tranche.yaml", &with_roles);
    assert_eq!(
        whoami(&lab, &bob).await.status,
        StatusCode::UNAUTHORIZED,
        "it does not come back"
    );
}
