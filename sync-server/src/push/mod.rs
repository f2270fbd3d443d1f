//! `POST /v1/sync/push`: applies a device's mutations to the authoritative rows.
//!
//! One transaction per request: the effects, every outcome, `last_n` and the chain commit together, so a mutation takes effect
//! exactly once however often it arrives.

mod change;
mod conflicts;
mod constraints;
mod decisions;
mod facts;
mod foreign;
mod grades;
mod held;
mod ledger;
mod offers;
mod rows;
mod sets;
pub mod single;

use axum::Json;
use axum::extract::State;
use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::chain;
use waystation_model::limits::{PUSH_BODY_BYTES_MAX, PUSH_MUTATIONS_MAX};
use waystation_model::wire::{Mutation, NumberedOutcome, Outcome, PushAnswer, PushRequest, Run};
use waystation_model::{Code, Problem, registry};

use crate::access::subscription;
use crate::accounts::{Session, Tokens};
use crate::authority::{Authority, Writing};
use crate::awards::{self, Touched};
use crate::body::RawBody;
use crate::database::TRANSACTION_TRIES_MAX;
use crate::epoch::LogPosition;
use crate::failure::Failure;
use crate::state::App;
use crate::uninterrupted::run_to_end;
use crate::witness::Witness;
use ledger::Ledger;

/// The longest name of a table or column in PostgreSQL, in bytes.
const NAME_BYTES_MAX: usize = 63;
/// The largest number of a mutation: the largest integer that every JSON reader represents exactly.
const NUMBER_MAX: i64 = (1 << 53) - 1;

/// Accepts a device's mutations.
///
/// # Errors
/// What concerns the request as a whole; what concerns one mutation is its outcome.
#[utoipa::path(post, path = "/v1/sync/push", security(("access_token" = [])), request_body = PushRequest, responses((status = 200, body = PushAnswer), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn push(State(app): State<App>, session: Session, body: RawBody<PUSH_BODY_BYTES_MAX>) -> Result<Json<PushAnswer>, Failure> {
    // The permit comes first: a parsed body takes many times its bytes, and a compressed one is small while it waits.
    let permit = app.tenant_queues.take(session.organization_id).await?;
    let mut request: PushRequest = body.read(app.protocols)?;
    let epoch = app.epoch.number();
    app.protocols.admit_push(&mut request, epoch)?;
    session.check_device(request.device)?;
    app.note_witness(&session, request.witness.as_deref()).await?;
    let batch = Batch::read(request, epoch)?;
    let (organization, touched) = (session.organization_id, Touched::by(&batch.mutations));
    // Detached, so that a commit is always announced, also when the client has disconnected.
    let answer = run_to_end(async move {
        let _permit = permit;
        let subscription = subscription(&app, &session).await?;
        let batch = batch.with_rights_at(subscription.rights_at);
        let device = session.device_id;
        let taken = batch.take(&app.tenant(session.organization_id), Some(&app.tokens), session, &subscription.actor).await;
        if let Err(Failure::EpochMoved) = taken {
            app.settle().await?;
        }
        let (answer, moved) = taken?;
        app.heads.cursor_cache.require_page(device);
        app.moved(moved);
        awards::after(&app, organization, touched);
        Ok(answer)
    });
    Ok(Json(answer.await?))
}

/// A push that is well formed.
pub struct Batch {
    epoch: i64,
    first_n: i64,
    seen_n: i64,
    chain_before: chain::Chain,
    mutations: Vec<Mutation>,
    rights_at: Option<i64>,
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
        // Checked before the mutations are built: all rows of a run share its names, so their number alone can be large.
        if request.mutations() > PUSH_MUTATIONS_MAX {
            return Err(Problem::new(Code::TooManyMutations, format!("at most {PUSH_MUTATIONS_MAX} mutations in one push")));
        }
        check_names(&request.runs)?;
        Ok(Batch { epoch, first_n, seen_n, chain_before, mutations: request.into_mutations(), rights_at: None })
    }

    /// Sets the sum of the access heads at which the pusher's rights were read: if it differs in the transaction, the rights are
    /// read again.
    pub fn with_rights_at(self, rights_at: i64) -> Batch {
        Batch { rights_at: Some(rights_at), ..self }
    }

    /// Applies the push in one transaction. Returns the answer and the heads that moved.
    ///
    /// # Errors
    /// What concerns the request as a whole; what concerns one mutation is its outcome.
    pub async fn take<A: Authority>(
        &self,
        authority: &A,
        tokens: Option<&Tokens>,
        session: Session,
        actor: &Actor,
    ) -> Result<(PushAnswer, Vec<(String, i64)>), Failure> {
        tried(|pass| Attempt { authority, tokens, session, actor, batch: self, pass }.run()).await
    }
}

/// How an attempt to apply changes goes about it: the first one as fast as possible, later ones as what failed before requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pass {
    /// Whether each set gets a savepoint, to find the mutation that the database refuses.
    pub is_careful: bool,
    /// Whether ids that no row of the organization has are looked for in the others.
    pub looks_elsewhere: bool,
}

/// Runs a transaction again after a transient failure: first without savepoints; if the database refuses anything, once more with
/// savepoints, to find the mutation at fault; if a new row was there already, once more with a look whether it is another
/// organization's.
///
/// # Errors
/// The transaction's, or `not_ready` when it fails again and again.
pub async fn tried<T, F: Future<Output = Result<T, Failure>>>(attempt: impl Fn(Pass) -> F) -> Result<T, Failure> {
    let mut pass = Pass::default();
    for _ in 0..TRANSACTION_TRIES_MAX {
        match attempt(pass).await {
            Err(failure) if !pass.is_careful && failure.refusal().is_some() => pass.is_careful = true,
            Err(Failure::InsertedConcurrently) => pass.looks_elsewhere = true,
            Err(failure) if failure.is_transient() => {}
            other => return other,
        }
    }
    Err(Problem::new(Code::NotReady, "too many others write the same rows").into())
}

struct Attempt<'a, A> {
    authority: &'a A,
    tokens: Option<&'a Tokens>,
    session: Session,
    actor: &'a Actor,
    batch: &'a Batch,
    pass: Pass,
}

impl<A: Authority> Attempt<'_, A> {
    async fn run(self) -> Result<(PushAnswer, Vec<(String, i64)>), Failure> {
        let Batch { epoch, first_n, seen_n, chain_before, mutations, rights_at } = self.batch;
        let received_ms = self.authority.now_ms();
        let mut transaction = self.authority.write().await?;
        transaction.check_alive(&self.session).await?;
        let mut ledger = Ledger::lock(&mut transaction, self.session.device_id).await?;
        if ledger.reached.epoch != Some(*epoch) {
            return Err(Failure::EpochMoved);
        }
        if *first_n > ledger.last_n + 1 {
            tracing::warn!(first_n, last_n = ledger.last_n, "a laptop continues after a change that this database does not have");
            return Err(Problem::new(Code::NumberGap, format!("the next number is {}", ledger.last_n + 1))
                .field((ledger.last_n + 1).to_string())
                .into());
        }
        let hashes: Vec<_> = mutations.iter().map(Mutation::content_hash).collect();
        let known = usize::try_from(ledger.last_n + 1 - first_n).unwrap_or(0).min(mutations.len());
        let repeated = ledger.repeat(&mut transaction, *first_n, &mutations[..known], hashes[..known].to_vec()).await?;
        let mut outcomes = repeated.outcomes;
        let reaches_the_end = first_n + i64::try_from(known).unwrap_or(0) == ledger.last_n + 1;
        if reaches_the_end && !mutations.is_empty() {
            ledger.check_chain(chain_before, &hashes[..known], &repeated.stored)?;
        }

        let fresh = &mutations[known..];
        let chain = hashes[known..].iter().fold(ledger.chain, |chain, hash| chain::extend(&chain, hash));
        let mut context = sets::Context::new(self.actor, self.session.device_id, received_ms, ledger.last_stamp, self.pass);
        context.begin(&mut transaction, *rights_at).await?;
        let fresh_outcomes = sets::apply(&mut transaction, &mut context, fresh).await?;
        let (last_n, lsn) = ledger.store(&mut transaction, &chain, &hashes[known..], &fresh_outcomes, *seen_n).await?;
        let moved = transaction.commit().await?;

        outcomes.extend(fresh_outcomes);
        let reached = LogPosition { lsn, ..ledger.reached };
        let witness = self.tokens.and_then(|tokens| Witness::give(tokens, self.session.device_id, reached));
        Ok((PushAnswer { last_n, chain: hex::encode(chain), outcomes, server_time: self.authority.now_ms(), witness }, moved))
    }
}

/// Refuses names and column counts that no table can have: they would be returned with every outcome.
fn check_names(runs: &[Run]) -> Result<(), Problem> {
    let widest = registry::all().iter().map(|entity| entity.columns.len()).max().unwrap_or(0);
    for run in runs {
        let names = run.columns.iter().chain([&run.entity]);
        if run.columns.len() > 2 * widest || names.into_iter().any(|name| name.len() > NAME_BYTES_MAX) {
            return Err(Problem::new(Code::BadRequest, "no table has so many columns, or names so long").field("runs"));
        }
    }
    Ok(())
}

fn read_chain(text: &str) -> Result<chain::Chain, Problem> {
    let mut bytes = chain::CHAIN_START;
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Problem::new(Code::BadRequest, "the chain must be 64 hex digits").field("chain"))?;
    Ok(bytes)
}

/// An outcome that refuses one mutation. It contains text from the laptop, so NUL characters, which PostgreSQL does not store, are
/// replaced.
fn rejected(n: i64, problem: Problem) -> NumberedOutcome {
    let storable = |text: String| text.replace('\0', "\u{fffd}");
    NumberedOutcome {
        n,
        outcome: Outcome::Rejected {
            code: problem.code,
            field: problem.fields.into_iter().next().map(storable),
            message: storable(problem.message),
            suggestion: None,
        },
    }
}

/// A row's id.
type RowId = Uuid;
