//! A person makes and changes rows of a table in the lists, without a server and without SQL.

use super::Journey;
use super::laptop::SYNC_TIME_MAX;
use crate::window::hands::{ENTER, SEE_TIME_MAX};
use crate::{Outcome, wait};

/// The station that is made.
const STATION: &str = "Şəki Şimal";
/// What it is called afterwards.
const RENAMED: &str = "Şəki Cənub";

impl Journey<'_> {
    /// Step 10. Laptop b is unlocked by the instructor.
    pub(super) async fn make_a_station(&mut self) -> Outcome<()> {
        self.stage.server.stop();
        self.b.wait_until_offline().await?;
        let window = self.b.window()?;
        window.press("nav-stations").await?;
        window.see("record-row").await?;
        window.press("records-new").await?;
        window.see("new-dialog").await?;
        // A station without a name cannot be found again: the form says so at the field.
        window.press("new-save").await?;
        window.see("field-name-wrong").await?;
        window.write("field-name", STATION).await?;
        self.b.shot(10, "new").await?;
        window.press("new-save").await?;
        window.text_matching("pane-title", SEE_TIME_MAX, |title| title.contains(STATION)).await?;
        window.see("mark-unsent-name").await?;
        self.b.shot(10, "made").await?;
        rename(&self.b).await?;

        self.b.kill().await?;
        self.b.open().await?;
        self.b.unlock("rustam").await?;
        let window = self.b.window()?;
        window.press("nav-stations").await?;
        window.write("records-find", "cenub").await?;
        wait::until("the station is found", SEE_TIME_MAX, || async {
            let first = "return document.querySelector('[data-testid=\"record-row\"]')?.textContent ?? ''";
            let text = window.script(first, Vec::new()).await?;
            Ok(text.as_str().is_some_and(|row| row.contains(RENAMED)).then_some(()))
        })
        .await?;
        self.b.shot(10, "found").await?;

        self.stage.server.start().await?;
        self.b.wait_until_synced().await?;
        self.station_is(RENAMED).await?;
        self.b.wait_until_synced().await
    }

    /// Waits until the server has one station of this name.
    async fn station_is(&self, name: &str) -> Outcome<()> {
        wait::until(&format!("the server has the station {name}"), SYNC_TIME_MAX, || async {
            let mut connection = self.stage.connect().await?;
            let count: i64 =
                sqlx::query_scalar("SELECT count(*) FROM stations WHERE name = $1").bind(name).fetch_one(&mut connection).await?;
            if count == 1 { Ok(Some(())) } else { Err(format!("it has {count} of them").into()) }
        })
        .await
    }
}

/// Changes the name in the pane and stores it with Enter.
async fn rename(laptop: &super::laptop::Laptop) -> Outcome<()> {
    let window = laptop.window()?;
    window.see("record-pane").await?;
    window.write("field-name", RENAMED).await?;
    window.keys([ENTER]).await?;
    window.text_matching("pane-title", SEE_TIME_MAX, |title| title.contains(RENAMED)).await?;
    laptop.shot(10, "renamed").await
}
