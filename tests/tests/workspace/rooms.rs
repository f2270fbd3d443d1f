//! The rooms of the workspace: their permitted dependencies, and that README's map names each.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use waystation_tests::{Outcome, paths};

/// Permitted dependencies within the workspace. Nothing depends on the window, and nothing on the tests.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("waystation-model", &[]),
    ("waystation-client", &["waystation-model"]),
    ("waystation", &["waystation-client", "waystation-model"]),
    ("sync-server", &["waystation-model"]),
    ("waystation-sim", &["waystation-model", "waystation-client", "sync-server"]),
    ("waystation-tests", &["waystation-model", "waystation-client", "sync-server", "waystation-sim"]),
    ("xtask", &[]),
];

/// Crates that the model must not depend on: it has no I/O, no SQL, no runtime.
const NOT_IN_THE_MODEL: &[&str] = &["tokio", "sqlx", "rusqlite", "reqwest", "axum", "tauri"];

/// Dependencies of every member, without those of its tests.
fn dependencies() -> Outcome<BTreeMap<String, BTreeSet<String>>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let output = Command::new(cargo).args(arguments).current_dir(paths::root()).output()?;
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
    assert_eq!(members, MAY_DEPEND_ON.iter().map(|(name, _)| *name).collect(), "a new room needs a line above");
    for (name, may_depend_on) in MAY_DEPEND_ON {
        let known: Vec<&str> = dependencies[*name].iter().map(String::as_str).filter(|other| members.contains(other)).collect();
        let forbidden: Vec<&&str> = known.iter().filter(|other| !may_depend_on.contains(other)).collect();
        assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
    }
    Ok(())
}

#[test]
fn the_model_does_no_input_or_output() -> Outcome<()> {
    let dependencies = dependencies()?;
    for name in NOT_IN_THE_MODEL {
        assert!(!dependencies["waystation-model"].contains(*name), "the model must not depend on {name}");
    }
    assert!(dependencies["xtask"].is_empty(), "xtask is compiled first on a new machine and stays small");
    Ok(())
}

#[test]
fn the_readme_has_a_map_of_every_room() -> Outcome<()> {
    let readme = std::fs::read_to_string(paths::root().join("README.md"))?;
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
        assert!(paths::root().join(room).is_dir(), "{room} does not exist");
        assert!(readme.contains(&format!("`{room}`")), "README does not name {room}");
    }
    Ok(())
}

#[test]
fn the_readme_names_the_people_of_the_demonstration() -> Outcome<()> {
    let readme = std::fs::read_to_string(paths::root().join("README.md"))?;
    for (user_name, _, _) in waystation_tests::journey::DEMONSTRATION {
        assert!(readme.contains(&format!("`{user_name}`")), "README does not name {user_name}");
    }
    Ok(())
}
