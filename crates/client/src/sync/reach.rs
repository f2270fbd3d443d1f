//! Why a server could not be reached, for a person who has typed its address and can correct it.

use std::error::Error;
use std::io::ErrorKind;

use waystation_model::Code;

use crate::error::ClientError;

/// A network error as a refusal that names its cause; other errors stay as they are. While a person signs in, "the server cannot be
/// reached" is too little: a wrong address, `https` towards a server without it and a missing network each need another correction.
pub fn explain(error: ClientError) -> ClientError {
    match error {
        ClientError::Network(error) if !error.is_decode() && !error.is_builder() => {
            let code = if error.is_timeout() { Code::ServerSilent } else { cause(&error) };
            ClientError::refused(code, texts(&error))
        }
        other => other,
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn texts(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn cause(error: &(dyn Error + 'static)) -> Code {
    let text = texts(error);
    if text.contains("invalid peer certificate") {
        return Code::BadCertificate;
    }
    // An answer in plain text, where a record of TLS is expected.
    if ["InvalidContentType", "corrupt message", "wrong version number"].iter().any(|words| text.contains(words)) {
        return Code::NotSecure;
    }
    // The resolver's errors have no code of their own. Its "temporary failure" is what a laptop without a network gets.
    if text.contains("dns error") {
        return if text.contains("Temporary failure") { Code::Offline } else { Code::NoSuchServer };
    }
    let kinds = causes(error).filter_map(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    if kinds.into_iter().any(|kind| kind == ErrorKind::ConnectionRefused) { Code::NoSuchServer } else { Code::Offline }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a source, as the HTTP client nests them.
    #[derive(Debug)]
    struct Nested(&'static str, std::io::Error);

    impl std::fmt::Display for Nested {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Nested {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

    #[test]
    fn each_cause_has_a_code_of_its_own() {
        let of = |words, inner: std::io::Error| cause(&Nested(words, inner));
        let other = std::io::Error::other;
        assert_eq!(of("tcp connect error", ErrorKind::ConnectionRefused.into()), Code::NoSuchServer);
        assert_eq!(of("tcp connect error", ErrorKind::NetworkUnreachable.into()), Code::Offline);
        assert_eq!(of("dns error", other("failed to lookup address information: Name or service not known")), Code::NoSuchServer);
        assert_eq!(of("dns error", other("failed to lookup address information: Temporary failure in name resolution")), Code::Offline);
        assert_eq!(of("connect", other("received corrupt message of type InvalidContentType")), Code::NotSecure);
        assert_eq!(of("connect", other("invalid peer certificate: UnknownIssuer")), Code::BadCertificate);
    }
}
