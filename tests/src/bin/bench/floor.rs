//! The floors: the same rows, written by the fastest method that the database has.

use std::time::Instant;

use sqlx::{Connection, PgConnection};
use waystation_tests::Outcome;

use waystation_tests::crowd::{Progress, organization};

/// Copies the same rows with all triggers, so that they enter their feeds. Not timed.
pub async fn copy_with_triggers(connection: &mut PgConnection, rows: &[Progress]) -> Outcome<()> {
    for part in rows.chunks(5_000) {
        let (mut users, mut topics, mut courses, mut watched, mut completed, mut spent) = (vec![], vec![], vec![], vec![], vec![], vec![]);
        for row in part {
            users.push(row.user);
            topics.push(row.topic);
            courses.push(row.course);
            watched.push(row.seconds_watched);
            completed.push(row.completed_at);
            spent.push(row.time_spent_seconds);
        }
        sqlx::query(
            "INSERT INTO topic_progress (organization_id, user_id, topic_id, course_id, completed, percent, seconds_watched, completed_at, time_spent_seconds) \
             SELECT $1, r.u, r.t, r.c, true, 100, r.w, to_timestamp(r.d / 1000.0), r.s FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[]) AS r(u, t, c, w, d, s)",
        )
        .bind(organization())
        .bind(users)
        .bind(topics)
        .bind(courses)
        .bind(watched)
        .bind(completed)
        .bind(spent)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// `COPY` into a temporary table and one `INSERT … ON CONFLICT DO UPDATE`, without triggers. Returns seconds.
pub async fn copy_and_insert(connection: &mut PgConnection, rows: &[Progress]) -> Outcome<f64> {
    let text: String = rows
        .iter()
        .map(|row| {
            format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                row.row_id(),
                organization(),
                row.user,
                row.topic,
                row.course,
                row.seconds_watched,
                row.completed_at,
                row.time_spent_seconds
            )
        })
        .collect();
    let started = Instant::now();
    let mut transaction = connection.begin().await?;
    sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *transaction).await?;
    sqlx::query("CREATE TEMP TABLE incoming (id uuid, organization_id uuid, user_id uuid, topic_id uuid, course_id uuid, seconds_watched bigint, completed_at bigint, time_spent_seconds bigint) ON COMMIT DROP")
        .execute(&mut *transaction)
        .await?;
    let mut copy = transaction.copy_in_raw("COPY incoming FROM STDIN").await?;
    copy.send(text.as_bytes()).await?;
    copy.finish().await?;
    sqlx::query(
        "INSERT INTO topic_progress (id, organization_id, created_at, updated_at, stamp, user_id, topic_id, course_id, reset_number, completed, percent, seconds_watched, completed_at, time_spent_seconds) \
         SELECT id, organization_id, now(), now(), 1, user_id, topic_id, course_id, 0, true, 100, seconds_watched, to_timestamp(completed_at / 1000.0), time_spent_seconds FROM incoming \
         ON CONFLICT (id) DO UPDATE SET completed = excluded.completed, percent = excluded.percent, seconds_watched = excluded.seconds_watched, completed_at = excluded.completed_at, time_spent_seconds = excluded.time_spent_seconds",
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(started.elapsed().as_secs_f64())
}
