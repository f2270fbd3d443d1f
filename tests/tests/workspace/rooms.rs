//! The rooms of the workspace: who may know whom, and that README's map names each.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use waystation_tests::{Outcome, places};

/// Who may depend on whom within the workspace. Nothing points at the window, and nothing at the tests.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("waystation-model", &[]),
    ("waystation-client", &["waystation-model"]),
    ("waystation", &["waystation-client", "waystation-model"]),
    ("sync-server", &["waystation-model"]),
    ("waystation-sim", &["waystation-model", "waystation-client", "sync-server"]),
    ("waystation-tests", &["waystation-model", "waystation-client", "sync-server", "waystation-sim"]),
    ("xtask", &[]),
];

/// What the rules of the model must do without: no I/O, no SQL, no runtime.
const NOT_IN_THE_MODEL: &[&str] = &["tokio", "sqlx", "rusqlite", "reqwest", "axum", "tauri"];

/// Dependencies of every member, those of its tests left out.
fn dependencies() -> Outcome<BTreeMap<String, BTreeSet<String>>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let output = Command::new(cargo).args(arguments).current_dir(places::root()).output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().into_iter().flatten();
        all.filter(|dependency| dependency["kind"].as_str() != Some("dev")).map(|dependency| text(&dependency["name"])).collect()
    };
    Ok(packages.iter().map(|package| (text(&package["name"]), of(package))).collect())
}

#[test]
fn dependencies_point_one_way() -> Outcome<()> {
    let dependencies = dependencies()?;
    let members: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(members, MAY_KNOW.iter().map(|(name, _)| *name).collect(), "a new room needs a line above");
    for (name, may_know) in MAY_KNOW {
        let known: Vec<&str> = dependencies[*name].iter().map(String::as_str).filter(|other| members.contains(other)).collect();
        let forbidden: Vec<&&str> = known.iter().filter(|other| !may_know.contains(other)).collect();
        assert!(forbidden.is_empty(), "{name} must not know {forbidden:?}");
    }
    Ok(())
}

#[test]
fn the_model_does_without_input_and_output() -> Outcome<()> {
    let dependencies = dependencies()?;
    for name in NOT_IN_THE_MODEL {
        assert!(!dependencies["waystation-model"].contains(*name), "the model must not know {name}");
    }
    assert!(dependencies["xtask"].is_empty(), "xtask is the first thing that a newcomer's machine compiles");
    Ok(())
}

#[test]
fn the_readme_has_a_map_of_every_room() -> Outcome<()> {
    let readme = std::fs::read_to_string(places::root().join("README.md"))?;
    let rooms = [
        "crates/model",
        "crates/client",
        "src-tauri",
        "ui",
        "sync-server",
        "sim",
        "migrations/client",
        "migrations/server",
        "tests",
        "xtask",
        "docs",
    ];
    for room in rooms {
        assert!(places::root().join(room).is_dir(), "{room} is gone");
        assert!(readme.contains(&format!("`{room}`")), "README does not name {room}");
    }
    Ok(())
}

#[test]
fn the_readme_names_the_people_of_the_demonstration() -> Outcome<()> {
    let readme = std::fs::read_to_string(places::root().join("README.md"))?;
    for (user_name, _, _) in waystation_tests::journey::DEMONSTRATION {
        assert!(readme.contains(&format!("`{user_name}`")), "README does not name {user_name}");
    }
    Ok(())
}
