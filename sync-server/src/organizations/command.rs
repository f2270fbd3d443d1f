//! `sync-server organization …`: the arguments, and what is printed.

use std::fmt::Write as _;

use chrono::DateTime;
use clap::Subcommand;
use sqlx::PgPool;

use super::{NewOrganization, OrganizationError, add, list, rename, reset_password, resume, suspend};
use crate::accounts::MadeInvitation;

/// What to do with organizations.
#[derive(Debug, Subcommand)]
pub enum Organization {
    /// Makes an organization and its first administrator, and prints the one-time code with which that person signs in.
    Add(NewOrganization),
    /// Lists the organizations.
    List,
    /// Suspends an organization: its people cannot sign in or sync. Their laptops keep their work.
    Suspend {
        /// Its slug.
        #[arg(long)]
        slug: String,
    },
    /// Resumes a suspended organization.
    Resume {
        /// Its slug.
        #[arg(long)]
        slug: String,
    },
    /// Gives an organization another name or slug.
    #[command(group(clap::ArgGroup::new("change").required(true).multiple(true).args(["name", "new_slug"])))]
    Rename {
        /// Its slug.
        #[arg(long)]
        slug: String,
        /// The new name.
        #[arg(long)]
        name: Option<String>,
        /// The new slug.
        #[arg(long)]
        new_slug: Option<String>,
    },
    /// Makes a new one-time code for somebody who cannot sign in any more. Their old password stops working at once.
    ResetPassword {
        /// The organization's slug.
        #[arg(long)]
        slug: String,
        /// The person's user name or e-mail address.
        #[arg(long)]
        user_name: String,
    },
}

/// Runs a command and returns what it prints.
///
/// # Errors
/// Why the command was refused.
pub async fn run(pool: &PgPool, command: &Organization) -> Result<String, OrganizationError> {
    Ok(match command {
        Organization::Add(new) => {
            let invitation = add(pool, new).await?;
            format!("the organization {:?} is made\n{}", new.name.trim(), code_text(&invitation))
        }
        Organization::List => listed(&list(pool).await?),
        Organization::Suspend { slug } => {
            suspend(pool, slug).await?;
            format!("{slug} is suspended: its people cannot sign in or sync until `organization resume`\n")
        }
        Organization::Resume { slug } => {
            resume(pool, slug).await?;
            format!("{slug} is resumed\n")
        }
        Organization::Rename { slug, name, new_slug } => {
            rename(pool, slug, name.as_deref(), new_slug.as_deref()).await?;
            "the organization is renamed\n".to_owned()
        }
        Organization::ResetPassword { slug, user_name } => code_text(&reset_password(pool, slug, user_name).await?),
    })
}

fn code_text(invitation: &MadeInvitation) -> String {
    let until = DateTime::from_timestamp_millis(invitation.expires_at).unwrap_or_default().format("%Y-%m-%d %H:%M UTC");
    let signs_in = match &invitation.user_name {
        Some(name) => format!("signs in as {name}"),
        None => "chooses a user name with the code".to_owned(),
    };
    format!(
        "{}: {signs_in}\none-time code: {}\nIt is shown only here, works once, and until {until}. Enter it in Waystation with the address of this server.\n",
        invitation.full_name, invitation.code
    )
}

fn listed(organizations: &[super::Listed]) -> String {
    if organizations.is_empty() {
        return "there is no organization; `sync-server organization add` makes one\n".to_owned();
    }
    let width = organizations.iter().map(|organization| organization.slug.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!(
        "{:width$}  {:9}  {:>6}  {:>13}  {:20}  {:8}  name\n",
        "slug", "status", "people", "with password", "time zone", "currency"
    );
    for one in organizations {
        let _ = writeln!(
            text,
            "{:width$}  {:9}  {:>6}  {:>13}  {:20}  {:8}  {}",
            one.slug, one.status, one.people, one.with_password, one.time_zone, one.currency, one.name
        );
    }
    text
}
