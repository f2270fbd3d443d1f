//! The only interface for front ends: a name, arguments as JSON, an answer as JSON or a [`Problem`].
//!
//! The window calls [`call`] and nothing else; tests call it the same way. The TypeScript of every command is generated
//! from the same list.

use serde_json::Value;
use waystation_model::{Code, Problem};

use crate::app::App;
use crate::view_models::*;

macro_rules! commands {
    ($( $(#[doc = $doc:literal])* $name:ident ( $arguments:ty ) -> $answer:ty; )*) => {
        /// Answers one command of the window.
        ///
        /// # Errors
        /// The command's own refusals; `bad_request` for an unknown command or for arguments of another shape.
        pub async fn call(app: &App, name: &str, arguments: Value) -> Result<Value, Problem> {
            match name {
                $( stringify!($name) => {
                    let arguments: $arguments = serde_json::from_value(arguments)
                        .map_err(|error| Problem::new(Code::BadRequest, format!("{name}: {error}")))?;
                    let answer: $answer = app.$name(arguments).await?;
                    serde_json::to_value(answer).map_err(|error| Problem::new(Code::Internal, format!("{name}: {error}")))
                } )*
                _ => Err(Problem::new(Code::BadRequest, format!("no command {name}"))),
            }
        }

        /// The TypeScript interface that names every command with its arguments and its answer.
        pub fn typescript(config: &ts_rs::Config) -> String {
            let mut text = String::from("/** Every command of the window. */\nexport interface Commands {\n");
            $(
                $( text.push_str(&format!("  /** {} */\n", $doc.trim())); )*
                text.push_str(&format!("  {}: {{ arguments: {}; answer: {} }};\n", stringify!($name),
                    <$arguments as ts_rs::TS>::name(config), <$answer as ts_rs::TS>::name(config)));
            )*
            text.push_str("}\n");
            text
        }
    };
}

commands! {
    /// The people on this laptop, and the window's settings.
    start(Nothing) -> Start;
    /// Signs in with the server.
    sign_in(SignIn) -> Person;
    /// Asks the server whom a one-time code invites.
    look_at_code(LookAtCode) -> Invitee;
    /// Signs in with a one-time code and chooses a password.
    sign_in_with_code(SignInWithCode) -> Person;
    /// Stops waiting for the server's answer to a sign-in or to a code.
    cancel_sign_in(Nothing) -> Nothing;
    /// Unlocks without the server.
    unlock(Unlock) -> Person;
    /// Locks; nothing is deleted.
    lock(Nothing) -> Nothing;
    /// Ends the session at the server and locks. The data and the unsent changes stay on this laptop.
    sign_out(Nothing) -> Nothing;
    /// Changes theme, language and zoom.
    set_look(Look) -> Look;
    /// The person's own profile.
    profile(Nothing) -> Profile;
    /// Changes the person's own profile.
    edit_profile(Profile) -> Profile;

    /// Changes the person's own password. Needs the server.
    change_password(ChangePassword) -> Nothing;
    /// Where the person is signed in. Needs the server.
    own_sessions(Nothing) -> Vec<OwnSession>;
    /// Signs the person out on another laptop. Needs the server.
    end_session(ById) -> Nothing;
    /// Signs the person out on every other laptop. Needs the server.
    end_other_sessions(Nothing) -> Nothing;
    /// Makes one-time codes for people. For administrators; needs the server.
    invite(Invite) -> NewInvitations;
    /// A person's invitations, the newest first. For administrators; needs the server.
    invitations_of(ById) -> Vec<Invitation>;
    /// Revokes an invitation. For administrators; needs the server.
    revoke_invitation(ById) -> Nothing;

    /// The chip's state.
    sync_status(Nothing) -> SyncStatus;
    /// Syncs now, also when a back-off would wait.
    sync_now(Nothing) -> SyncStatus;
    /// The Sync centre.
    sync_centre(Nothing) -> SyncCentre;
    /// Sends a refused change again, corrected.
    send_again(SendAgain) -> Nothing;
    /// Discards a refused change.
    discard(ByNumber) -> Nothing;
    /// Writes all refused and unsent changes to a file.
    export_changes(Nothing) -> WrittenFile;
    /// Settles a conflict.
    settle(Settle) -> Nothing;
    /// Accepts or refuses a held change.
    decide_held(DecideHeld) -> Nothing;
    /// Accepts or refuses a row that the server has lost.
    decide_offered(DecideHeld) -> Nothing;

    /// The home screen.
    home(Nothing) -> Home;
    /// A course with its contents.
    course(ById) -> Course;
    /// Changes a course's card.
    edit_course(EditCourse) -> Course;
    /// The learners of a course.
    course_learners(ById) -> CourseLearners;
    /// A topic, opened.
    topic(ById) -> Topic;
    /// Marks a topic done or not done.
    mark_topic(MarkTopic) -> Topic;
    /// Stores the reading or playing position in a file.
    note_position(NotePosition) -> Nothing;

    /// Fetches every file of a course.
    download_course(ById) -> Downloads;
    /// Fetches the files of one topic.
    download_topic(ById) -> Downloads;
    /// All downloads.
    downloads(Nothing) -> Downloads;
    /// Pauses downloads until they are resumed.
    pause_downloads(Nothing) -> Downloads;
    /// Resumes downloads, failed ones too.
    resume_downloads(Nothing) -> Downloads;
    /// Removes those files of a course from this laptop that no other course needs.
    remove_downloads(ById) -> Downloads;

    /// Begins a test or continues the unfinished attempt.
    start_attempt(StartAttempt) -> Attempt;
    /// An attempt, opened.
    attempt(ById) -> Attempt;
    /// Stores one answer.
    answer(Answer) -> Nothing;
    /// Hands a test in.
    hand_in(ById) -> Attempt;

    /// Groups that this person teaches.
    groups(Nothing) -> Vec<GroupCard>;
    /// A part of the attendance grid.
    grid(GridRange) -> Grid;
    /// Sets marks.
    set_marks(SetMarks) -> Nothing;
    /// A group's learners by their points for coding tasks.
    coding_ranking(ById) -> CodingRanking;

    /// Opens a person's page: an administrator's laptop follows that person's rows from now on.
    open_person(ById) -> PersonPage;
    /// A person's page, read again.
    person_page(ById) -> PersonPage;
    /// Keeps a followed person's rows on this laptop, however many others are opened, or no longer.
    pin_person(PinPerson) -> PersonPage;
    /// Lets a followed person go: their rows leave this laptop.
    let_go_of_person(ById) -> Nothing;

    /// Stations of the organization.
    stations(Nothing) -> Vec<StationCard>;
    /// A station with everything that belongs to it.
    station(ById) -> Station;

    /// Tables that this person may see, with their columns.
    tables(Nothing) -> Vec<RecordTable>;
    /// A page of a table's rows.
    records(RecordsQuery) -> RecordPage;
    /// A row, opened.
    record(RowOf) -> OpenedRecord;
    /// Rows that a reference may name.
    find_references(FindReferences) -> Vec<Named>;
    /// Makes and changes rows, all or none.
    save_records(SaveRecords) -> SavedRecords;
    /// Deletes rows and what goes with them, all or none.
    remove_records(RowsNamed) -> SavedRecords;
    /// Takes back what a save or a delete did.
    undo_records(UndoRecords) -> SavedRecords;
    /// What happened to a row, from the server's audit log.
    record_history(HistoryOf) -> RecordHistory;
    /// Writes a list to a file.
    export_records(ExportRecords) -> WrittenFile;
    /// What a file contains, and which columns it fills.
    read_import(ReadImport) -> ImportFile;
    /// Imports a file, all or nothing, or says what that would do.
    import_records(ImportRecords) -> ImportReport;

    /// Which other rows a delete removes or clears, to show before it is done.
    deletion(RowOf) -> Deletion;
}
