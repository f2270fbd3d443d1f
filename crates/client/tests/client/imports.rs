//! Lists as files and files as rows, as the window asks for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::support::http::Server;
use crate::support::*;
use base64::Engine as _;
use rust_xlsxwriter::{Format, Workbook, Worksheet};
use serde_json::{Value, json};
use waystation_client::app::{App, Config};
use waystation_client::commands;
use waystation_model::access::Role;
use waystation_model::{Code, Problem, registry};

async fn call(app: &App, name: &str, arguments: Value) -> Result<Value, Problem> {
    commands::call(app, name, arguments).await
}

/// A laptop of an administrator, with these rows at the server.
async fn office(rows: &[(&str, u128, Value)]) -> (Arc<Server>, Laptop, App) {
    office_of(Role::Admin, rows).await
}

async fn office_of(role: Role, rows: &[(&str, u128, Value)]) -> (Arc<Server>, Laptop, App) {
    let organization = id(ORGANIZATION);
    let scopes = ["org", "people", "org_staff"].map(|kind| format!("{kind}:{organization}"));
    let server = Server::start(role, &scopes).await;
    for (table, number, fields) in rows {
        let fields: Vec<(&str, Value)> = fields.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let derived = matches!(registry::entity(table).unwrap().id, registry::IdRule::Derived(_));
        server.core.lock().unwrap().put(table, (!derived).then(|| id(*number)), &fields);
    }
    let laptop = Laptop::new();
    let app = App::new(Config::new(laptop.folder.path()), laptop.environment.clone()).await.unwrap();
    call(&app, "sign_in", json!({"server": server.url(), "name": "somebody", "password": "right"})).await.unwrap();
    until(async || call(&app, "sync_status", json!({})).await.unwrap()["last_sync_at"].is_number()).await;
    (server, laptop, app)
}

/// The titles of a screen: each column's own name in capitals, so that they are not the names themselves.
fn titles(table: &str) -> BTreeMap<String, String> {
    let columns = registry::entity(table).unwrap().columns.iter().map(|column| column.name);
    columns.chain(["id", "created_at", "updated_at"]).map(|name| (name.to_owned(), format!("Sütun {name}"))).collect()
}

fn words() -> Value {
    json!({"yes": "bəli", "no": "xeyr", "choices": {
        "status": {"active": "Fəal", "maintenance": "Təmir", "closed": "Bağlı"},
        "role": {"learner": "Öyrənən", "teacher": "Müəllim"},
    }})
}

async fn export(app: &App, table: &str, columns: &[&str], format: &str) -> PathBuf {
    let titles: Vec<String> = columns.iter().map(|name| titles(table)[*name].clone()).collect();
    let arguments =
        json!({"query": {"table": table}, "title": "My list", "columns": columns, "titles": titles, "words": words(), "format": format});
    PathBuf::from(call(app, "export_records", arguments).await.unwrap()["path"].as_str().unwrap())
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

async fn read(app: &App, table: &str, bytes: &[u8]) -> Result<Value, Problem> {
    let arguments = json!({"table": table, "name": "list", "content": base64(bytes), "titles": [titles(table)]});
    call(app, "read_import", arguments).await
}

/// Imports a file with the columns that are found by their titles.
async fn import_as(app: &App, table: &str, bytes: &[u8], more: Value) -> Result<Value, Problem> {
    let file = read(app, table, bytes).await?;
    let mapping: Vec<&Value> = file["columns"].as_array().unwrap().iter().map(|column| &column["column"]).collect();
    let mut arguments = json!({"table": table, "name": "list", "content": base64(bytes), "first_line": file["first_line"], "mapping": mapping,
        "words": [words(), {"yes": "yes", "no": "no"}], "dry_run": false});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(app, "import_records", arguments).await
}

async fn import(app: &App, table: &str, bytes: &[u8]) -> Value {
    import_as(app, table, bytes, json!({})).await.unwrap()
}

fn counts(report: &Value) -> [u64; 4] {
    ["new", "changed", "same", "refused"].map(|fate| report[fate].as_u64().unwrap())
}

async fn values(app: &App, table: &str, columns: &[&str]) -> Vec<Vec<Value>> {
    let entity = registry::entity(table).unwrap();
    let page = call(app, "records", json!({"table": table, "limit": 500})).await.unwrap();
    let row = |row: &Value| columns.iter().map(|name| row["values"][entity.column_index(name).unwrap()].clone()).collect();
    page["rows"].as_array().unwrap().iter().map(row).collect()
}

fn problems(report: &Value) -> Vec<(u64, String, String)> {
    let mut all = Vec::new();
    for line in report["lines"].as_array().unwrap() {
        for problem in line["problems"].as_array().unwrap() {
            let text = |name: &str| problem[name].as_str().unwrap().to_owned();
            all.push((line["line"].as_u64().unwrap(), text("column"), text("code")));
        }
    }
    all
}

fn problem(line: u64, column: &str, code: Code) -> (u64, String, String) {
    (line, column.to_owned(), code.word().to_owned())
}

fn workbook(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(workbook.add_worksheet());
    workbook.save_to_buffer().unwrap()
}

const EVERY_LETTER: &str = "Ə ə Ğ ğ I ı İ i Ö ö Ş ş Ü ü Ç ç Ё ы ₼ 🚚";

fn school() -> Vec<(&'static str, u128, Value)> {
    vec![
        (
            "stations",
            700,
            json!({"name": EVERY_LETTER, "code": "Q-1", "latitude": 40.409_264, "longitude": -0.1, "opened_on": "1931-05-07",
            "status": "maintenance", "phone": "+994 12 000 00 00", "description": "two\nlines, \"quoted\"; tab\tand =1"}),
        ),
        (
            "stations",
            701,
            json!({"name": "=1+1", "code": "-5", "brand": "@SUM(A1)", "region": "'=1", "address": "  blanks  ", "description": "\ttab"}),
        ),
        ("users", USER, json!({"user_name": "somebody", "full_name": "Some Body", "role": "admin"})),
        ("users", 710, json!({"user_name": "leyla", "full_name": "Leyla Əliyeva", "email": "leyla@example.org", "station_id": id(700)})),
        (
            "users",
            711,
            json!({"user_name": "leyla2", "full_name": "Leyla Əliyeva", "role": "teacher", "status": "suspended", "deleted_at": 1_767_000_123_456_i64}),
        ),
        (
            "courses",
            720,
            json!({"title": "Safety", "slug": "safety", "instructor_id": id(711), "price_minor": 123_450, "is_public": true,
            "tags": ["one", "two, three"], "metadata": {"a": [1, null]}, "station_id": id(701), "estimated_seconds": 90, "enrollments_max": 0}),
        ),
    ]
}

#[tokio::test]
async fn what_was_exported_changes_nothing_when_it_is_imported() {
    let (_server, _laptop, app) = office(&school()).await;
    for (table, rows) in [("stations", 2), ("courses", 1), ("users", 3)] {
        let all: Vec<&str> = registry::entity(table).unwrap().columns.iter().map(|column| column.name).collect();
        let with_ids: Vec<&str> = ["id"].into_iter().chain(all.iter().copied()).chain(["created_at", "updated_at"]).collect();
        for columns in [with_ids, all] {
            for format in ["csv", "xlsx"] {
                let bytes = std::fs::read(export(&app, table, &columns, format).await).unwrap();
                for more in [json!({"dry_run": true}), json!({"clear_empty": true})] {
                    let report = import_as(&app, table, &bytes, more).await.unwrap();
                    assert_eq!((counts(&report), &report["undo"]), ([0, 0, rows, 0], &Value::Null), "{table} {format} {report:#}");
                }
            }
        }
    }
    assert_eq!(call(&app, "sync_status", json!({})).await.unwrap()["waiting"], 0, "nothing is sent");
}

#[tokio::test]
async fn a_list_is_written_as_it_is_shown() {
    let (_server, laptop, app) = office(&school()).await;
    let path = export(&app, "courses", &["title", "instructor_id", "price_minor", "is_public", "published_at"], "csv").await;
    assert!(path.starts_with(laptop.folder.path()) && path.ends_with("My list 2026-01-01.csv"), "{path:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let titles = "Sütun title,Sütun instructor_id,Sütun price_minor,Sütun is_public,Sütun published_at";
    assert_eq!(text, format!("\u{feff}{titles}\r\nSafety,Leyla Əliyeva,1234.50,bəli,\r\n"));

    let filter = json!([{"column": "status", "comparison": "is", "value": "active"}]);
    let query = json!({"table": "stations", "filter": filter, "limit": 0});
    let titles = ["A", "=B", "C"];
    let arguments =
        json!({"query": query, "title": "a/b", "columns": ["name", "code", "status"], "titles": titles, "words": words(), "format": "csv"});
    let path = call(&app, "export_records", arguments.clone()).await.unwrap()["path"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "\u{feff}A,'=B,C\r\n'=1+1,'-5,Fəal\r\n", "a filtered list, and no formula");
    let again = call(&app, "export_records", arguments).await.unwrap()["path"].as_str().unwrap().to_owned();
    assert_ne!(path, again, "no file takes the place of another");
}

#[tokio::test]
async fn a_workbook_holds_numbers_days_and_no_formula() {
    use calamine::{Data, Reader, Xlsx, open_workbook};
    let (_server, _laptop, app) = office(&school()).await;
    let path = export(&app, "stations", &["name", "latitude", "opened_on", "phone"], "xlsx").await;
    let mut book: Xlsx<_> = open_workbook(&path).unwrap();
    assert_eq!(book.sheet_names(), ["My list"]);
    let range = book.worksheet_range("My list").unwrap();
    let rows: Vec<&[Data]> = range.rows().collect();
    assert_eq!(rows[1][0], Data::String("=1+1".into()));
    assert_eq!((&rows[2][0], &rows[2][1]), (&Data::String(EVERY_LETTER.into()), &Data::Float(40.409_264)));
    let Data::DateTime(day) = rows[2][2] else { panic!("{:?}", rows[2][2]) };
    assert_eq!(day.as_datetime().unwrap().to_string(), "1931-05-07 00:00:00");
    assert_eq!(rows[2][3], Data::String("+994 12 000 00 00".into()));
    assert!(book.worksheet_formula("My list").unwrap().is_empty());

    let path = export(&app, "courses", &["price_minor", "deleted_at"], "xlsx").await;
    let mut book: Xlsx<_> = open_workbook(&path).unwrap();
    assert_eq!(book.worksheet_range("My list").unwrap().get((1, 0)), Some(&Data::Float(1234.5)));
}

#[tokio::test]
async fn an_export_of_what_is_not_there_is_refused_and_leaves_no_file() {
    let (_server, laptop, app) = office(&school()).await;
    let cases = [
        (json!(["nothing"]), json!(["A"]), Code::UnknownColumn),
        (json!(["name", "code"]), json!(["A"]), Code::BadRequest),
        (json!([]), json!([]), Code::BadRequest),
    ];
    for (columns, titles, code) in cases {
        let arguments =
            json!({"query": {"table": "stations"}, "title": "T", "columns": columns, "titles": titles, "words": words(), "format": "xlsx"});
        assert_eq!(call(&app, "export_records", arguments).await.unwrap_err().code, code);
    }
    let exports = laptop.folder.path().join("people").join(id(USER).to_string()).join("exports");
    let left = std::fs::read_dir(exports).map(Iterator::count).unwrap_or(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn rows_are_new_changed_or_the_same_and_an_import_is_taken_back_in_one_step() {
    let (server, _laptop, app) = office(&school()).await;
    let before = values(&app, "stations", &["name", "code", "status", "latitude"]).await;
    let file = "name;code;Sütun status;latitude\nQuba;Q-2;Təmir;41,3611\nX;q-1;fəal;40,409264\n=1+1;-5;;\n".as_bytes();
    let dry = import_as(&app, "stations", file, json!({"dry_run": true})).await.unwrap();
    assert_eq!((counts(&dry), &dry["stored"]), ([1, 1, 1, 0], &json!(false)));
    assert_eq!(values(&app, "stations", &["name", "code", "status", "latitude"]).await, before, "a dry run stores nothing");
    let changed = &dry["lines"][1];
    assert_eq!((&changed["line"], &changed["id"], &changed["label"]), (&json!(3), &json!(id(700)), &json!(EVERY_LETTER)));
    let columns: Vec<_> =
        changed["changes"].as_array().unwrap().iter().map(|change| (&change["column"], &change["from"], &change["to"])).collect();
    let expected = [("code", "Q-1", "q-1"), ("name", EVERY_LETTER, "X"), ("status", "maintenance", "active")]
        .map(|(a, b, c)| (json!(a), json!(b), json!(c)));
    assert_eq!(columns, expected.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>());

    let done = import(&app, "stations", file).await;
    assert_eq!((counts(&done), &done["stored"]), ([1, 1, 1, 0], &json!(true)));
    assert_eq!(values(&app, "stations", &["name", "latitude", "status"]).await.len(), 3);
    assert_eq!(counts(&import(&app, "stations", file).await), [0, 0, 3, 0], "the same file twice changes nothing");
    until(async || call(&app, "sync_now", json!({})).await.unwrap()["waiting"] == json!(0)).await;
    let stored = server.core.lock().unwrap().visible_rows();
    assert_eq!(stored.keys().filter(|(table, _)| table == "stations").count(), 3, "the server has it");

    call(&app, "undo_records", json!({"undo": done["undo"]})).await.unwrap();
    assert_eq!(values(&app, "stations", &["name", "code", "status", "latitude"]).await, before);
}

#[tokio::test]
async fn two_stations_may_have_one_email_address_and_two_people_may_not() {
    let (_server, _laptop, app) = office(&[]).await;
    let stations = "name,email\nQuba,office@example.az\nQusar,office@example.az\n".as_bytes();
    assert_eq!(counts(&import(&app, "stations", stations).await), [2, 0, 0, 0]);
    assert_eq!(counts(&import(&app, "stations", stations).await), [0, 0, 2, 0], "each is found by its name");
    let people = "user_name,full_name,email\nann,Ann,one@example.az\nbob,Bob,one@example.az\n".as_bytes();
    let report = import_as(&app, "users", people, json!({"dry_run": true})).await.unwrap();
    assert_eq!(counts(&report)[3], 1, "{report}");
}

#[tokio::test]
async fn a_bad_cell_is_named_and_nothing_is_stored() {
    let (_server, _laptop, app) = office(&school()).await;
    let head = "user_name,full_name,email,role,station_id,deleted_at,phone";
    let cases = [
        ("new1,A,,king,,,", "role", Code::BadValue),
        ("new1,A,,learner,Nowhere,,", "station_id", Code::MissingReference),
        ("new1,A,,learner,01920000-0000-7000-8000-000000000009,,", "station_id", Code::MissingReference),
        ("new1,A,,learner,,05/06/2026,", "deleted_at", Code::BadValue),
        (&format!("new1,A,,learner,,,{}", "1".repeat(31)), "phone", Code::BadValue),
        ("new1,A,leyla@example.org,,,,\nnew2,B,LEYLA@example.org,,,,", "", Code::Taken),
        ("new1,A,,,,,\nNEW1,B,,,,,", "user_name", Code::Taken),
        ("leyla2,A,leyla@example.org,,,,", "email", Code::SeveralFit),
        (",Leyla Əliyeva,,,,,,,,extra", "", Code::BadValue),
        ("new1,A,a@b", "", Code::FileCut),
    ];
    let before = values(&app, "users", &["user_name"]).await;
    for (rows, column, code) in cases {
        let cut = code == Code::FileCut;
        let file = format!("{head}\ngood,Good,,,,,\n{rows}{}", if cut { "" } else { "\n" });
        let line = 2 + rows.lines().count() as u64;
        for dry_run in [true, false] {
            let report = import_as(&app, "users", file.as_bytes(), json!({"dry_run": dry_run})).await.unwrap();
            assert_eq!(problems(&report), [problem(line, column, code)], "{rows}");
            assert_eq!((&report["stored"], &report["undo"]), (&json!(false), &Value::Null));
        }
        assert_eq!(values(&app, "users", &["user_name"]).await, before, "all or nothing");
    }
    let cases = [
        ("name,latitude\nA,\"1,234\"\n", "latitude", Code::BadValue),
        ("name,latitude\nA,north\n", "latitude", Code::BadValue),
        ("name,opened_on\nA,30.02.2026\n", "opened_on", Code::BadValue),
        ("name,code\n,N-1\n", "name", Code::MissingValue),
        ("id,name\n01920000-0000-7000-8000-000000000009,A\n", "id", Code::NotFound),
        ("id,name\nnone,A\n", "id", Code::NotFound),
    ];
    for (file, column, code) in cases {
        let report = import(&app, "stations", file.as_bytes()).await;
        assert_eq!(problems(&report), [problem(2, column, code)], "{file}");
    }
    let report = import(&app, "courses", "title,price_minor,is_public\nA,\"0,005\",maybe\n".as_bytes()).await;
    assert_eq!(problems(&report), [problem(2, "price_minor", Code::BadValue), problem(2, "is_public", Code::BadValue)]);
}

#[tokio::test]
async fn a_request_that_does_not_fit_the_table_is_refused() {
    let (_server, _laptop, app) = office(&school()).await;
    let ask = async |table: &str, mapping: Value, content: String| {
        let arguments =
            json!({"table": table, "name": "x", "content": content, "first_line": 2, "mapping": mapping, "words": [], "dry_run": true});
        call(&app, "import_records", arguments).await.map_err(|problem| problem.code)
    };
    let file = base64(b"name,code\nA,1\n");
    assert_eq!(ask("stations", json!(["name", "name"]), file.clone()).await, Err(Code::BadRequest));
    assert_eq!(ask("stations", json!(["", "id"]), file.clone()).await, Err(Code::BadRequest));
    assert_eq!(ask("stations", json!(["nothing"]), file.clone()).await, Err(Code::UnknownColumn));
    assert_eq!(ask("stations", json!(["legacy_number"]), file.clone()).await, Err(Code::ServerColumn));
    assert_eq!(ask("conflicts", json!(["entity"]), file.clone()).await, Err(Code::UnknownEntity));
    assert_eq!(ask("stations", json!(["name"]), "no base64!".into()).await, Err(Code::BadRequest));
    assert_eq!(ask("stations", json!(["name"]), base64(&vec![b'a'; 16 * 1024 * 1024 + 1])).await, Err(Code::FileTooLarge));
    assert_eq!(ask("stations", json!(["name"]), base64(b"\x89PNG\r\n\x1a\n\0\0")).await, Err(Code::UnreadableFile));
}

#[tokio::test]
async fn who_may_not_write_is_told_at_each_row_also_in_a_dry_run() {
    let (_server, _laptop, app) = office_of(Role::Learner, &school()).await;
    let file = "name,code\nNew,N-1\nChanged,Q-1\n";
    for dry_run in [true, false] {
        let report = import_as(&app, "stations", file.as_bytes(), json!({"dry_run": dry_run})).await.unwrap();
        assert_eq!(problems(&report), [problem(2, "", Code::NotAllowed), problem(3, "", Code::NotAllowed)]);
    }
    assert_eq!(values(&app, "stations", &["name"]).await.len(), 2);
}

#[tokio::test]
async fn every_encoding_and_separator_gives_the_same_rows() {
    let (_server, _laptop, app) = office(&[]).await;
    let text = "name;region\r\nGəncə İşıq;Şəki\r\n";
    let utf16 = |order: fn(u16) -> [u8; 2]| std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(order).collect::<Vec<u8>>();
    let files = [
        ("utf-8", text.as_bytes().to_vec()),
        ("utf-8", format!("\u{feff}{}", text.replace(';', ",")).into_bytes()),
        ("utf-16le", utf16(u16::to_le_bytes)),
        ("utf-16be", utf16(u16::to_be_bytes)),
        ("utf-8", text.replace(';', "\t").into_bytes()),
    ];
    for (number, (encoding, bytes)) in files.iter().enumerate() {
        assert_eq!(read(&app, "stations", bytes).await.unwrap()["encoding"], *encoding);
        assert_eq!(counts(&import(&app, "stations", bytes).await), if number == 0 { [1, 0, 0, 0] } else { [0, 0, 1, 0] });
    }
    // "name;region" and a Cyrillic row, as older programs write it.
    let windows = b"name;region\r\n\xC3\xFF\xED\xE4\xE6\xE0;\xA8\xEB\xEA\xE0\r\n";
    assert_eq!(read(&app, "stations", windows).await.unwrap()["encoding"], "windows-1251");
    import(&app, "stations", windows).await;
    let rows = values(&app, "stations", &["name", "region"]).await;
    assert!(rows.contains(&vec![json!("Гянджа"), json!("Ёлка")]) && rows.contains(&vec![json!("Gəncə İşıq"), json!("Şəki")]), "{rows:?}");
}

#[tokio::test]
async fn a_workbook_with_two_header_lines_and_merged_cells_is_read() {
    let (_server, _laptop, app) = office(&school()).await;
    let format = Format::new();
    let day = Format::new().set_num_format("dd.mm.yyyy");
    let bytes = workbook(|sheet| {
        sheet.write_string(0, 0, "All our stations").unwrap();
        sheet.merge_range(2, 0, 3, 0, "Name", &format).unwrap();
        sheet.merge_range(2, 1, 2, 2, "Place", &format).unwrap();
        for (column, title) in (1..).zip(["latitude", "longitude", "brand", "opened_on"]) {
            sheet.write_string(3, column, title).unwrap();
        }
        sheet.merge_range(4, 3, 5, 3, "Both", &format).unwrap();
        for (row, name) in [(4, "One"), (5, "Two"), (8, "Three")] {
            sheet.write_string(row, 0, name).unwrap();
            sheet.write_number(row, 1, 40.5).unwrap();
            sheet.write_number_with_format(row, 4, 46_023.0, &day).unwrap();
        }
        // A day that lost its format.
        sheet.write_number(8, 4, 46_024.0).unwrap();
    });
    let file = read(&app, "stations", &bytes).await.unwrap();
    let columns: Vec<&str> = file["columns"].as_array().unwrap().iter().map(|column| column["column"].as_str().unwrap()).collect();
    assert_eq!(
        (columns, &file["first_line"], &file["rows"]),
        (vec!["name", "latitude", "longitude", "brand", "opened_on"], &json!(5), &json!(3))
    );
    let report = import(&app, "stations", &bytes).await;
    assert_eq!(counts(&report), [3, 0, 0, 0]);
    assert_eq!(report["lines"][2]["line"], 9, "empty lines keep their numbers");
    let rows = values(&app, "stations", &["name", "brand", "latitude", "opened_on"]).await;
    for row in
        [json!(["One", "Both", 40.5, "2026-01-01"]), json!(["Two", "Both", 40.5, "2026-01-01"]), json!(["Three", null, 40.5, "2026-01-02"])]
    {
        assert!(rows.contains(row.as_array().unwrap()), "{row} in {rows:?}");
    }
    for cut in [bytes.len() / 2, bytes.len() - 10, 30] {
        assert_eq!(read(&app, "stations", &bytes[..cut]).await.unwrap_err().code, Code::UnreadableFile);
    }
}

#[tokio::test]
async fn one_value_in_the_last_cell_of_a_sheet_takes_no_memory() {
    let (_server, _laptop, app) = office(&[]).await;
    let bytes = workbook(|sheet| {
        sheet.write_string(0, 0, "name").unwrap();
        sheet.write_string(1_048_575, 0, "Deep").unwrap();
    });
    assert_eq!(read(&app, "stations", &bytes).await.unwrap()["rows"], 1);
    let wide = workbook(|sheet| {
        sheet.write_string(0, 16_383, "name").unwrap();
    });
    assert_eq!(read(&app, "stations", &wide).await.unwrap_err().code, Code::FileTooLarge);
}

#[tokio::test]
async fn more_rows_than_allowed_are_refused() {
    let (_server, _laptop, app) = office(&[]).await;
    let file = |rows: usize| {
        let mut text = String::from("name,code\n");
        for row in 0..rows {
            text.push_str(&format!("S{row},C{row}\n"));
        }
        text.into_bytes()
    };
    assert_eq!(read(&app, "stations", &file(50_000)).await.unwrap()["rows"], 50_000);
    assert_eq!(read(&app, "stations", &file(50_001)).await.unwrap_err().code, Code::FileTooLarge);
    let arguments = json!({"table": "stations", "name": "x", "content": base64(&file(50_001)), "first_line": 2, "mapping": ["name", "code"], "words": [], "dry_run": true});
    assert_eq!(call(&app, "import_records", arguments).await.unwrap_err().code, Code::FileTooLarge);
}

#[tokio::test]
async fn references_are_found_by_name_code_and_id() {
    let (_server, _laptop, app) = office(&school()).await;
    let file = format!(
        "user_name,full_name,station_id\na,A,ə ğ\nb,B,q-1\nc,C,{}\nd,D,{}\n",
        id(700),
        waystation_model::letters::folded(EVERY_LETTER)
    );
    let report = import(&app, "users", file.as_bytes()).await;
    assert_eq!(problems(&report), [problem(2, "station_id", Code::MissingReference)]);
    let report = import(&app, "users", file.replace("ə ğ", "=1+1").as_bytes()).await;
    assert_eq!(counts(&report), [4, 0, 0, 0], "{report:#}");
    let rows = values(&app, "users", &["user_name", "station_id"]).await;
    for (user, station) in [("a", 701), ("b", 700), ("c", 700), ("d", 700)] {
        assert!(rows.contains(&vec![json!(user), json!(id(station))]), "{user} in {rows:?}");
    }
    // Two people of one name, of whom one is deleted: the other one is meant.
    let report = import(&app, "courses", "title,instructor_id\nNew,Leyla Əliyeva\n".as_bytes()).await;
    assert_eq!(counts(&report), [1, 0, 0, 0]);
    import(&app, "users", "user_name,full_name\nleyla3,leyla əliyeva\n".as_bytes()).await;
    let report = import(&app, "courses", "title,instructor_id\nNewer,Leyla Əliyeva\n".as_bytes()).await;
    assert_eq!(problems(&report), [problem(2, "instructor_id", Code::SeveralFit)]);
}

#[tokio::test]
async fn a_row_is_matched_by_its_name_only_when_its_codes_allow() {
    let (_server, _laptop, app) = office(&school()).await;
    let same = import(&app, "users", "full_name,phone\nSome Body,5\n".as_bytes()).await;
    assert_eq!((counts(&same), &same["lines"][0]["id"]), ([0, 1, 0, 0], &json!(id(USER))));
    let other = import(&app, "users", "full_name,email,user_name\nSome Body,other@example.org,other\n".as_bytes()).await;
    assert_eq!(counts(&other), [1, 0, 0, 0], "a namesake with another user name is another person");
    let either = import(&app, "users", "full_name,phone\nSome Body,6\n".as_bytes()).await;
    assert_eq!(problems(&either), [problem(2, "full_name", Code::SeveralFit)]);
}

#[tokio::test]
async fn rows_with_derived_ids_are_matched_by_their_keys() {
    let (_server, _laptop, app) = office(&school()).await;
    let file = "user_id,grade,balance_minor\nLeyla Əliyeva,5A,\"12,50\"\nSome Body,6B,\n";
    let report = import(&app, "student_profiles", file.as_bytes()).await;
    assert_eq!(counts(&report), [2, 0, 0, 0], "{report:#}");
    assert_eq!(counts(&import(&app, "student_profiles", file.as_bytes()).await), [0, 0, 2, 0]);
    let changed = import(&app, "student_profiles", "user_id,grade\nleyla,5B\n".as_bytes()).await;
    assert_eq!(counts(&changed), [0, 1, 0, 0]);
    let double = import(&app, "student_profiles", "user_id,grade\nleyla,5B\nLeyla Əliyeva,5B\n".as_bytes()).await;
    assert_eq!((problems(&double), &double["lines"][1]["problems"][0]["other_line"]), (vec![problem(3, "", Code::Taken)], &json!(2)));
}

#[tokio::test]
async fn an_empty_cell_empties_a_value_only_when_it_is_asked_to() {
    let (_server, _laptop, app) = office(&school()).await;
    let file = "code,name,phone,status\nQ-1,,,\n".as_bytes();
    assert_eq!(counts(&import(&app, "stations", file).await), [0, 0, 1, 0]);
    let report = import_as(&app, "stations", file, json!({"clear_empty": true, "dry_run": true})).await.unwrap();
    let columns: Vec<&str> =
        report["lines"][0]["changes"].as_array().unwrap().iter().map(|change| change["column"].as_str().unwrap()).collect();
    assert_eq!(columns, ["name", "phone"], "a choice has no empty value");
}

#[tokio::test]
async fn a_deleted_person_comes_back_when_a_file_names_them() {
    let (_server, _laptop, app) = office(&school()).await;
    let report = import(&app, "users", "user_name,full_name\nleyla2,Leyla Əliyeva\n".as_bytes()).await;
    assert_eq!(counts(&report), [0, 1, 0, 0]);
    assert_eq!(
        (&report["lines"][0]["changes"][0]["column"], &report["lines"][0]["changes"][0]["to"]),
        (&json!("deleted_at"), &Value::Null)
    );
    let undone = import(&app, "users", "user_name,full_name\nnew,New\n".as_bytes()).await;
    call(&app, "undo_records", json!({"undo": undone["undo"]})).await.unwrap();
    assert_eq!(counts(&import(&app, "users", "user_name,full_name\nnew,New\n".as_bytes()).await), [0, 1, 0, 0]);
}

#[tokio::test]
async fn ten_thousand_people_are_imported_and_taken_back_in_one_step() {
    let (server, _laptop, app) = office(&school()).await;
    server.cut.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut file = String::from("user_name,email,full_name,phone,role\n");
    for number in 0..10_000 {
        file.push_str(&format!("p{number},p{number}@example.org,Şəxs {number},+994 50 {number:07},Öyrənən\n"));
    }
    let report = import(&app, "users", file.as_bytes()).await;
    assert_eq!((counts(&report), report["lines"].as_array().unwrap().len()), ([10_000, 0, 0, 0], 2_000));
    assert_eq!(counts(&import(&app, "users", file.as_bytes()).await), [0, 0, 10_000, 0]);
    call(&app, "undo_records", json!({"undo": report["undo"]})).await.unwrap();
    let filter = json!([{"column": "deleted_at", "comparison": "filled"}]);
    let deleted = call(&app, "records", json!({"table": "users", "limit": 1, "filter": filter})).await.unwrap();
    assert_eq!(deleted["total"], 10_001);
}
