//! What Render says by itself, from its webhook to the end of a rollout (P52).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use policy::Span;
use policy::settings::RenderSettings;
use project::hints::{self, HeaderMap, Receiver, Refused};
use project::{Caller, Error, ErrorKind, Session, connect, engine_host, runs};
use render::{DeploySpec, EventKind, Webhook, WebhookRejected, WebhookTarget};
use rollout::view::EndState;
use sim::api::Op;
use sim::fault::{Fault, FaultKind, Trouble, WebhookFault};
use sim::http::Shared;
use sim::platform::DEFAULT_OWNER;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{sleep, timeout};

use crate::folder::{Folder, Noting};
use crate::rollout::{filed, has_key, shop};

const PATIENCE: Duration = Duration::from_mins(1);

/// Long enough for the webhook to be made before the first deploy is over.
const DEPLOY: Span = Span::from_secs(2);

type Taken = Result<(), Refused>;

/// A server with nothing but the one route: hands every message on, and tells what became of it.
async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn serve(listener: TcpListener, receiver: Receiver) -> UnboundedReceiver<Taken> {
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (receiver, tell) = (receiver.clone(), tell.clone());
            tokio::spawn(async move {
                let taken = take(stream, &receiver).await;
                tell.send(taken).unwrap();
            });
        }
    });
    told
}

async fn take(stream: TcpStream, receiver: &Receiver) -> Taken {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, format!("POST {} HTTP/1.1\r\n", Receiver::PATH));
    let mut headers = HashMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_owned(), value.to_owned());
    }
    let headers: HeaderMap = HeaderMap::try_from(&headers).unwrap();
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let taken = receiver.take(&headers, &body);
    let status = taken.map_or_else(Refused::status, |()| 204);
    let reply = format!("HTTP/1.1 {status} so\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(reply.as_bytes()).await.unwrap();
    taken
}

#[test]
fn a_rollout_goes_on_as_soon_as_render_says_that_a_deploy_ended() {
    let name = "hints::a_rollout_goes_on_as_soon_as_render_says_that_a_deploy_ended";
    if has_key(name) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(roll_out());
    }
}

async fn roll_out() {
    let (folder, _server, platform) = shop(DEPLOY).await;
    folder.poll_seldom();
    let session = filed(&folder, Arc::new(Noting::default())).await;
    let (listener, url) = listen().await;
    let receiver = Receiver::at(&url, &session.config.project.render).unwrap();
    let mut told = serve(listener, receiver.clone());

    let engine = engine_host::start_with_hints(&session, true, &receiver).await;
    let ended = timeout(PATIENCE, engine.unwrap().ended()).await;
    ended.expect("nobody waits for an hour").unwrap();
    let product = session.backend().product().await.unwrap();
    let run = runs::newest(product.overview(), None).unwrap();
    assert_eq!(run.outcome, Some(EndState::Succeeded), "{run:?}");
    assert_eq!(told.recv().await, Some(Ok(())));
    assert!(receiver.are_arriving());

    next_engine(&session, &receiver, &platform, &mut told).await;
    removed(&session, &platform, &receiver).await;
}

/// Knows the webhook again, and lets in only what is Render's, and that once.
async fn next_engine(
    session: &Session,
    receiver: &Receiver,
    platform: &Shared,
    told: &mut UnboundedReceiver<Taken>,
) {
    let engine = engine_host::start_with_hints(session, false, receiver).await;
    let mut engine = engine.unwrap();
    until(|| platform.lock().unwrap().requests().reads(Op::ListWebhooks) >= 2).await;
    platform.lock().unwrap().settings_mut().deploy = Span::from_millis(100);
    deploy(session, platform, WebhookFault::Doubled).await;
    let mut both = [told.recv().await.unwrap(), told.recv().await.unwrap()];
    both.sort_by_key(Result::is_err);
    assert_eq!(both, [Ok(()), Err(WebhookRejected::Seen.into())]);
    deploy(session, platform, WebhookFault::Forged).await;
    let forged = told.recv().await.unwrap();
    assert_eq!(forged, Err(WebhookRejected::Forged.into()));
    engine.stop(Duration::ZERO);
    engine.ended().await.unwrap();
    assert_eq!(changes(platform, Op::CreateWebhook), 1);
    assert_eq!(changes(platform, Op::UpdateWebhook), 0);
}

async fn removed(session: &Session, platform: &Shared, receiver: &Receiver) {
    let client = connect::client(&session.config, session.caller()).unwrap();
    let listing = async || hints::registered(&client, &session.config).await.unwrap();
    let answered = async {
        // Render takes note of an answer a moment after it was given; the newest message was the forged one.
        while listing().await[0].status != Some(401) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, answered).await.expect("in time");
    let listed = listing().await;
    let [hook] = &listed[..] else {
        panic!("{listed:?}")
    };
    assert_eq!((hook.name.as_str(), hook.enabled), ("tranche shop", true));
    assert_eq!(hook.url, receiver.url());
    let gone = hints::remove(&client, &session.config).await.unwrap();
    assert_eq!(gone, listed);
    assert_eq!(listing().await, []);
    assert_eq!(changes(platform, Op::DeleteWebhook), 1);
}

#[test]
fn a_webhook_that_render_gave_up_is_switched_on_and_one_too_many_is_removed() {
    let name = "hints::a_webhook_that_render_gave_up_is_switched_on_and_one_too_many_is_removed";
    if has_key(name) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(mended());
    }
}

async fn mended() {
    let (folder, _server, platform) = shop(DEPLOY).await;
    let session = filed(&folder, Arc::new(Noting::default())).await;
    let (_listener, url) = listen().await;
    let receiver = Receiver::at(&url, &session.config.project.render).unwrap();
    let client = connect::client(&session.config, session.caller()).unwrap();
    let make = async |name: &str, url: &str, enabled| {
        let target = WebhookTarget {
            name: name.to_owned(),
            url: url.to_owned(),
            enabled,
            events: Vec::new(),
        };
        let owner = DEFAULT_OWNER.into();
        client
            .admin()
            .create_webhook(&owner, &target)
            .await
            .unwrap()
            .id
    };
    let given_up = make("tranche shop", receiver.url(), false).await;
    make("tranche shop", receiver.url(), true).await;
    let elsewhere = make("tranche shop", "http://127.0.0.1:9/render/webhook", true).await;
    let others = make("another", receiver.url(), true).await;

    let engine = engine_host::start_with_hints(&session, false, &receiver).await;
    let mut engine = engine.unwrap();
    until(|| changes(&platform, Op::DeleteWebhook) == 1).await;
    engine.stop(Duration::ZERO);
    engine.ended().await.unwrap();
    let hooks: Vec<Webhook> = client.webhooks(&[]).try_collect().await.unwrap();
    let mut left: Vec<_> = hooks.iter().map(|hook| &hook.id).collect();
    left.sort();
    assert_eq!(left, [&given_up, &elsewhere, &others]);
    let hook = client.webhook(&given_up).await.unwrap();
    assert!(hook.enabled);
    assert_eq!(hook.events, [EventKind::DeployEnded]);
    assert_eq!(changes(&platform, Op::CreateWebhook), 4, "all of them here");
}

#[test]
fn without_a_webhook_the_caller_is_told_once_and_the_engine_runs() {
    let name = "hints::without_a_webhook_the_caller_is_told_once_and_the_engine_runs";
    if has_key(name) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(without());
    }
}

async fn without() {
    let (folder, _server, platform) = shop(Span::from_millis(100)).await;
    {
        let mut platform = platform.lock().unwrap();
        let (op, status) = (Some(Op::ListWebhooks), 503);
        let trouble = Trouble::Status {
            status,
            effect: false,
        };
        let fault = Fault::everywhere(FaultKind::Request { op, trouble });
        let now = platform.now();
        platform.arm(now, fault).unwrap();
    }
    let caller = Arc::new(Noting::default());
    let session = filed(&folder, Arc::clone(&caller) as Arc<dyn Caller>).await;
    let receiver = Receiver::at("http://127.0.0.1:9", &session.config.project.render).unwrap();
    let engine = engine_host::start_with_hints(&session, false, &receiver).await;
    let mut engine = engine.unwrap();
    let said = |caller: &Noting| {
        let said = caller.said().into_iter();
        said.filter(|text| text.contains("usual pace")).count()
    };
    until(|| said(&caller) == 1).await;
    engine.stop(Duration::ZERO);
    engine.ended().await.unwrap();
    assert_eq!(
        receiver.take(&HeaderMap::new(), b""),
        Err(Refused::NotReady)
    );
}

/// Somebody deploys, and the message about its end does not arrive as it should.
async fn deploy(session: &Session, platform: &Shared, fault: WebhookFault) {
    let client = connect::client(&session.config, session.caller()).unwrap();
    {
        let mut platform = platform.lock().unwrap();
        let now = platform.now();
        let fault = Fault::everywhere(FaultKind::Webhook(fault)).times(1);
        platform.arm(now, fault).unwrap();
    }
    let spec = DeploySpec::LastBuild;
    client.trigger(&"srv-acme".into(), &spec).await.unwrap();
}

fn changes(platform: &Shared, op: Op) -> usize {
    let platform = platform.lock().unwrap();
    let requests = platform.requests().changes().iter();
    requests.filter(|request| request.op == op).count()
}

async fn until(is_so: impl Fn() -> bool) {
    let becomes_so = async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, becomes_so).await.expect("in time");
}

#[test]
fn render_sends_to_public_addresses_only_unless_it_is_simulated() {
    let folder = Folder::alone();
    let opened = folder.location().folder().unwrap();
    let simulated = opened.load(&project::Silent).unwrap().project.render;
    let real = RenderSettings {
        url: "https://api.render.com/v1".to_owned(),
        ..simulated.clone()
    };
    let local = "http://127.0.0.1:7080";
    assert!(Receiver::at(local, &simulated).is_ok());
    for address in [local, "https://localhost", "http://releases.acme.example"] {
        let refused = Receiver::at(address, &real).unwrap_err();
        assert!(matches!(&refused, Error::NotPublic(_)), "{refused:?}");
        assert_eq!(refused.kind(), ErrorKind::Usage);
        assert!(refused.way_out().is_some());
    }
    let receiver = Receiver::at("https://releases.acme.example/", &real).unwrap();
    assert_eq!(
        receiver.url(),
        "https://releases.acme.example/render/webhook"
    );
    let nothing = receiver.take(&HeaderMap::new(), b"{}");
    assert_eq!(nothing, Err(Refused::NotReady));
}

#[test]
fn render_is_asked_for_hints_where_the_files_or_whoever_serves_want_them() {
    let folder = Folder::alone();
    let config = || {
        let opened = folder.location().folder().unwrap();
        opened.load(&project::Silent).unwrap()
    };
    let url = "http://127.0.0.1:7080";
    let wanted = |asked| Receiver::wanted(&config(), asked, url).unwrap().is_some();
    assert!(!wanted(false) && wanted(true));
    folder.want_webhooks();
    assert!(wanted(false));
}

#[test]
fn only_what_is_not_renders_is_answered_with_a_failure() {
    let status = |why: WebhookRejected| Refused::from(why).status();
    assert_eq!(status(WebhookRejected::Forged), 401);
    assert_eq!(status(WebhookRejected::Stale), 401);
    assert_eq!(status(WebhookRejected::TooMuch), 413);
    for why in [
        WebhookRejected::Seen,
        WebhookRejected::Overtaken,
        WebhookRejected::Unreadable,
    ] {
        assert_eq!(status(why), 204, "{why}");
    }
    assert_eq!(Refused::NotReady.status(), 503);
}
