//! What a laptop checks before it stores a change: ranges, formats, conditions over several columns, and unique keys.

use crate::support::*;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_client::error::ClientError;
use waystation_client::store::{Edit, Writer};
use waystation_model::Code;
use waystation_model::access::Role;
use waystation_model::registry::{Kind, Range, entity};

fn admin(folder: &std::path::Path) -> Writer {
    open_writer(folder, Role::Admin, &[format!("org:{}", id(ORGANIZATION)), format!("people:{}", id(ORGANIZATION))])
}

fn put(table: &str, row: u128, fields: Vec<(&'static str, Value)>) -> Edit {
    Edit::put(entity(table).unwrap(), Some(id(row)), fields)
}

/// The code and field of the refusal; none when the change was stored.
fn refusal(writer: &mut Writer, edit: Edit) -> Option<(Code, Option<String>)> {
    match writer.edit(NOW_MS, &[edit]) {
        Ok(_) => None,
        Err(ClientError::Refused(problem)) => Some((problem.code, problem.fields.first().cloned())),
        Err(error) => panic!("{error}"),
    }
}

fn at(code: Code, field: &str) -> Option<(Code, Option<String>)> {
    Some((code, Some(field.to_owned())))
}

#[test]
fn a_value_past_its_range_or_format_is_refused_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = admin(folder.path());
    let station = |fields| put("stations", 600, fields);
    let place = |latitude: f64| station(vec![("name", json!("Gas")), ("latitude", json!(latitude)), ("longitude", json!(0.0))]);
    assert_eq!(refusal(&mut writer, place(200.0)), at(Code::RuleBroken, "latitude"));
    assert_eq!(visible(&writer, "stations", id(600), "name"), None, "nothing is stored");
    assert_eq!(count(&writer, "SELECT count(*) FROM outbox"), 0);
    assert_eq!(refusal(&mut writer, place(90.0)), None);
    assert_eq!(
        refusal(&mut writer, station(vec![("latitude", json!(-90.5)), ("longitude", json!(0.0))])),
        at(Code::RuleBroken, "latitude")
    );
    let user = |fields| put("users", 601, fields);
    assert_eq!(refusal(&mut writer, user(vec![("email", json!("nobody"))])), at(Code::RuleBroken, "email"));
    assert_eq!(refusal(&mut writer, user(vec![("phone", json!("+994"))])), at(Code::RuleBroken, "full_name"), "no name at all");
    assert_eq!(refusal(&mut writer, user(vec![("full_name", json!("Leyla"))])), None, "chooses a user name when invited");
    assert_eq!(refusal(&mut writer, user(vec![("user_name", json!("leyla"))])), None);
    let same = |person: u128| ("parent_id", json!(id(person)));
    let link = Edit::put(entity("guardian_links").unwrap(), None, vec![same(601), ("student_id", json!(id(601)))]);
    assert_eq!(refusal(&mut writer, link), at(Code::RuleBroken, "student_id"));
}

#[test]
fn a_key_that_another_row_has_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = admin(folder.path());
    let user = |row: u128, name: &str| put("users", row, vec![("user_name", json!(name))]);
    assert_eq!(refusal(&mut writer, user(600, "leyla")), None);
    assert_eq!(refusal(&mut writer, user(601, "Leyla")), at(Code::Taken, "user_name"), "upper and lower case are equal");
    assert_eq!(refusal(&mut writer, user(600, "LEYLA")), None, "a row does not take its own key");
    let station = |row: u128, code: Value| put("stations", row, vec![("name", json!("Gas")), ("code", code)]);
    assert_eq!(refusal(&mut writer, station(610, json!("S1"))), None);
    assert_eq!(refusal(&mut writer, station(611, json!("S1"))), at(Code::Taken, "code"));
    assert_eq!(refusal(&mut writer, station(611, json!("s1"))), None, "upper and lower case differ");
    assert_eq!(refusal(&mut writer, station(612, Value::Null)), None);
    assert_eq!(refusal(&mut writer, station(613, Value::Null)), None, "a row without a code has no key");
    let course = |row: u128| put("courses", row, vec![("title", json!("Gas")), ("slug", json!(""))]);
    assert_eq!((refusal(&mut writer, course(620)), refusal(&mut writer, course(621))), (None, None), "the server fills it in");
}

#[test]
fn an_old_fault_does_not_block_another_column() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = admin(folder.path());
    let broken = put("stations", 600, vec![("name", json!("Gas")), ("latitude", json!(200.0)), ("longitude", json!(0.0))]);
    assert_eq!(refusal(&mut writer, broken.unchecked()), None);
    assert_eq!(refusal(&mut writer, put("stations", 600, vec![("name", json!("Oil"))])), None);
}

/// Every range of every table that an administrator writes, through the laptop's own store.
#[test]
fn every_range_is_checked_at_both_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = admin(folder.path());
    let (mut stored, mut refused) = (0, 0);
    for table in ["stations", "station_equipment", "station_gas_supply_sources", "courses"].map(|name| entity(name).unwrap()) {
        for column in table.columns {
            let Some(Range { least, most }) = column.range else { continue };
            let value = |number: i64| if column.kind == Kind::Float { json!(number as f64) } else { json!(number) };
            let row = Uuid::from_u128(7_000 + stored + refused);
            let mut edit = |number: i64| {
                let needed = table.columns.iter().filter(|needed| needed.is_needed() && needed.name != column.name);
                let mut fields: Vec<(&'static str, Value)> = needed.map(|needed| (needed.name, json!(id(600)))).collect();
                fields.push((column.name, value(number)));
                refusal(&mut writer, Edit::put(table, Some(row), fields))
            };
            for inside in [Some(least), most].into_iter().flatten() {
                assert_eq!(edit(inside), None, "{}.{}", table.name, column.name);
                stored += 1;
            }
            for outside in [Some(least - 1), most.map(|most| most + 1)].into_iter().flatten() {
                assert_eq!(edit(outside), at(Code::RuleBroken, column.name), "{}.{}", table.name, column.name);
                refused += 1;
            }
        }
    }
    assert!(stored >= 8 && refused >= 8, "{stored} {refused}");
}
