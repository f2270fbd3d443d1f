//! The demonstration's files, as types.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

/// The parsed content of the folder.
pub struct Source {
    /// `organization.json`
    pub organization: OrganizationFile,
    /// `courses.json`
    pub courses: Vec<CourseSource>,
}

impl Source {
    /// Reads the folder.
    pub fn read(folder: &Path) -> Result<Source, Failure> {
        Ok(Source { organization: read(folder, "organization.json")?, courses: read::<CoursesFile>(folder, "courses.json")?.courses })
    }
}

fn read<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> Result<T, Failure> {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::broken(format!("{}: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| Failure::broken(format!("{}: {error}", path.display())))
}

#[derive(Deserialize)]
struct CoursesFile {
    courses: Vec<CourseSource>,
}

/// One course with everything in it.
#[derive(Deserialize)]
pub struct CourseSource {
    pub slug: String,
    pub language: String,
    pub code: String,
    pub title: String,
    pub description: String,
    pub level: String,
    pub estimated_seconds: i64,
    pub tags: Vec<String>,
    pub learning_outcomes: Vec<String>,
    pub requirements: Vec<String>,
    pub target_audience: Vec<String>,
    pub modules: Vec<ModuleSource>,
    pub final_test: TestSource,
}

#[derive(Deserialize)]
pub struct ModuleSource {
    pub title: String,
    pub description: String,
    pub topics: Vec<TopicSource>,
    pub lesson_test: TestSource,
}

#[derive(Deserialize)]
pub struct TopicSource {
    pub title: String,
    pub description: String,
    pub items: Vec<ItemSource>,
}

#[derive(Deserialize)]
pub struct ItemSource {
    pub role: String,
    pub kind: String,
    pub title: String,
    pub file: String,
    pub sha256: String,
    pub size_bytes: i64,
    pub pages: Option<i64>,
    pub duration_seconds: Option<f64>,
}

#[derive(Deserialize)]
pub struct TestSource {
    pub title: String,
    pub passing_percent: f64,
    pub time_limit_seconds: Option<i64>,
    pub questions: Vec<QuestionSource>,
}

#[derive(Deserialize)]
pub struct QuestionSource {
    #[serde(rename = "type")]
    pub question_type: String,
    pub text: String,
    pub points: f64,
    pub explanation: String,
    #[serde(default)]
    pub options: Vec<OptionSource>,
    pub answer: Option<f64>,
    pub tolerance: Option<f64>,
    #[serde(default)]
    pub accepted: Vec<String>,
}

#[derive(Deserialize)]
pub struct OptionSource {
    pub text: String,
    pub correct: bool,
}

#[derive(Deserialize)]
pub struct OrganizationFile {
    pub organization: OrganizationSource,
    pub stations: Vec<StationSource>,
    pub school: SchoolSource,
    pub people: Vec<PersonSource>,
}

#[derive(Deserialize)]
pub struct OrganizationSource {
    pub name: String,
    pub slug: String,
    pub description: String,
    pub default_language: String,
    pub time_zone: String,
    pub currency: String,
}

#[derive(Deserialize)]
pub struct StationSource {
    pub code: String,
    pub name: String,
    pub brand: String,
    pub region: String,
    pub address: String,
    pub phone: String,
    pub email: String,
    pub latitude: f64,
    pub longitude: f64,
    pub description: String,
    pub opened_on: String,
    pub opening_hours: String,
    pub gas_supply_sources: Vec<Value>,
    pub equipment: Vec<Value>,
    pub specifications: Vec<Value>,
    pub safety_systems: Vec<SafetySystemSource>,
}

#[derive(Deserialize)]
pub struct SafetySystemSource {
    pub name: String,
    pub kind: String,
    pub description: String,
    pub features: Vec<String>,
}

#[derive(Deserialize)]
pub struct SchoolSource {
    pub groups: Vec<GroupSource>,
}

#[derive(Deserialize)]
pub struct GroupSource {
    pub code: String,
    pub days_of_week: Vec<u8>,
    pub start_time: String,
    pub teacher: String,
    pub room: String,
    pub course: Option<String>,
    pub members: Vec<String>,
}

#[derive(Deserialize)]
pub struct PersonSource {
    pub user_name: String,
    pub full_name: String,
    pub email: String,
    pub role: String,
    pub language: String,
    pub title: Option<String>,
    pub station: Option<String>,
    #[serde(default)]
    pub enrolled_in: Vec<String>,
    #[serde(default)]
    pub instructor_of: Vec<String>,
    #[serde(default)]
    pub children: Vec<String>,
}
