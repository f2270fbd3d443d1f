//! The description of every route, from the handlers themselves.

use utoipa::openapi::RefOr;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use waystation_model::wire;
use waystation_model::{Code, Problem};

use crate::{accounts, records, school};

#[derive(OpenApi)]
#[openapi(
    info(title = "Waystation sync-server", description = "The words are in docs/PROTOCOL.md."),
    paths(
        accounts::sign_in,
        accounts::refresh,
        accounts::sign_out,
        accounts::sign_out_everywhere,
        accounts::sign_out_others,
        accounts::new_device,
        accounts::look_at_code,
        accounts::sign_in_with_code,
        accounts::change_password,
        accounts::list_sessions,
        accounts::end_session,
        accounts::make_invitations,
        accounts::list_invitations,
        accounts::revoke_invitation,
        accounts::make_token,
        accounts::list_tokens,
        accounts::revoke_token,
        records::list_records,
        records::read_record,
        records::make_record,
        records::change_record,
        records::delete_record,
        school::login,
        school::me,
        school::list_groups,
        school::make_group,
        school::change_group,
        school::delete_group,
        school::add_member,
        school::remove_member,
        school::list_students,
        school::delete_student,
        school::erase_student,
        school::attendance_grid,
        school::change_cell,
        school::put_cell,
        school::list_payments,
        school::make_payment,
        school::delete_payment,
        school::import_users,
        school::import_tasks,
        school::list_tasks,
        school::make_task,
        school::change_task,
        school::delete_task,
        school::list_submissions,
        school::coding_ranking,
        school::list_tests,
        school::make_test,
        school::make_answer_key,
        school::put_answer_key,
        school::own_attendance,
        school::children,
        crate::push::push,
        crate::pull::pull,
        crate::slices::slices,
        crate::live::live,
        crate::content::content,
        crate::history::history,
        crate::routes::healthz,
        crate::routes::readyz
    ),
    components(schemas(
        accounts::SignIn, accounts::SignedIn, accounts::Refresh, accounts::Refreshed, accounts::NewDeviceRequest, accounts::NewDevice,
        accounts::CodeGiven, accounts::CodeAnswer, accounts::CodeSignIn, accounts::PasswordChange, accounts::OwnSession, accounts::OwnSessions,
        accounts::NewInvitations, accounts::MadeInvitation, accounts::MadeInvitations, accounts::Invitation, accounts::Invitations,
        accounts::NewToken, accounts::MadeToken, accounts::PersonalToken, accounts::PersonalTokens,
        records::Record, records::RecordList, records::RecordProblem, records::Values, records::HeldAnswer,
        school::Login, school::UsersCsv, school::TasksGiven, school::TaskGiven, school::Imported, school::ImportedRow, school::RankedStudent,
        school::OwnAttendance, school::AttendanceSummary, school::Child, school::ChildBalance,
        wire::PushRequest, wire::PushAnswer, wire::PullRequest, wire::PullLine, wire::SlicesRequest, wire::SliceLine, wire::Poke, wire::Run, wire::Outcome, wire::HistoryAnswer, wire::HistoryEntry, Problem, Code
    )),
    modifiers(&Bearer, &Described)
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = openapi.components.as_mut() {
            for name in ["access_token", "personal_token"] {
                components.add_security_scheme(name, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
            }
        }
    }
}

/// The description of a response whose handler gives none.
const ANSWER: &str = "The answer.";

/// Gives every response a description: OpenAPI 3.1 requires one.
struct Described;

impl Modify for Described {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for item in openapi.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
                for response in operation.responses.responses.values_mut() {
                    if let RefOr::T(response) = response
                        && response.description.is_empty()
                    {
                        ANSWER.clone_into(&mut response.description);
                    }
                }
            }
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

    /// All values under this key, at any depth.
    fn under(name: &str, value: &serde_json::Value) -> Vec<serde_json::Value> {
        let (here, below): (Option<&serde_json::Value>, Vec<&serde_json::Value>) = match value {
            serde_json::Value::Object(fields) => (fields.get(name), fields.values().collect()),
            serde_json::Value::Array(items) => (None, items.iter().collect()),
            _ => (None, Vec::new()),
        };
        here.cloned().into_iter().chain(below.into_iter().flat_map(|part| under(name, part))).collect()
    }

    #[test]
    fn the_description_conforms_to_openapi_3_1() {
        let description = serde_json::to_value(Description::openapi()).expect("json");
        // Older drafts described tuples as a list of schemas; common validators do not check this deep.
        assert_eq!(
            under("items", &description).into_iter().filter(serde_json::Value::is_array).collect::<Vec<_>>(),
            [] as [serde_json::Value; 0]
        );
        for responses in under("responses", &description) {
            for response in responses.as_object().expect("by status").values() {
                assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{response}");
            }
        }
    }

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
