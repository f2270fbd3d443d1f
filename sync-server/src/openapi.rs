//! The description of every route, from the handlers themselves.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use waystation_model::wire;
use waystation_model::{Code, Problem};

use crate::accounts;

#[derive(OpenApi)]
#[openapi(
    info(title = "Waystation sync-server", description = "The words are in docs/PROTOCOL.md."),
    paths(
        accounts::sign_in,
        accounts::refresh,
        accounts::sign_out,
        accounts::new_device,
        crate::push::push,
        crate::pull::pull,
        crate::slices::slices,
        crate::live::live,
        crate::content::content,
        crate::routes::healthz,
        crate::routes::readyz
    ),
    components(schemas(
        accounts::SignIn, accounts::SignedIn, accounts::Refresh, accounts::Refreshed, accounts::NewDeviceRequest, accounts::NewDevice,
        wire::PushRequest, wire::PushAnswer, wire::PullRequest, wire::PullLine, wire::SlicesRequest, wire::SliceLine, wire::Poke, wire::Run, wire::Outcome, Problem, Code
    )),
    modifiers(&Bearer)
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = openapi.components.as_mut() {
            components.add_security_scheme("access_token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        }
    }
}

/// The text of `docs/openapi.json`.
///
/// # Errors
/// Never for a description made of types; kept for the library's signature.
pub fn text() -> Result<String, serde_json::Error> {
    Description::openapi().to_pretty_json().map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let routes = include_str!("routes.rs");
        let described = Description::openapi().paths.paths;
        let mut counted = 0;
        for part in routes.split(".route(\"").skip(1) {
            let path = part.split('"').next().expect("a path");
            assert!(described.contains_key(path), "{path} is not described");
            counted += 1;
        }
        assert_eq!(counted, described.len());
    }
}
