//! Serves rollouts under way to a browser, so that somebody can look at them. Each person has a port of their own.

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn};
use tokio::net::TcpListener;

use super::lab::{Files, PEOPLE, Site};

/// `cargo test -p server --test it looks -- --ignored --nocapture` prints the addresses, and ends when its input does.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "for people, who end it"]
#[expect(clippy::print_stdout, reason = "it tells people where to look")]
async fn somebody_can_look_at_rollouts_under_way() {
    let sites = [
        ("tiers", Site::of(&Files::tiers())),
        ("many", Site::of(&Files::many(1_000))),
    ];
    for (name, site) in &sites {
        for person in PEOPLE {
            let bearer = HeaderValue::try_from(site.bearer(person)).unwrap();
            let signed = from_fn(move |mut request: Request<Body>, next: Next| {
                request.headers_mut().insert(AUTHORIZATION, bearer.clone());
                next.run(request)
            });
            let router = site.router().layer(signed);
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            println!("{name} {person} http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
    }
    println!("ready");
    let until = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin()));
    drop(until.await);
}
