//! The tables, one file per part of the domain.

mod accounts;
mod announcements;
mod assessments;
mod assignments;
mod attendance;
mod certificates;
mod coding;
mod content;
mod courses;
mod departments;
mod groups;
mod money;
mod paths;
mod people;
mod progress;
mod sessions;
mod stations;
mod sync;

use super::Entity;

/// Every registered table, parents before children.
pub static ALL: &[&Entity] = &[
    &accounts::ORGANIZATIONS,
    &stations::STATIONS,
    &stations::STATION_GAS_SUPPLY_SOURCES,
    &stations::STATION_EQUIPMENT,
    &stations::STATION_SPECIFICATIONS,
    &stations::STATION_SAFETY_SYSTEMS,
    &stations::STATION_SAFETY_SYSTEM_FEATURES,
    &departments::DEPARTMENTS,
    &accounts::USERS,
    &accounts::STAFF_CARDS,
    &people::USER_PROFILES,
    &people::STUDENT_PROFILES,
    &people::STUDENT_NOTES,
    &people::PARENT_PROFILES,
    &people::TEACHER_PROFILES,
    &people::GUARDIAN_LINKS,
    &groups::GROUPS,
    &groups::GROUP_MEMBERSHIPS,
    &groups::GROUP_MEMBERSHIP_PERIODS,
    &certificates::CERTIFICATE_TEMPLATES,
    &certificates::BADGES,
    &courses::COURSES,
    &courses::COURSE_FACTS,
    &paths::COURSE_PREREQUISITES,
    &courses::MODULES,
    &courses::TOPICS,
    &content::MEDIA_ASSETS,
    &content::CONTENT_ITEMS,
    &assessments::ASSESSMENTS,
    &assessments::QUESTIONS,
    &assessments::QUESTION_OPTIONS,
    &assessments::ANSWER_KEYS,
    &assignments::ASSESSMENT_ASSIGNMENTS,
    &paths::LEARNING_PATHS,
    &paths::PATH_STEPS,
    &progress::ENROLLMENTS,
    &assessments::ASSESSMENT_ATTEMPTS,
    &progress::TOPIC_PROGRESS,
    &progress::CONTENT_PROGRESS,
    &assignments::ASSIGNMENTS,
    &assignments::ASSIGNMENT_SUBMISSIONS,
    &certificates::CERTIFICATES,
    &certificates::USER_BADGES,
    &sessions::TRAINING_SESSIONS,
    &sessions::SESSION_ATTENDANCES,
    &attendance::ATTENDANCE_RECORDS,
    &money::PAYMENTS,
    &money::SUBSCRIPTION_PLANS,
    &money::PURCHASES,
    &money::SUBSCRIPTIONS,
    &announcements::ANNOUNCEMENTS,
    &announcements::MESSAGES,
    &coding::CODING_TOPICS,
    &coding::CODING_TASKS,
    &coding::CODING_TEST_CASES,
    &coding::CODING_SUBMISSIONS,
    &sync::DEVICES,
    &sync::CONFLICTS,
    &sync::HELD_CHANGES,
    &sync::OFFERED_ROWS,
];
