//! The app without a window.

use waystation_model::{Code, Problem};

use crate::views::*;

/// The app without a window: people, store, sync, downloads and the commands on them.
pub struct App;

impl App {
    pub(crate) async fn start(&self, _arguments: Nothing) -> Result<Start, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn sign_in(&self, _arguments: SignIn) -> Result<Person, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn unlock(&self, _arguments: Unlock) -> Result<Person, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn lock(&self, _arguments: Nothing) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn sign_out(&self, _arguments: Nothing) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn set_look(&self, _arguments: Look) -> Result<Look, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn profile(&self, _arguments: Nothing) -> Result<Profile, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn edit_profile(&self, _arguments: Profile) -> Result<Profile, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn sync_status(&self, _arguments: Nothing) -> Result<SyncStatus, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn sync_now(&self, _arguments: Nothing) -> Result<SyncStatus, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn sync_centre(&self, _arguments: Nothing) -> Result<SyncCentre, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn send_again(&self, _arguments: SendAgain) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn discard(&self, _arguments: ByNumber) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn export_changes(&self, _arguments: Nothing) -> Result<WrittenFile, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn settle(&self, _arguments: Settle) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn home(&self, _arguments: Nothing) -> Result<Home, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn course(&self, _arguments: ById) -> Result<Course, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn edit_course(&self, _arguments: EditCourse) -> Result<Course, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn course_learners(&self, _arguments: ById) -> Result<CourseLearners, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn topic(&self, _arguments: ById) -> Result<Topic, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn mark_topic(&self, _arguments: MarkTopic) -> Result<Topic, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn note_position(&self, _arguments: NotePosition) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn download_course(&self, _arguments: ById) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn download_topic(&self, _arguments: ById) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn pause_downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn resume_downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn remove_downloads(&self, _arguments: ById) -> Result<Downloads, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn start_attempt(&self, _arguments: StartAttempt) -> Result<Attempt, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn attempt(&self, _arguments: ById) -> Result<Attempt, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn answer(&self, _arguments: Answer) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn hand_in(&self, _arguments: ById) -> Result<Attempt, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn groups(&self, _arguments: Nothing) -> Result<Vec<GroupCard>, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn grid(&self, _arguments: GridRange) -> Result<Grid, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn set_marks(&self, _arguments: SetMarks) -> Result<Nothing, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn stations(&self, _arguments: Nothing) -> Result<Vec<StationCard>, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
    pub(crate) async fn station(&self, _arguments: ById) -> Result<Station, Problem> {
        Err(Problem::new(Code::Locked, "nobody is unlocked"))
    }
}
