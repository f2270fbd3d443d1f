//! A minimal HTTP/1.1 client, so that the bench does not measure its own client.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use waystation_tests::Outcome;

/// Bytes of a small answer with its head.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// One kept-alive connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Opens a connection for small answers.
    pub async fn open(address: SocketAddr) -> Outcome<Connection> {
        Connection::open_for(address, ANSWER_BYTES_MAX).await
    }

    /// Opens a connection for answers of at most this size, heads included.
    pub async fn open_for(address: SocketAddr, answer_bytes_max: usize) -> Outcome<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: vec![0; answer_bytes_max] })
    }

    /// Sends a request and reads the whole answer, which must contain `expected`.
    pub async fn ask(&mut self, request: &[u8], expected: &str) -> Outcome<()> {
        self.stream.write_all(request).await?;
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[length..]).await?;
            if read == 0 {
                return Err("the server hung up".into());
            }
            length += read;
            let text = std::str::from_utf8(&self.buffer[..length])?;
            let Some(head_end) = text.find("\r\n\r\n") else { continue };
            let body_length: usize = text[..head_end]
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|value| value.parse().ok())
                .ok_or("an answer without its length")?;
            if length >= head_end + 4 + body_length {
                if !text.contains(expected) {
                    return Err(format!("not the answer that was expected: {text}").into());
                }
                return Ok(());
            }
        }
    }
}
