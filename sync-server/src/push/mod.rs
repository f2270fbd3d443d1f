//! `POST /v1/sync/push`: what a device's mutations do to the authoritative rows.
//!
//! One transaction a request: the effects, every outcome, `last_n` and the chain commit together, so a mutation takes
//! effect exactly once however often it arrives.

mod conflicts;
mod constraints;
mod grades;
mod ledger;
mod rows;
mod sets;

use axum::Json;
use axum::extract::State;
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::chain;
use waystation_model::limits::{PUSH_BODY_BYTES_MAX, PUSH_MUTATIONS_MAX};
use waystation_model::wire::{Mutation, NumberedOutcome, Outcome, PushAnswer, PushRequest};
use waystation_model::{Code, Problem};

pub use constraints::Constraints;

use crate::access::subscription;
use crate::accounts::Session;
use crate::body::{Body, check_protocol};
use crate::database::{TRANSACTION_TRIES_MAX, commit};
use crate::failure::Failure;
use crate::state::App;
use ledger::Ledger;

/// The largest number of a mutation: the largest whole number that every JSON reader keeps exactly.
const NUMBER_MAX: i64 = (1 << 53) - 1;

/// Takes a device's mutations.
///
/// # Errors
/// What concerns the request as a whole; what concerns one mutation is its outcome.
#[utoipa::path(post, path = "/v1/sync/push", security(("access_token" = [])), request_body = PushRequest, responses((status = 200, body = PushAnswer), (status = 400, description = "Every error has this form; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn push(
    State(app): State<App>,
    session: Session,
    Body(request): Body<PushRequest, PUSH_BODY_BYTES_MAX>,
) -> Result<Json<PushAnswer>, Failure> {
    check_protocol(request.protocol)?;
    session.check_device(request.device)?;
    if request.epoch != app.epoch {
        return Err(Problem::new(Code::EpochChanged, "the server's epoch is another one: pull first").into());
    }
    if !(1..=NUMBER_MAX).contains(&request.first_n) {
        return Err(Problem::new(Code::BadRequest, "the first mutation is number 1").field("first_n").into());
    }
    let chain_before = read_chain(&request.chain)?;
    let (first_n, seen_n) = (request.first_n, request.seen_n);
    let mutations = request.into_mutations();
    if mutations.len() > PUSH_MUTATIONS_MAX {
        return Err(Problem::new(Code::TooManyMutations, format!("at most {PUSH_MUTATIONS_MAX} mutations in one push")).into());
    }
    let subscription = subscription(&app, session.user_id).await?;

    // First all sets without savepoints; when the database refuses anything, once more with them, to find the culprit.
    let mut careful = false;
    for _ in 0..TRANSACTION_TRIES_MAX {
        let attempt =
            Attempt { app: &app, session, actor: &subscription.actor, first_n, seen_n, chain_before, mutations: &mutations, careful };
        match attempt.run().await {
            Err(Failure::Database(sqlx::Error::Database(error))) if !careful && constraints::is_refusal(&*error) => careful = true,
            Err(failure) if failure.is_transient() => {}
            other => return other.map(Json),
        }
    }
    Err(Problem::new(Code::NotReady, "too many others write the same rows").into())
}

struct Attempt<'a> {
    app: &'a App,
    session: Session,
    actor: &'a Actor,
    first_n: i64,
    seen_n: i64,
    chain_before: chain::Chain,
    mutations: &'a [Mutation],
    careful: bool,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<PushAnswer, Failure> {
        let received_ms = self.app.now_ms();
        let mut transaction = self.app.pool.begin().await?;
        self.session.check_alive(&mut transaction).await?;
        let ledger = Ledger::lock(&mut transaction, self.session.device_id).await?;
        if self.first_n > ledger.last_n + 1 {
            return Err(Problem::new(Code::NumberGap, format!("the next number is {}", ledger.last_n + 1))
                .field((ledger.last_n + 1).to_string())
                .into());
        }
        let hashes: Vec<_> = self.mutations.iter().map(Mutation::content_hash).collect();
        let known = usize::try_from(ledger.last_n + 1 - self.first_n).unwrap_or(0).min(self.mutations.len());
        let mut outcomes = ledger.repeat(&mut transaction, self.first_n, &hashes[..known]).await?;
        let chain_there = hashes[..known].iter().fold(self.chain_before, |chain, hash| chain::extend(&chain, hash));
        let reaches_the_end = self.first_n + i64::try_from(known).unwrap_or(0) == ledger.last_n + 1;
        if reaches_the_end && !self.mutations.is_empty() && chain_there != ledger.chain {
            return Err(Problem::new(Code::ChainMismatch, "the chain before the first new number is not the server's").into());
        }

        let fresh = &self.mutations[known..];
        let mut chain = ledger.chain;
        for hash in &hashes[known..] {
            chain = chain::extend(&chain, hash);
        }
        let last_n = ledger.last_n + i64::try_from(fresh.len()).unwrap_or(0);
        let context = sets::Context {
            constraints: &self.app.constraints,
            actor: self.actor,
            device: self.session.device_id,
            received_ms,
            careful: self.careful,
        };
        let fresh_outcomes = sets::apply(&mut transaction, &context, fresh).await?;
        ledger.store(&mut transaction, ledger.last_n + 1, last_n, &chain, &hashes[known..], &fresh_outcomes, self.seen_n).await?;
        let moved = commit(transaction).await?;
        self.app.moved(moved);

        outcomes.extend(fresh_outcomes);
        Ok(PushAnswer { last_n, chain: hex::encode(chain), outcomes, server_time: self.app.now_ms() })
    }
}

fn read_chain(text: &str) -> Result<chain::Chain, Problem> {
    let mut bytes = chain::CHAIN_START;
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Problem::new(Code::BadRequest, "the chain must be 64 hex digits").field("chain"))?;
    Ok(bytes)
}

/// An outcome that refuses one mutation.
fn rejected(n: i64, problem: Problem) -> NumberedOutcome {
    NumberedOutcome {
        n,
        outcome: Outcome::Rejected {
            code: problem.code,
            field: problem.fields.into_iter().next(),
            message: problem.message,
            suggestion: None,
        },
    }
}

/// A row's id as this module passes it about.
type RowId = Uuid;
