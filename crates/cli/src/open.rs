//! From what was typed to what it opens: the folder, its files, its state, a session.

use std::sync::Arc;

use policy::Config;
use project::{Backend, Caller, Folder, Location, Requester, Session};
use rollout::Product;

use crate::args::Global;
use crate::exit::Failure;
use crate::output::Output;

/// Where the flags say that the project is.
pub(crate) fn location(global: &Global) -> Location {
    Location {
        dir: global.dir.clone(),
        db: global.db.clone(),
    }
}

/// The project folder.
pub(crate) fn folder(global: &Global) -> Result<Folder, Failure> {
    Ok(location(global).folder()?)
}

/// What the files say, for looking and for what has begun already.
pub(crate) fn config(global: &Global, out: Output) -> Result<Config, Failure> {
    Ok(folder(global)?.load_running(&out)?)
}

/// What keeps the state.
pub(crate) fn backend(global: &Global, out: Output) -> Result<Arc<dyn Backend>, Failure> {
    Ok(location(global).backend(&caller(out))?)
}

/// The state as of now.
pub(crate) async fn product(global: &Global, out: Output) -> Result<Product, Failure> {
    Ok(backend(global, out)?.product().await?)
}

/// The project, its state and the person in front of it.
pub(crate) async fn session(global: &Global, out: Output) -> Result<Session, Failure> {
    Ok(Session::open(&location(global), caller(out)).await?)
}

/// The same for somebody who plans from the files.
pub(crate) async fn session_to_plan(global: &Global, out: Output) -> Result<Session, Failure> {
    Ok(Session::open_to_plan(&location(global), caller(out)).await?)
}

/// The person in front of it, whether or not the files can be used.
pub(crate) async fn requester(global: &Global, out: Output) -> Result<Requester, Failure> {
    Ok(Requester::open(&location(global), caller(out)).await?)
}

/// Whoever reads the output.
pub(crate) fn caller(out: Output) -> Arc<dyn Caller> {
    Arc::new(out)
}
