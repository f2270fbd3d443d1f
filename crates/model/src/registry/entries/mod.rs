//! The tables, one file per part of the domain.

mod attendance;
mod progress;
mod sync;

use super::Entity;

/// Every registered table, parents before children.
pub static ALL: &[&Entity] = &[&progress::TOPIC_PROGRESS, &attendance::ATTENDANCE_RECORDS, &sync::CONFLICTS];
