//! The live stream: the server's word that something is new. It only wakes the pull; what it says is not relied on.

use waystation_model::Code;

use super::engine::Engine;
use super::status::Exchange;
use crate::error::Result;

/// A line of the stream longer than this is not an event of ours.
const LINE_BYTES_MAX: usize = 64 * 1024;

impl Engine {
    /// Listens until the stream ends; `opened` hears that it has begun.
    ///
    /// # Errors
    /// When the stream cannot be opened or breaks.
    pub async fn listen(&self, opened: impl FnOnce()) -> Result<()> {
        let stream = self.session.with_token(|link, token| async move { link.live(&token).await }).await;
        if matches!(&stream, Err(error) if error.code() == Code::Offline) {
            // Nobody else may ask for a minute, and the chip is to say at once that there is no network.
            self.note(Exchange::Pull, &stream);
            self.status_moved.notify_one();
        }
        let mut stream = stream?;
        opened();
        // The server is there: whoever waits out a back-off need not.
        self.back_online.notify_waiters();
        // What happened between the last pull and the opening of the stream was not heard.
        self.wake_pull.notify_one();
        let mut line = Vec::new();
        while let Some(chunk) = stream.chunk().await? {
            for byte in &chunk {
                match byte {
                    b'\n' => {
                        if line.starts_with(b"data:") {
                            self.wake_pull.notify_one();
                        }
                        line.clear();
                    }
                    byte if line.len() < LINE_BYTES_MAX => line.push(*byte),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
