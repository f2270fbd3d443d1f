//! The live stream: the server announces that something is new. It only wakes the pull; its contents are not used.

use waystation_model::Code;

use super::engine::Engine;
use super::status::Exchange;
use crate::error::Result;

/// Longest line that is kept. Events are shorter.
const LINE_BYTES_MAX: usize = 64 * 1024;

impl Engine {
    /// Listens until the stream ends. Calls `opened` once it is open.
    ///
    /// # Errors
    /// When the stream cannot be opened or breaks.
    pub async fn listen(&self, opened: impl FnOnce()) -> Result<()> {
        let stream = self.session.with_token(|link, token| async move { link.live(&token).await }).await;
        if matches!(&stream, Err(error) if matches!(error.code(), Code::Offline | Code::OrganizationSuspended)) {
            // The next pull may be a minute away, and the chip has to show at once that there is no network, or why nothing is sent.
            self.note(Exchange::Pull, &stream);
            self.status_changed.notify_one();
        }
        let mut stream = stream?;
        opened();
        // The server is reachable, so the other loops need not wait for their back-off.
        self.back_online.notify_waiters();
        // Changes between the last pull and the opening of the stream were not announced.
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
