//! What the engine is told of the project's files when they have been edited (R6).

use std::sync::Arc;

use engine::WatchedFiles;
use engine::outbox::{Audience, SharedAudience};
use machine::files::Roots;
use notify::Notifier;
use policy::Config;
use render::executor::Sources as _;
use rollout::Product;
use rollout::request::FilesRead;

use super::sources::ProjectSources;
use crate::allowed_paths;
use crate::caller::Caller;
use crate::error::in_short;
use crate::files_read::{told, unreadable};
use crate::folder::Folder;
use crate::monitor_host::WatchSlot;
use crate::render_settings::override_render;

/// Everything beside the core that goes by the files as they read now.
pub(super) struct Renewed {
    /// Secrets and addresses.
    pub(super) sources: Arc<ProjectSources>,
    /// Who is told what.
    pub(super) audience: SharedAudience,
    /// How they are told.
    pub(super) post: Notifier,
    /// Which files are read.
    pub(super) roots: Roots,
    /// Who is watched.
    pub(super) watch: WatchSlot,
    /// Who is told of variables of the environment that make no sense.
    pub(super) caller: Arc<dyn Caller>,
}

impl Renewed {
    fn take(&self, config: Config) {
        self.audience.renew(Audience::of(&config));
        self.post.renew_mail(config.mail.clone());
        if let Some(watch) = self.watch.get() {
            watch.renew(&config);
        }
        self.sources.renew(config.fleet);
    }
}

/// Has the engine watch the files of a project folder.
pub(super) fn files(folder: &Folder, renewed: Renewed) -> WatchedFiles {
    let names = folder.clone();
    let folder = folder.clone();
    WatchedFiles::listed_by(
        Box::new(move || names.watched()),
        Box::new(move |product| read(&folder, &renewed, product)),
    )
}

fn read(folder: &Folder, renewed: &Renewed, product: &Product) -> FilesRead {
    let is_open = || allowed_paths::is_anything_open(product);
    // By the engine's time, since a wall clock that is not trusted (P25) would have calendars say nothing of today.
    let sources = folder.sources_at(renewed.sources.now());
    let loaded = folder.checked_running(&sources, is_open);
    match loaded {
        Ok(mut config) => {
            override_render(&mut config.project.render, &*renewed.caller);
            let told = told(&config, product);
            renewed.roots.renew(allowed_paths::beyond(&config, product));
            renewed.take(config);
            told
        }
        Err(mistakes) => unreadable(in_short(&mistakes), folder.alone().as_ref()),
    }
}
