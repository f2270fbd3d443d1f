//! The table `visitors`, made by the seven files of `cargo xtask new-table` alone. `cargo xtask new-table --try` puts this file into
//! a copy of the workspace that has the table, and runs it there: no other workspace has it.

use serde_json::{Value, json};
use waystation_model::registry;
use waystation_sim::authority::table;
use waystation_sim::faults::Faults;
use waystation_sim::run::Size;
use waystation_sim::steps::{EVERY_TABLE_FROM, history};
use waystation_sim::world::World;
use waystation_tests::Outcome;
use waystation_tests::laptop::Laptop;
use waystation_tests::program::Program;
use waystation_tests::school::open;

/// Histories that are played until one of them has made a visitor.
const SEEDS_MAX: u64 = 300;

fn labels(page: &Value) -> Vec<&str> {
    page["rows"].as_array().into_iter().flatten().filter_map(|row| row["label"].as_str()).collect()
}

#[tokio::test]
async fn a_new_table_syncs_between_two_laptops_and_is_listed_searched_opened_and_exported() -> Outcome<()> {
    let (server, mut school) = open().await?;
    school.person("admin", "boss").await?;
    school.person("learner", "aysel").await?;
    let (one, other) = (Laptop::of("boss", &server.url()).await?, Laptop::of("aysel", &server.url()).await?);

    // The form: what it asks for follows from the entry.
    let tables = one.call("tables", json!({})).await?;
    let described = tables.as_array().ok_or("a list")?.iter().find(|table| table["name"] == "visitors").ok_or("no visitors")?;
    assert_eq!((&described["may_insert"], &described["columns"][0]["name"]), (&json!(true), &json!("name")), "{described:#}");
    let row = |name: &str| json!({"table": "visitors", "rows": [{"id": null, "fields": {"name": name}}]});
    let refused = one.call("save_records", row("")).await.err().ok_or("an empty name is refused")?;
    assert_eq!(refused.fields, ["name"]);
    let saved = one.call("save_records", row("Əli")).await?;
    one.wait_until_synced().await?;

    // The list, the search and the pane of another laptop.
    let list = json!({"table": "visitors", "limit": 10});
    other.until("records", list.clone(), |page| labels(page) == ["Əli"]).await?;
    let search = |words: &str| json!({"table": "visitors", "limit": 10, "search": words});
    assert_eq!(labels(&other.call("records", search("eli")).await?), ["Əli"]);
    assert!(labels(&other.call("records", search("nobody")).await?).is_empty());
    let opened = other.call("record", json!({"entity": "visitors", "id": saved["ids"][0]})).await?;
    assert!(opened.to_string().contains("Əli"), "{opened:#}");
    let refused = other.call("save_records", row("Somebody")).await.err().ok_or("a learner makes no visitors")?;
    assert_eq!(refused.code.word(), "not_allowed");

    // Other programs.
    let program = Program::sign_in(&server.url(), "boss").await?;
    let listed = program.list("visitors", &[]).await?;
    assert_eq!(listed.iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["Əli"]);
    let made = program.make("visitors", json!({"name": "Zaur"})).await?;
    assert_eq!(made.status.as_u16(), 201, "{}", made.body);
    other.until("records", list, |page| page["total"] == 2).await?;

    // A file.
    let titles = json!(["Name"]);
    let query = json!({"table": "visitors"});
    let words = json!({"yes": "yes", "no": "no"});
    let export = json!({"query": query, "title": "Visitors", "columns": ["name"], "titles": titles, "words": words, "format": "csv"});
    let written = other.call("export_records", export).await?;
    let text = std::fs::read_to_string(written["path"].as_str().ok_or("a path")?)?;
    assert!(text.contains("Əli") && text.contains("Zaur"), "{text}");

    one.call("undo_records", json!({"undo": saved["undo"]})).await?;
    one.wait_until_synced().await?;
    assert_eq!(school.count("visitors").await?, 1);
    Ok(())
}

#[test]
fn the_simulator_plays_a_new_table() {
    let visitors = registry::entity("visitors").expect("the new table");
    let plays = |seed: u64| {
        let size = Size::default();
        let mut world = World::new(size.clients, seed, &Faults::default())?;
        for step in history(seed, size.steps) {
            world.step(step)?;
        }
        world.sync_all()?;
        world.check_final_state()?;
        Ok::<_, waystation_sim::faults::Finding>(world.servers.memory.state().rows(table(visitors.name)).count())
    };
    let made = (EVERY_TABLE_FROM..EVERY_TABLE_FROM + SEEDS_MAX).find(|seed| plays(*seed).expect("the history agrees") > 0);
    assert!(made.is_some(), "no history has made a visitor");
}
