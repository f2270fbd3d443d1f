//! Access tokens (signed, valid for fifteen minutes) and refresh tokens (random, stored as a hash). A refresh token contains the id
//! of its session in clear text, so that an outdated one can still be attributed to its session.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use waystation_model::{Code, Problem};

use crate::failure::Failure;

/// Lifetime of an access token in seconds.
pub const ACCESS_SECONDS: i64 = 15 * 60;
/// Days that a session lasts without a refresh: longer than a summer without a network.
pub const SESSION_DAYS: i64 = 180;

/// The claims of an access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: Uuid,
    /// Their organization.
    pub org: Uuid,
    /// The device.
    pub dev: Uuid,
    /// The session.
    pub sid: Uuid,
    /// Expiry, in seconds since 1970.
    pub exp: i64,
}

/// Makes and reads access tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// Signs with this secret (HS256).
    pub fn new(secret: &str) -> Tokens {
        let mut validation = Validation::new(Algorithm::HS256);
        // No leeway: the server issues and checks tokens by the same clock.
        validation.leeway = 0;
        Tokens { encoding: EncodingKey::from_secret(secret.as_bytes()), decoding: DecodingKey::from_secret(secret.as_bytes()), validation }
    }

    /// An access token.
    ///
    /// # Errors
    /// Never with these keys; kept for the library's signature.
    pub fn issue(&self, claims: &Claims) -> Result<String, Failure> {
        encode(&Header::new(Algorithm::HS256), claims, &self.encoding).map_err(Failure::broken)
    }

    /// The claims of a token that this server signed and that has not expired.
    ///
    /// # Errors
    /// `token_expired`, whatever the reason.
    pub fn read(&self, token: &str) -> Result<Claims, Problem> {
        decode::<Claims>(token, &self.decoding, &self.validation)
            .map(|data| data.claims)
            .map_err(|error| Problem::new(Code::TokenExpired, error.to_string()))
    }

    /// Signs a text with the server's secret.
    ///
    /// # Errors
    /// Never with this key; kept for the library's signature.
    pub fn sign(&self, text: &str) -> Result<String, Failure> {
        jsonwebtoken::crypto::sign(text.as_bytes(), &self.encoding, Algorithm::HS256).map_err(Failure::broken)
    }

    /// Whether the signature over the text was made with the server's secret.
    pub fn has_signed(&self, text: &str, signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, text.as_bytes(), &self.decoding, Algorithm::HS256).unwrap_or(false)
    }

    /// The refresh token that follows `token` in this session. It is derived from it, so that a request which arrives twice or late
    /// gets the same answer and nobody is signed out.
    ///
    /// # Errors
    /// Never with this key; kept for the library's signature.
    pub fn next_refresh_token(&self, session: Uuid, token: &str) -> Result<String, Failure> {
        let message = format!("refresh:{session}:{token}");
        Ok(refresh_token(session, &refresh_hash(&self.sign(&message)?)))
    }
}

/// A new refresh token of a session, and the hash to store.
pub fn new_refresh_token(session: Uuid) -> (String, Vec<u8>) {
    let secret: [u8; 32] = rand::random();
    let token = refresh_token(session, &secret);
    let hash = refresh_hash(&token);
    (token, hash)
}

fn refresh_token(session: Uuid, secret: &[u8]) -> String {
    format!("{}.{}", session.simple(), hex::encode(secret))
}

/// The session that a refresh token names; none for a token in the old format.
pub fn session_of(token: &str) -> Option<Uuid> {
    token.split_once('.').and_then(|(session, _)| Uuid::parse_str(session).ok())
}

/// The hash under which a refresh token is stored.
pub fn refresh_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_refresh_token_is_derived_from_token_session_and_server_secret() {
        let (tokens, session) = (Tokens::new("one secret"), Uuid::from_u128(1));
        let next = tokens.next_refresh_token(session, "now").expect("a token");
        assert_eq!(tokens.next_refresh_token(session, "now").expect("a token"), next);
        assert_eq!((next.len(), session_of(&next)), (97, Some(session)));
        assert_eq!(session_of("now"), None);
        let others = [
            tokens.next_refresh_token(session, &next).expect("a token"),
            tokens.next_refresh_token(Uuid::from_u128(2), "now").expect("a token"),
            Tokens::new("another secret").next_refresh_token(session, "now").expect("a token"),
        ];
        assert!(others.iter().all(|other| *other != next));
    }
}
