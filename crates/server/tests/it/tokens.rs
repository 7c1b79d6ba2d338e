//! Tokens of the project, sessions, command lines: what proves somebody, for how long and for what.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::lab::{Answer, Lab};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn make(lab: &Lab, by: (&str, &str), wanted: Value) -> Answer {
    let body = wanted.to_string();
    lab.ask(Method::POST, "/api/v1/tokens", &[by, JSON], &body)
        .await
}

async fn by(lab: &Lab, method: Method, path: &str, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    lab.ask(method, path, &[("authorization", &bearer)], "")
        .await
}

#[tokio::test]
async fn tokens_are_made_for_something_listed_without_the_secret_and_revoked() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    let me = ("cookie", cookie.as_str());
    let made = make(
        &lab,
        me,
        json!({"person": "bob", "scopes": ["read"], "expires": "1d"}),
    )
    .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made = made.json();
    assert_eq!(made["scopes"], json!(["read"]));
    let (id, token) = (
        made["id"].as_str().unwrap(),
        made["token"].as_str().unwrap(),
    );

    let who = by(&lab, Method::GET, "/api/v1/whoami", token).await.json();
    assert_eq!(
        (&who["name"], &who["scopes"]),
        (&json!("bob"), &json!(["read"]))
    );
    let refused = by(&lab, Method::GET, "/api/v1/tokens", token).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("--scope admin"), "{refused:?}");

    let listed = lab.get("/api/v1/tokens", Some(&cookie)).await;
    assert!(
        listed.text.contains(id) && !listed.text.contains(token),
        "{listed:?}"
    );
    assert!(listed.json()[0]["used_at"].is_string(), "{listed:?}");
    let path = format!("/api/v1/tokens/{id}");
    for expected in [StatusCode::OK, StatusCode::NOT_FOUND] {
        let revoked = lab.ask(Method::DELETE, &path, &[me], "").await;
        assert_eq!(revoked.status, expected);
    }
    assert_eq!(
        by(&lab, Method::GET, "/api/v1/whoami", token).await.status,
        StatusCode::FORBIDDEN
    );
    let events = lab.events().await;
    assert!(
        events.contains(&"token_created".to_owned())
            && events.contains(&"token_revoked".to_owned())
    );
}

#[tokio::test]
async fn a_token_hands_out_no_more_than_it_has() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    let admin = make(
        &lab,
        ("cookie", &cookie),
        json!({"service": "x", "scopes": ["admin"]}),
    )
    .await;
    assert_eq!(admin.status, StatusCode::CREATED);
    let person = json!({"person": "ann", "scopes": ["admin", "read"]});
    let narrow = make(&lab, ("cookie", &cookie), person).await.json();
    let bearer = format!("Bearer {}", narrow["token"].as_str().unwrap());
    let narrow = ("authorization", bearer.as_str());
    let wider = make(&lab, narrow, json!({"person": "ann"})).await;
    assert_eq!(wider.status, StatusCode::FORBIDDEN, "{wider:?}");
    let as_wide = make(&lab, narrow, json!({"person": "bob", "scopes": ["read"]})).await;
    assert_eq!(as_wide.status, StatusCode::CREATED, "{as_wide:?}");
}

#[tokio::test]
async fn what_makes_no_sense_is_said() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    for nonsense in [
        json!({}),
        json!({"person": "ann", "service": "ci"}),
        json!({"person": "ann", "scopes": ["everything"]}),
        json!({"person": "ann", "expires": "1M"}),
        json!({"person": "ann", "admin": true}),
    ] {
        let refused = make(&lab, ("cookie", &cookie), nonsense.clone()).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{nonsense}"
        );
        assert!(refused.is_problem(), "{refused:?}");
    }
}

#[tokio::test]
async fn whoever_tries_too_often_waits() {
    let lab = Lab::new();
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(
            by(&lab, Method::GET, "/api/v1/whoami", "tranche_0")
                .await
                .status,
        );
    }
    assert_eq!(statuses[0], StatusCode::FORBIDDEN);
    assert_eq!(statuses[39], StatusCode::TOO_MANY_REQUESTS);
    let once = lab.get("/sign-in/once/guess", None).await;
    assert_eq!(once.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(lab.get("/healthz", None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_in_any_case_after_a_while() {
    let lab = Lab::with(
        "product: shop\nserver: { sessions: { idle: 1h, absolute: 2h } }\n",
        "customers: {}\n",
    );
    let ago = |minutes: i64| project::now().timestamp_millis() - minutes * 60_000;
    for (column, minutes, is_over) in [
        ("seen_at", 59, false),
        ("seen_at", 61, true),
        ("begun_at", 119, false),
        ("begun_at", 121, true),
    ] {
        let cookie = lab.sign_in().await;
        lab.in_own_file(&format!("UPDATE sessions SET {column} = {}", ago(minutes)));
        let who = lab.get("/api/v1/whoami", Some(&cookie)).await;
        assert_eq!(
            who.status == StatusCode::UNAUTHORIZED,
            is_over,
            "{column} {minutes}"
        );
        lab.in_own_file("DELETE FROM sessions");
    }
    let cookie = lab.sign_in().await;
    lab.in_own_file(&format!("UPDATE sessions SET seen_at = {}", ago(30)));
    lab.write(
        "tranche.yaml",
        "product: shop\nserver: { sessions: { idle: 10m, absolute: 2h } }\n",
    );
    lab.get("/api/v1/whoami", None).await;
    let who = lab.get("/api/v1/whoami", Some(&cookie)).await;
    assert_eq!(
        who.status,
        StatusCode::UNAUTHORIZED,
        "limits of the files hold at once"
    );
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_does_not_come_back() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    let seen = lab.get("/api/v1/sessions", Some(&cookie)).await.json();
    let path = format!("/api/v1/sessions/{}", seen[0]["id"].as_str().unwrap());
    let ended = lab
        .ask(Method::DELETE, &path, &[("cookie", &cookie)], "")
        .await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(
        lab.get("/api/v1/whoami", Some(&cookie)).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(!cookie.contains(seen[0]["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_browser_that_was_led_here_by_a_foreign_name_is_nobody() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    let called = async |host: &str, cookie: Option<&str>, path: &str| {
        let mut headers = vec![("host", host)];
        headers.extend(cookie.map(|cookie| ("cookie", cookie)));
        lab.ask(Method::GET, path, &headers, "").await.status
    };
    assert_eq!(
        called("evil.example", Some(&cookie), "/api/v1/whoami").await,
        StatusCode::MISDIRECTED_REQUEST
    );
    assert_eq!(
        called("evil.example", None, "/sign-in").await,
        StatusCode::MISDIRECTED_REQUEST
    );
    assert_eq!(
        called("evil.example", None, "/healthz").await,
        StatusCode::OK
    );
    for right in ["127.0.0.1:7080", "localhost:7080"] {
        assert_eq!(
            called(right, Some(&cookie), "/api/v1/whoami").await,
            StatusCode::OK,
            "{right}"
        );
    }
}

struct CommandLine {
    code: String,
    secret: String,
}

async fn ask_to_be_let_in(lab: &Lab, votes: bool) -> CommandLine {
    let body = json!({"host": "laptop", "votes": votes}).to_string();
    let begun = lab
        .ask(Method::POST, "/api/v1/device", &[JSON], &body)
        .await
        .json();
    assert!(
        begun["page"].as_str().unwrap().ends_with("/device"),
        "the code is typed by hand"
    );
    CommandLine {
        code: begun["code"].as_str().unwrap().to_owned(),
        secret: begun["secret"].as_str().unwrap().to_owned(),
    }
}

async fn look(lab: &Lab, line: &CommandLine) -> Answer {
    let body = json!({"secret": line.secret}).to_string();
    lab.ask(Method::POST, "/api/v1/device/token", &[JSON], &body)
        .await
}

async fn post(lab: &Lab, cookie: &str, path: &str, form: &str) -> Answer {
    lab.ask(Method::POST, path, &[("cookie", cookie), FORM], form)
        .await
}

#[tokio::test]
async fn a_command_line_is_let_in_by_who_types_its_code_and_sees_who_asks() {
    let lab = Lab::new();
    let line = ask_to_be_let_in(&lab, false).await;
    assert_eq!(look(&lab, &line).await.status, StatusCode::ACCEPTED);
    let code = format!("code={}", line.code);
    let nobody = lab.ask(Method::POST, "/device/ask", &[FORM], &code).await;
    assert_eq!(nobody.location(), "/sign-in", "not without signing in");

    let cookie = lab.sign_in().await;
    let page = post(&lab, &cookie, "/device/ask", &code).await;
    for shown in ["laptop", "127.0.0.1", "not vote"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert_eq!(
        look(&lab, &line).await.status,
        StatusCode::ACCEPTED,
        "looking lets nobody in"
    );
    let forged = [
        ("cookie", cookie.as_str()),
        FORM,
        ("sec-fetch-site", "cross-site"),
    ];
    let form = format!("{code}&answer=allow");
    let refused = lab
        .ask(Method::POST, "/device/answer", &forged, &form)
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let answered = post(&lab, &cookie, "/device/answer", &form).await;
    assert_eq!(answered.status, StatusCode::OK, "{answered:?}");

    let given = look(&lab, &line).await.json();
    assert_eq!(
        look(&lab, &line).await.status,
        StatusCode::GONE,
        "told once"
    );
    assert_eq!(
        post(&lab, &cookie, "/device/answer", &form).await.status,
        StatusCode::NOT_FOUND
    );
    let token = given["token"].as_str().unwrap();
    let who = by(&lab, Method::GET, "/api/v1/whoami", token).await.json();
    assert_eq!(who["scopes"], json!(["read", "request"]));
    assert_eq!(
        who["proof"]["kind"], "account",
        "it stands for the sign-in that let it in"
    );

    let seen = lab.get("/api/v1/sessions", Some(&cookie)).await.json();
    let listed = seen
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "command_line");
    assert!(
        listed.unwrap()["from"].as_str().unwrap().contains("laptop"),
        "{seen}"
    );
    let ended = by(&lab, Method::DELETE, "/api/v1/device/token", token).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(
        by(&lab, Method::GET, "/api/v1/whoami", token).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_command_line_is_refused_and_votes_take_more() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    let line = ask_to_be_let_in(&lab, false).await;
    post(
        &lab,
        &cookie,
        "/device/answer",
        &format!("code={}&answer=refuse", line.code),
    )
    .await;
    assert_eq!(look(&lab, &line).await.status, StatusCode::FORBIDDEN);

    // Whoever signed in with the link has proved nothing to a provider just now.
    let line = ask_to_be_let_in(&lab, true).await;
    let page = post(&lab, &cookie, "/device/ask", &format!("code={}", line.code)).await;
    assert!(page.text.contains("/sign-in?again=1"), "{}", page.text);
    let form = format!("code={}&answer=allow", line.code);
    let refused = post(&lab, &cookie, "/device/answer", &form).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(look(&lab, &line).await.status, StatusCode::ACCEPTED);

    let made = make(&lab, ("cookie", &cookie), json!({"person": "bob"}))
        .await
        .json();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let line = ask_to_be_let_in(&lab, false).await;
    let form = format!("code={}&answer=allow", line.code);
    let by_token = [("authorization", bearer.as_str()), FORM];
    let refused = lab
        .ask(Method::POST, "/device/answer", &by_token, &form)
        .await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "a token lets nobody in"
    );
}
