//! What does the environment say about Render that the files say otherwise?

use policy::settings::RenderSettings;

use crate::caller::Caller;
use crate::environment::variable;

/// The environment beats the file; the variables of Render's own command line are the last resort.
pub(crate) fn override_render(render: &mut RenderSettings, caller: &dyn Caller) {
    let is_default = render.url == render::DEFAULT_URL;
    if let Some(url) =
        variable("RENDER_API_URL").or_else(|| variable("RENDER_HOST").filter(|_| is_default))
    {
        url.trim_end_matches('/').clone_into(&mut render.url);
    }
    if render.owner.is_none() {
        render.owner = variable("RENDER_WORKSPACE");
    }
    if let Some(timeout) = variable("RENDER_TIMEOUT") {
        match seconds_or_span(&timeout) {
            Some(timeout) => render.timeout = timeout,
            None => caller.warn("RENDER_TIMEOUT is no length of time such as 30s: not used"),
        }
    }
    if let Some(retries) = variable("RENDER_MAX_RETRIES") {
        match retries.parse() {
            Ok(retries) => render.max_retries = retries,
            Err(_) => caller.warn("RENDER_MAX_RETRIES is no number: not used"),
        }
    }
}

/// `30` as other clients of Render write it, or `30s`.
fn seconds_or_span(text: &str) -> Option<policy::Span> {
    match text.parse::<i64>() {
        Ok(seconds) => u32::try_from(seconds)
            .ok()
            .map(|s| policy::Span::from_secs(s.into())),
        Err(_) => text.parse().ok(),
    }
}
