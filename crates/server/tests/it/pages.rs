//! Pages, over a rollout under way.

mod commits;
mod controls;
mod crawl;
mod lab;
mod live;
mod looks;
mod sessions;
mod shown;
mod votes;
