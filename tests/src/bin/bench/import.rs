//! `import`: 10,000 people from a CSV file by the window's command, compared with the same rows and their changes written by
//! prepared inserts in one transaction of a file with the same cipher, schema and settings.

use std::fmt::Write as _;
use std::time::Instant;

use base64::Engine as _;
use rusqlite::params;
use serde_json::json;
use waystation_client::store::open::open_writer;
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;
use waystation_tests::crowd::{LEARNERS, base, id};
use waystation_tests::server::LocalServer;

use super::laptop::{call, key, signed_in};
use super::report::{Figure, Pairs, rounded};

/// The user name of the administrator, who alone imports people.
const ADMINISTRATOR: &str = "administrator";

/// Measures the pairs and prints the line.
pub async fn measure(cluster: &Cluster, people: usize, pairs: usize) -> Outcome<()> {
    eprintln!("import: {people} people");
    let template = base(cluster, LEARNERS, 200).await?;
    let mut measured = Pairs::default();
    for round in 0..pairs {
        let database = cluster.copy(&format!("bench_import_{round}"), template.name()).await?;
        administrate(&database).await?;
        let server = LocalServer::start(&database).await?;
        let folder = tempfile::tempdir()?;
        let app = signed_in(&server, folder.path(), ADMINISTRATOR).await?;
        // Offline, so that only the laptop is measured.
        server.stop().await;
        let content = base64::engine::general_purpose::STANDARD.encode(file(people));
        let mapping = json!(["user_name", "email", "full_name", "phone", "role"]);
        let arguments = json!({"table": "users", "name": "people.csv", "content": content, "first_line": 2, "mapping": mapping, "words": [], "dry_run": false});
        let started = Instant::now();
        let report = call(&app, "import_records", arguments).await?;
        let seconds = started.elapsed().as_secs_f64();
        if report["new"] != people {
            return Err(format!("not all rows were imported: {report}").into());
        }
        measured.add(seconds, inserts(folder.path(), people)?);
        app.shutdown().await;
    }
    let (seconds, floor_seconds, ratio) = measured.medians();
    Figure {
        name: "import",
        n: people,
        seconds: Some(rounded(seconds, 3)),
        floor_seconds: Some(rounded(floor_seconds, 3)),
        ratio: Some(rounded(ratio, 2)),
        ..Figure::default()
    }
    .print();
    Ok(())
}

/// Makes the instructor, who has a password, the administrator.
async fn administrate(database: &waystation_tests::cluster::Database) -> Outcome<()> {
    let mut connection = database.connect().await?;
    sqlx::query("UPDATE users SET role = 'admin', user_name = $2 WHERE user_name = $1")
        .bind(waystation_tests::crowd::INSTRUCTOR_NAME)
        .bind(ADMINISTRATOR)
        .execute(&mut connection)
        .await?;
    Ok(())
}

fn person(number: usize) -> [String; 4] {
    [format!("person{number}"), format!("person{number}@example.org"), format!("Şəxs {number} Əliyev"), format!("+994 50 {number:07}")]
}

fn file(people: usize) -> String {
    let mut text = String::from("user_name,email,full_name,phone,role\n");
    for number in 0..people {
        let [user_name, email, full_name, phone] = person(number);
        let _ = writeln!(text, "{user_name},{email},{full_name},{phone},learner");
    }
    text
}

/// The floor: a row and the change that will be sent, for each person. Returns seconds.
fn inserts(folder: &std::path::Path, people: usize) -> Outcome<f64> {
    let mut bare = open_writer(&folder.join("bare.db"), &key())?;
    let started = Instant::now();
    let transaction = bare.transaction()?;
    {
        let mut row = transaction.prepare(
            "INSERT INTO users (id, stamp, created_at, updated_at, user_name, email, first_name, last_name, full_name, phone, role, status, email_verified)
             VALUES (?1, 0, 0, 0, ?2, ?3, '', '', ?4, ?5, 'learner', 'active', 0)",
        )?;
        let mut change = transaction
            .prepare("INSERT INTO outbox (n, entity, row_id, op, at, columns, vals) VALUES (?1, 'users', ?2, 'put', 0, ?3, ?4)")?;
        let columns = json!(["user_name", "email", "full_name", "phone", "role"]).to_string();
        for number in 0..people {
            let [user_name, email, full_name, phone] = person(number);
            let id = id(1, 1_000_000 + number).to_string();
            row.execute(params![id, user_name, email, full_name, phone])?;
            change.execute(params![number as i64 + 1, id, columns, json!([user_name, email, full_name, phone, "learner"]).to_string()])?;
        }
    }
    transaction.commit()?;
    Ok(started.elapsed().as_secs_f64())
}
