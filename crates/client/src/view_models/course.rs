//! Courses, topics and their files.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The home screen of the unlocked person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Home {
    /// What an administrator of a new organization does first; none when all of it is done, for others, and before the first sync ended.
    pub first_steps: Option<FirstSteps>,
    /// Where a learner stopped last.
    pub go_on: Option<GoOn>,
    /// Courses that the person studies, the last used first.
    pub studying: Vec<CourseCard>,
    /// Courses that the person teaches.
    pub teaching: Vec<CourseCard>,
    /// Groups that the person teaches.
    pub groups: Vec<super::GroupCard>,
    /// What a teacher's groups need; empty for others.
    pub group_news: Vec<super::GroupNews>,
    /// Stations of the organization.
    pub stations: Vec<super::StationCard>,
    /// Recent results, the newest first; at most 10.
    pub results: Vec<super::AttemptCard>,
    /// A learner's own attendance, payments, certificates and badges.
    pub record: Option<super::PersonRecord>,
    /// Other people whose progress is followed: a parent's children.
    pub children: Vec<ChildCard>,
}

/// What a new organization needs first: whether each is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FirstSteps {
    /// Somebody besides the administrator.
    pub people: bool,
    /// A group.
    pub groups: bool,
    /// A station.
    pub stations: bool,
    /// A course.
    pub courses: bool,
}

/// Where a learner stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct GoOn {
    /// The course.
    pub course_id: String,
    /// Its title.
    pub course_title: String,
    /// The topic.
    pub topic_id: String,
    /// Its title.
    pub topic_title: String,
    /// An unfinished attempt, to continue instead.
    pub attempt_id: Option<String>,
    /// The title of its test.
    pub attempt_title: Option<String>,
    /// Seconds left for it at the time of the answer; none without a limit.
    #[ts(type = "number | null")]
    pub attempt_seconds_left: Option<i64>,
    /// The page where they stopped.
    pub page: Option<u32>,
    /// The second where they stopped.
    pub second: Option<u32>,
}

/// A parent's child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ChildCard {
    /// The child.
    pub user_id: String,
    /// Their name.
    pub full_name: String,
    /// Their courses with progress.
    pub courses: Vec<CourseCard>,
    /// Marks of the last 30 days: present, late, absent, excused.
    pub marks: [u32; 4],
    /// The lessons of these days that were not simply attended, the newest first.
    pub not_present: Vec<LessonMark>,
    /// Attendance, payments, certificates and badges.
    pub record: super::PersonRecord,
    /// Their latest results.
    pub results: Vec<super::AttemptCard>,
}

/// The mark of one lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LessonMark {
    /// The day.
    pub day: String,
    /// `late`, `absent` or `excused`.
    pub status: String,
    /// The teacher's note.
    pub note: String,
}

/// A course in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CourseCard {
    /// The course.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its code.
    pub course_code: String,
    /// `draft`, `published` or `archived`.
    pub status: String,
    /// The language it is written in.
    pub language: String,
    /// Topics done, by this person.
    pub topics_done: u32,
    /// Topics in all.
    pub topics_all: u32,
    /// When it is due.
    #[ts(type = "number | null")]
    pub due_at: Option<i64>,
    /// Bytes of its files on this laptop.
    #[ts(type = "number")]
    pub bytes_here: i64,
    /// Bytes of its files.
    #[ts(type = "number")]
    pub bytes_all: i64,
    /// Learners enrolled, for its instructor.
    pub learners: u32,
    /// Whether its contents are completely on this laptop.
    pub ready: bool,
}

/// A course with its contents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Course {
    /// The course's card.
    pub card: CourseCard,
    /// What it is about.
    pub description: String,
    /// `beginner`, `intermediate`, `advanced` or empty.
    pub level: String,
    /// How long it takes.
    #[ts(type = "number | null")]
    pub estimated_seconds: Option<i64>,
    /// Learning outcomes, requirements, target audience: kind and text, in order.
    pub facts: Vec<CourseFact>,
    /// The station it belongs to.
    pub station: Option<super::StationCard>,
    /// Its modules in order.
    pub modules: Vec<CourseModule>,
    /// This person's progress in required modules.
    pub progress: Progress,
    /// Tests of the course as a whole.
    pub assessments: Vec<AssessmentCard>,
    /// Whether this person may change it.
    pub may_edit: bool,
    /// Whether this person may see its learners.
    pub may_see_learners: bool,
    /// Whether this person studies it.
    pub studies: bool,
}

/// Progress in a course, counted in its required modules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Progress {
    /// Required modules that consist of something.
    pub modules: u32,
    /// Those of them that are completed.
    pub modules_completed: u32,
    /// From 0 to 100.
    pub percent: f64,
}

/// A fact about a course.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CourseFact {
    /// `learning_outcome`, `requirement` or `target_audience`.
    pub kind: String,
    /// The text.
    pub text: String,
}

/// A module of a course.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CourseModule {
    /// The module.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// This person's progress in percent: 0 to 100; none for a module that consists of nothing.
    pub percent: Option<f64>,
    /// Its topics in order.
    pub topics: Vec<TopicCard>,
    /// Its tests.
    pub assessments: Vec<AssessmentCard>,
}

/// A topic in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct TopicCard {
    /// The topic.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whether this person has done it.
    pub completed: bool,
    /// This person's progress in percent: 0 to 100.
    pub percent: u32,
    /// Why it is locked for this person; none when it is open.
    pub lock: Option<ContentLock>,
    /// Kinds of its items, such as `document`, `video`.
    pub kinds: Vec<String>,
    /// Bytes of its files.
    #[ts(type = "number")]
    pub bytes_all: i64,
    /// Bytes of its files on this laptop.
    #[ts(type = "number")]
    pub bytes_here: i64,
}

/// Why a topic or a test is locked, and what opens it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ContentLock {
    /// `payment`, `courses`, `modules`, `assessments`, `until`, `unreadable` or `topic`.
    pub kind: String,
    /// Titles of the courses, modules, tests or of the topic that have to be done first.
    pub titles: Vec<String>,
    /// The day on which it opens, for `until`.
    pub day: Option<String>,
}

/// A test in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AssessmentCard {
    /// The test.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `quiz`, `exam` or `assignment`.
    pub kind: String,
    /// How many questions.
    pub questions: u32,
    /// How long it may take.
    #[ts(type = "number | null")]
    pub time_limit_seconds: Option<i64>,
    /// Percent needed.
    pub passing_percent: f64,
    /// Attempts left; none when there is no limit.
    pub attempts_left: Option<u32>,
    /// Why it is locked for this person; none when it is open.
    pub lock: Option<ContentLock>,
    /// This person's attempts, the newest first.
    pub attempts: Vec<super::AttemptCard>,
    /// True when this laptop grades it at once, false when the server does.
    pub graded_here: bool,
}

/// A topic, opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Topic {
    /// The topic's card.
    pub card: TopicCard,
    /// What it is about.
    pub description: String,
    /// Its course.
    pub course_id: String,
    /// Its course's title.
    pub course_title: String,
    /// Its module's title.
    pub module_title: String,
    /// Its files and texts in order, the main PDF first. Empty while it is locked.
    pub items: Vec<ContentItem>,
    /// The topic before it.
    pub previous_id: Option<String>,
    /// The topic after it.
    pub next_id: Option<String>,
    /// Whether this person studies it, so that progress is kept.
    pub studies: bool,
}

/// One file or text of a topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ContentItem {
    /// The item.
    pub id: String,
    /// `video`, `document`, `text`, `link` or `quiz`.
    pub kind: String,
    /// `main_pdf`, `additional_video`, `additional_document` or empty.
    pub role: String,
    /// Its title.
    pub title: String,
    /// Text of a `text`, address of a `link`.
    pub text: String,
    /// The file's address at the media server, when the file is on this laptop. It changes with every start.
    pub url: Option<String>,
    /// Its file's type, such as `application/pdf`.
    pub media_type: String,
    /// Its file's size.
    #[ts(type = "number")]
    pub size_bytes: i64,
    /// How long it plays.
    #[ts(type = "number | null")]
    pub duration_seconds: Option<i64>,
    /// How many pages it has.
    pub pages: Option<u32>,
    /// The page where this person stopped.
    pub page: Option<u32>,
    /// The second where this person stopped.
    pub second: Option<u32>,
    /// Bytes on this laptop while it is fetched; none when it is not being fetched.
    #[ts(type = "number | null")]
    pub bytes_fetched: Option<i64>,
}

/// Marks a topic done or not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct MarkTopic {
    /// The topic.
    pub topic_id: String,
    /// True for done, false to reset it.
    pub completed: bool,
}

/// Stores the position in a file. The screen sends it while the person reads or watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct NotePosition {
    /// The item.
    pub content_item_id: String,
    /// The page, for a document.
    pub page: Option<u32>,
    /// The second, for a video.
    pub second: Option<u32>,
    /// Progress in percent: 0 to 100.
    pub percent: u32,
    /// Seconds spent since the last note.
    pub seconds_spent: u32,
}

/// Changes a course's card. Fields that are left out stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct EditCourse {
    /// The course.
    pub id: String,
    /// A new title.
    #[ts(optional)]
    pub title: Option<String>,
    /// A new description.
    #[ts(optional)]
    pub description: Option<String>,
    /// A new code.
    #[ts(optional)]
    pub course_code: Option<String>,
}

/// All downloads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, Default)]
pub struct Downloads {
    /// Whether the person paused them.
    pub paused: bool,
    /// The files that are being fetched, wait or have failed.
    pub items: Vec<Download>,
    /// Bytes of media on this laptop, of all people together.
    #[ts(type = "number")]
    pub bytes_here: i64,
    /// Bytes free on the disk.
    #[ts(type = "number")]
    pub bytes_free: i64,
}

/// One file to download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Download {
    /// The content item.
    pub content_item_id: String,
    /// The course.
    pub course_id: String,
    /// Its title.
    pub title: String,
    /// Its size.
    #[ts(type = "number")]
    pub size_bytes: i64,
    /// Bytes fetched so far.
    #[ts(type = "number")]
    pub bytes_fetched: i64,
    /// `waiting`, `fetching`, `failed`.
    pub state: String,
    /// Why it failed.
    pub problem: Option<waystation_model::Code>,
}

/// The learners of a course: a matrix of people and topics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CourseLearners {
    /// The course.
    pub course: CourseCard,
    /// Column heads: topics in order.
    pub topics: Vec<LearnerColumn>,
    /// Column heads: tests in order.
    pub assessments: Vec<LearnerColumn>,
    /// The people, by name.
    pub learners: Vec<LearnerRow>,
}

/// A column of the matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LearnerColumn {
    /// Topic or test.
    pub id: String,
    /// Its title.
    pub title: String,
}

/// One learner's row of the matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LearnerRow {
    /// The learner.
    pub user_id: String,
    /// Their name.
    pub display_name: String,
    /// `enrolled`, `in_progress`, `completed` or `dropped`.
    pub status: String,
    /// Percent per topic, in the columns' order; 100 is done.
    pub topics: Vec<u32>,
    /// Best attempt per test, in the columns' order.
    pub assessments: Vec<Option<super::AttemptCard>>,
    /// When they were last active in this course.
    #[ts(type = "number | null")]
    pub last_active_at: Option<i64>,
    /// Time spent in all.
    #[ts(type = "number")]
    pub time_spent_seconds: i64,
}
