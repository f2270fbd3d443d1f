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
use crate::authority::{Authority, Writing};
use crate::body::{Body, check_protocol};
use crate::database::TRANSACTION_TRIES_MAX;
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
    let batch = Batch::read(request, app.epoch)?;
    let subscription = subscription(&app, session.user_id).await?;
    let (answer, moved) = batch.take(&app.pool, &app.constraints, session, &subscription.actor).await?;
    app.moved(moved);
    Ok(Json(answer))
}

/// A push that is well formed.
pub struct Batch {
    first_n: i64,
    seen_n: i64,
    chain_before: chain::Chain,
    mutations: Vec<Mutation>,
}

impl Batch {
    /// Reads a request.
    ///
    /// # Errors
    /// What concerns the request as a whole.
    pub fn read(request: PushRequest, epoch: i64) -> Result<Batch, Problem> {
        if request.epoch != epoch {
            return Err(Problem::new(Code::EpochChanged, "the server's epoch is another one: pull first"));
        }
        if !(1..=NUMBER_MAX).contains(&request.first_n) {
            return Err(Problem::new(Code::BadRequest, "the first mutation is number 1").field("first_n"));
        }
        let chain_before = read_chain(&request.chain)?;
        let (first_n, seen_n) = (request.first_n, request.seen_n);
        let mutations = request.into_mutations();
        if mutations.len() > PUSH_MUTATIONS_MAX {
            return Err(Problem::new(Code::TooManyMutations, format!("at most {PUSH_MUTATIONS_MAX} mutations in one push")));
        }
        Ok(Batch { first_n, seen_n, chain_before, mutations })
    }

    /// Applies it, all in one transaction. Returns the answer and the heads that moved.
    ///
    /// # Errors
    /// What concerns the request as a whole; what concerns one mutation is its outcome.
    pub async fn take<A: Authority>(
        &self,
        authority: &A,
        constraints: &Constraints,
        session: Session,
        actor: &Actor,
    ) -> Result<(PushAnswer, Vec<(String, i64)>), Failure> {
        // First all sets without savepoints; when the database refuses anything, once more with them, to find the culprit.
        let mut careful = false;
        for _ in 0..TRANSACTION_TRIES_MAX {
            let attempt = Attempt { authority, constraints, session, actor, batch: self, careful };
            match attempt.run().await {
                Err(failure) if !careful && failure.refusal().is_some() => careful = true,
                Err(failure) if failure.is_transient() => {}
                other => return other,
            }
        }
        Err(Problem::new(Code::NotReady, "too many others write the same rows").into())
    }
}

struct Attempt<'a, A> {
    authority: &'a A,
    constraints: &'a Constraints,
    session: Session,
    actor: &'a Actor,
    batch: &'a Batch,
    careful: bool,
}

impl<A: Authority> Attempt<'_, A> {
    async fn run(&self) -> Result<(PushAnswer, Vec<(String, i64)>), Failure> {
        let Batch { first_n, seen_n, chain_before, mutations } = self.batch;
        let received_ms = self.authority.now_ms();
        let mut rows = self.authority.write().await?;
        rows.check_alive(&self.session).await?;
        let ledger = Ledger::lock(&mut rows, self.session.device_id).await?;
        if *first_n > ledger.last_n + 1 {
            return Err(Problem::new(Code::NumberGap, format!("the next number is {}", ledger.last_n + 1))
                .field((ledger.last_n + 1).to_string())
                .into());
        }
        let hashes: Vec<_> = mutations.iter().map(Mutation::content_hash).collect();
        let known = usize::try_from(ledger.last_n + 1 - first_n).unwrap_or(0).min(mutations.len());
        let mut outcomes = ledger.repeat(&mut rows, *first_n, &hashes[..known]).await?;
        let chain_there = hashes[..known].iter().fold(*chain_before, |chain, hash| chain::extend(&chain, hash));
        let reaches_the_end = first_n + i64::try_from(known).unwrap_or(0) == ledger.last_n + 1;
        if reaches_the_end && !mutations.is_empty() && chain_there != ledger.chain {
            return Err(Problem::new(Code::ChainMismatch, "the chain before the first new number is not the server's").into());
        }

        let fresh = &mutations[known..];
        let chain = hashes[known..].iter().fold(ledger.chain, |chain, hash| chain::extend(&chain, hash));
        let context = sets::Context {
            constraints: self.constraints,
            actor: self.actor,
            device: self.session.device_id,
            received_ms,
            careful: self.careful,
        };
        let fresh_outcomes = sets::apply(&mut rows, &context, fresh).await?;
        let last_n = ledger.store(&mut rows, &chain, &hashes[known..], &fresh_outcomes, *seen_n).await?;
        let moved = rows.stand().await?;

        outcomes.extend(fresh_outcomes);
        Ok((PushAnswer { last_n, chain: hex::encode(chain), outcomes, server_time: self.authority.now_ms() }, moved))
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
