//! Generates the TypeScript of all view models and commands from the Rust types.

use ts_rs::{Config, TS};
use waystation_model::access::Role;
use waystation_model::{Code, Problem};

use crate::commands;
use crate::records;
use crate::screens::{attention, station};
use crate::view_models::*;

/// The whole text of `ui/src/shared/desktop/generated.ts`.
pub fn typescript() -> String {
    // Every large integer here fits a JavaScript number exactly, because the registry limits them to 2^53.
    let config = Config::default().with_large_int("number");
    let mut text = String::from("// Generated from the Rust types by `cargo xtask generate`. Do not edit.\n\n");
    macro_rules! declare {
        ($($name:ty),* $(,)?) => { $( text.push_str(&format!("export {}\n\n", <$name as TS>::decl(&config))); )* };
    }
    declare!(
        Role,
        RecordTable,
        RecordColumn,
        RecordKind,
        RelatedTable,
        Comparison,
        Condition,
        SortBy,
        RecordsQuery,
        RecordPage,
        RecordRow,
        OpenedRecord,
        SaveRecords,
        SaveRecord,
        RowsNamed,
        SavedRecords,
        UndoRecords,
        HistoryOf,
        RecordHistory,
        HistoryChange,
        FindReferences,
        Named,
        FileFormat,
        ValueWords,
        ExportRecords,
        ReadImport,
        ImportFile,
        ImportColumn,
        ImportRecords,
        ImportReport,
        ImportFate,
        ImportLine,
        ImportChange,
        ImportProblem,
        Code,
        Problem,
        Start,
        DemonstrationPerson,
        PersonTile,
        Person,
        SignIn,
        LookAtCode,
        Invitee,
        SignInWithCode,
        ChangePassword,
        OwnSession,
        Invite,
        NewInvitations,
        NewInvitation,
        Invitation,
        Unlock,
        Look,
        Theme,
        Profile,
        SyncStatus,
        SyncCentre,
        WaitingChange,
        AttentionItem,
        AttentionField,
        SendAgain,
        ByNumber,
        WrittenFile,
        MergedItem,
        Repair,
        ConflictItem,
        ConflictSide,
        Settle,
        HeldItem,
        HeldField,
        DecideHeld,
        Event,
        Home,
        FirstSteps,
        GoOn,
        ChildCard,
        LessonMark,
        CourseCard,
        Course,
        CourseFact,
        CourseModule,
        TopicCard,
        ContentLock,
        Progress,
        PersonRecord,
        AttendanceTotals,
        BalanceRow,
        CertificateCard,
        BadgeCard,
        CodingRanking,
        RankedLearner,
        PersonStanding,
        PersonPage,
        PersonMark,
        PersonPayment,
        PinPerson,
        AssessmentCard,
        Topic,
        ContentItem,
        MarkTopic,
        NotePosition,
        EditCourse,
        Downloads,
        Download,
        CourseLearners,
        LearnerColumn,
        LearnerRow,
        AttemptCard,
        Attempt,
        Question,
        QuestionOption,
        RightAnswer,
        StartAttempt,
        Answer,
        GroupCard,
        GroupNews,
        MissingStudent,
        GridRange,
        Grid,
        GridStudent,
        GridCell,
        SetMarks,
        SetMark,
        StationCard,
        Station,
        Particular,
        StationPart,
        RowOf,
        Deletion,
        RowsOf,
        Nothing,
        ById
    );
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    // Lists of the words that the screens must translate, for the test that each has a translation.
    text.push_str(&list("Every code.", "CODES", "Code", &codes));
    text.push_str(&list("Every column that a card about a change shows.", "SHOWN_COLUMNS", "string", &attention::shown_columns()));
    text.push_str(&list("Every table that such a card names.", "SHOWN_ENTITIES", "string", &attention::shown_entities()));
    text.push_str(&list(
        "Every word that such a card shows of a column with a choice.",
        "SHOWN_CHOICES",
        "string",
        &attention::shown_choices(),
    ));
    text.push_str(&list("Every name of a station's particular.", "PARTICULAR_NAMES", "string", &station::particular_names()));
    text.push_str(&list("Every state of a station or of a part of it.", "STATION_STATES", "string", &station::states()));
    text.push_str(&list("Every table whose rows are listed.", "RECORD_TABLES", "string", &records::listed_tables()));
    text.push_str(&list("Every column of such a table.", "RECORD_COLUMNS", "string", &records::listed_columns()));
    text.push_str(&list("Every word of a choice in such a table.", "RECORD_CHOICES", "string", &records::listed_choices()));
    text.push_str(&commands::typescript(&config));
    text
}

fn list(what: &str, name: &str, of: &str, words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("  \"{word}\"")).collect();
    format!("/** {what} */\nexport const {name}: readonly {of}[] = [\n{}\n];\n\n", words.join(",\n"))
}
