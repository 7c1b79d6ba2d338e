//! What holds for every request and every reply?

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HeaderName, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tower_http::trace::TraceLayer;
use tower_sessions::SessionManagerLayer;
use tower_sessions::cookie::SameSite;

use crate::app::App;
use crate::{peer, problem};

/// What a request may bring along. Files that are pushed are the largest.
pub(crate) const BODY_LIMIT: usize = 16 << 20;

/// So long a request may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Nothing from elsewhere, nothing inline, no frame around it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The name makes browsers refuse it from anybody else, and over anything but TLS or this machine.
const COOKIE_NAME: &str = "__Host-tranche";

/// Puts around the routes what holds for all of them.
pub(crate) fn around(routes: Router, app: &App) -> Router {
    let sessions = SessionManagerLayer::new(app.store().clone())
        .with_name(COOKIE_NAME)
        .with_same_site(SameSite::Lax)
        .with_secure(true)
        .with_http_only(true)
        .with_path("/")
        .with_expiry(app.store().expiry());
    let small = SizeAbove::new(512).and(NotForContentType::const_new("text/event-stream"));
    routes
        .layer(sessions)
        .layer(cross_site(app))
        .layer(from_fn_with_state(door(app), peer::identify))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(problem::dress))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
        .layer(header(CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        .layer(header(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ))
        .layer(header(
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ))
        .layer(header(CACHE_CONTROL, "no-store"))
        .layer(CompressionLayer::new().compress_when(small))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(SetSensitiveHeadersLayer::new([
            AUTHORIZATION,
            COOKIE,
            SET_COOKIE,
        ]))
}

/// What is known of whoever comes in, before anything else is.
fn door(app: &App) -> peer::Door {
    let looked = app.clone();
    peer::Door {
        settings: app.settings().clone(),
        look: Arc::new(move || drop(looked.server())),
    }
}

/// Refuses what a page of somebody else has a browser send (P50). The server's own address is trusted behind a proxy too.
fn cross_site(app: &App) -> CsrfLayer<fn(ProtectionError) -> Response> {
    let refused: fn(ProtectionError) -> Response = |_| problem::from_elsewhere().into_response();
    let layer = CsrfLayer::new().with_rejection_response(refused);
    // An address that is no origin is refused when the server is set up.
    layer
        .clone()
        .add_trusted_origin(&app.settings().url)
        .unwrap_or(layer)
}

/// Set unless a handler has set it.
fn header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
