//! A connection to PostgreSQL on which one comparison of organizations is missing from one of the server's own queries, as if somebody
//! had forgotten it. The queries are read from the messages that the server sends, so none is listed by hand.

use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use waystation_model::row_security::BOUND_ROLE;

use crate::Outcome;
use crate::cluster::Database;

/// The codes of the messages that ask for encryption. They come before the first message and have an answer of one byte.
const ENCRYPTION_REQUESTS: [u32; 2] = [80_877_103, 80_877_104];
/// The column that is compared.
const COLUMN: &str = "organization_id";

/// One comparison in one query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Comparison {
    /// The query as the server sends it.
    pub query: String,
    /// Which of its comparisons.
    pub place: usize,
    /// Its text, such as `g.organization_id = me.organization_id`.
    pub text: String,
}

/// A proxy in front of a database. Dropped, it ends with all its connections.
#[derive(Debug)]
pub struct ForgetfulConnection {
    database: Database,
    state: Arc<Mutex<State>>,
    carrying: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    forgotten: Option<Comparison>,
    /// Whether the query with the forgotten comparison was executed.
    was_executed: bool,
    /// The queries that were executed under the bound role.
    bound: BTreeSet<String>,
}

impl ForgetfulConnection {
    /// A proxy to a database, from whose queries this comparison is missing.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn to(database: &Database, forgotten: Option<Comparison>) -> Outcome<ForgetfulConnection> {
        let (login, rest) = database.url().split_once('@').ok_or("a login")?;
        let (address, name) = rest.split_once('/').ok_or("a database")?;
        let address: SocketAddr = address.parse()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let database = database.at(format!("{login}@{}/{name}", listener.local_addr()?));
        let state = Arc::new(Mutex::new(State { forgotten, ..State::default() }));
        let shared = Arc::clone(&state);
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((server, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    // A connection that breaks is noticed by the server.
                    let _ = carry(server, address, state).await;
                });
            }
        });
        Ok(ForgetfulConnection { database, state, carrying })
    }

    /// The database behind it, by its URL here.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The comparisons of all queries that were executed under the bound role.
    pub fn comparisons(&self) -> Vec<Comparison> {
        let of = |query: &String| {
            let texts = spans(query).into_iter().map(|(from, upto)| query[from..upto].to_owned()).enumerate();
            texts.map(|(place, text)| Comparison { query: query.clone(), place, text }).collect::<Vec<_>>()
        };
        lock(&self.state).bound.iter().flat_map(of).collect()
    }

    /// Whether the query was executed without its comparison.
    pub fn was_executed(&self) -> bool {
        lock(&self.state).was_executed
    }
}

impl Drop for ForgetfulConnection {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The places of the comparisons in a query: an equals sign between two names or parameters, one of which is the column.
pub fn spans(query: &str) -> Vec<(usize, usize)> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '$');
    let is_column = |name: &str| name.rsplit('.').next() == Some(COLUMN);
    let mut found = Vec::new();
    for (at, _) in query.match_indices(" = ") {
        let from = query[..at].rfind(|letter| !is_name(letter)).map_or(0, |before| before + 1);
        let right = at + " = ".len();
        let upto = query[right..].find(|letter| !is_name(letter)).map_or(query.len(), |after| right + after);
        if is_column(&query[from..at]) || is_column(&query[right..upto]) {
            found.push((from, upto));
        }
    }
    found
}

async fn carry(server: TcpStream, address: SocketAddr, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let database = TcpStream::connect(address).await?;
    // A message is forwarded at once: each one is waited for.
    server.set_nodelay(true)?;
    database.set_nodelay(true)?;
    let (from_server, mut to_server) = server.into_split();
    let mut from_server = BufReader::new(from_server);
    let (mut from_database, mut to_database) = database.into_split();
    loop {
        let length = from_server.read_u32().await?;
        let code = from_server.read_u32().await?;
        let mut rest = vec![0; (length as usize).saturating_sub(8)];
        from_server.read_exact(&mut rest).await?;
        let start = [&length.to_be_bytes()[..], &code.to_be_bytes()[..], &rest].concat();
        to_database.write_all(&start).await?;
        if !ENCRYPTION_REQUESTS.contains(&code) {
            break;
        }
        let answer = from_database.read_u8().await?;
        to_server.write_u8(answer).await?;
    }
    let mut queries = Queries { state, statements: HashMap::new(), is_bound: false };
    tokio::select! {
        ended = tokio::io::copy(&mut from_database, &mut to_server) => ended.map(drop),
        ended = async {
            loop {
                let message = queries.next(&mut from_server).await?;
                to_database.write_all(&message).await?;
            }
        } => ended,
    }
}

/// The queries of one connection.
struct Queries {
    state: Arc<Mutex<State>>,
    /// Prepared statements by name: the query as the server wrote it.
    statements: HashMap<String, String>,
    is_bound: bool,
}

impl Queries {
    /// The next message to the database, without the forgotten comparison.
    async fn next(&mut self, from_server: &mut BufReader<OwnedReadHalf>) -> std::io::Result<Vec<u8>> {
        let kind = from_server.read_u8().await?;
        let length = from_server.read_u32().await?;
        let mut body = vec![0; (length as usize).saturating_sub(4)];
        from_server.read_exact(&mut body).await?;
        match kind {
            b'Q' => {
                let (query, _) = text(&body);
                if query.contains(&format!("SET LOCAL ROLE {BOUND_ROLE}")) {
                    self.is_bound = true;
                } else if query.starts_with("COMMIT") || query == "ROLLBACK" {
                    self.is_bound = false;
                }
            }
            b'P' => {
                let (name, rest) = text(&body);
                let (query, rest) = text(rest);
                let sent = self.without_the_forgotten(&query);
                let changed = [name.as_bytes(), &[0], sent.as_bytes(), &[0], rest].concat();
                self.statements.insert(name, query);
                body = changed;
            }
            b'B' => {
                let (_, rest) = text(&body);
                self.executed(&text(rest).0);
            }
            _ => {}
        }
        let length = u32::try_from(body.len() + 4).map_err(std::io::Error::other)?;
        Ok([&[kind][..], &length.to_be_bytes(), &body].concat())
    }

    fn without_the_forgotten(&self, query: &str) -> String {
        match &lock(&self.state).forgotten {
            Some(forgotten) if forgotten.query == query => {
                let (from, upto) = spans(query)[forgotten.place];
                format!("{}true{}", &query[..from], &query[upto..])
            }
            _ => query.to_owned(),
        }
    }

    fn executed(&self, statement: &str) {
        let Some(query) = self.statements.get(statement).filter(|_| self.is_bound) else { return };
        let mut state = lock(&self.state);
        state.was_executed |= state.forgotten.as_ref().is_some_and(|forgotten| forgotten.query == *query);
        if !state.bound.contains(query) {
            state.bound.insert(query.clone());
        }
    }
}

/// A text that ends with a zero byte, and what follows it.
fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), bytes.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::spans;

    #[test]
    fn comparisons_of_the_column_are_found() {
        let texts = |query: &'static str| spans(query).into_iter().map(|(from, upto)| &query[from..upto]).collect::<Vec<_>>();
        assert_eq!(
            texts("SELECT 1 FROM a JOIN b ON b.id = a.organization_id AND a.id = $1 WHERE (organization_id = $2)"),
            ["b.id = a.organization_id", "organization_id = $2"]
        );
        assert!(texts("SELECT organization_id FROM a WHERE my_organization_id = $1 AND id = $2").is_empty());
    }
}
