//! What a person does with a window: look, press, type, take a picture.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use serde_json::{Value, json};

use super::Window;
use crate::wait::SOON;
use crate::{Outcome, wait};

/// How long a screen may take. An idle machine shows it at once.
pub const SEE_TIME_MAX: Duration = SOON;

/// Keys without a character, by WebDriver's codes.
pub const TAB: char = '\u{e004}';
/// Backspace.
const BACKSPACE: char = '\u{e003}';
/// End.
const END: char = '\u{e010}';
/// Control.
pub const CONTROL: char = '\u{e009}';
/// Enter.
pub const ENTER: char = '\u{e007}';
/// Escape.
pub const ESCAPE: char = '\u{e00c}';
/// Home.
pub const HOME: char = '\u{e011}';
/// The arrow to the right.
pub const RIGHT: char = '\u{e014}';

/// Resolves when earlier changes have been drawn.
const TWO_FRAMES: &str = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))";

impl Window {
    /// Waits until an element is on the screen.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn see(&self, testid: &str) -> Outcome<Element> {
        self.see_within(testid, SEE_TIME_MAX).await
    }

    /// Waits until an element is on the screen, for at most this long.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn see_within(&self, testid: &str, time_max: Duration) -> Outcome<Element> {
        let what = format!("`{testid}` is on the screen");
        wait::until(&what, time_max, || async { self.shown(testid).await }).await
    }

    /// An element, when it is on the screen now.
    ///
    /// # Errors
    /// When the window is closed.
    pub async fn shown(&self, testid: &str) -> Outcome<Option<Element>> {
        let selector = format!("[data-testid=\"{testid}\"]");
        match self.client.find(Locator::Css(&selector)).await {
            Ok(element) => match element.is_displayed().await {
                Ok(shown) => Ok(shown.then_some(element)),
                Err(error) if is_stale(&error) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Err(error) if error.is_no_such_element() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until an element is not on the screen any more.
    ///
    /// # Errors
    /// When it stays.
    pub async fn disappears(&self, testid: &str) -> Outcome<()> {
        let what = format!("`{testid}` is gone from the screen");
        wait::until(&what, SEE_TIME_MAX, || async { Ok(self.shown(testid).await?.is_none().then_some(())) }).await
    }

    /// Waits for an element and presses it. Retries when it is replaced or disabled meanwhile.
    ///
    /// # Errors
    /// When it does not appear or cannot be pressed.
    pub async fn press(&self, testid: &str) -> Outcome<()> {
        let what = format!("`{testid}` can be pressed");
        wait::until(&what, SEE_TIME_MAX, || async {
            let Some(element) = self.shown(testid).await? else { return Ok(None) };
            if !element.is_enabled().await? {
                return Ok(None);
            }
            element.click().await?;
            Ok(Some(()))
        })
        .await
    }

    /// Waits for a field and replaces its text.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn write(&self, testid: &str, text: &str) -> Outcome<()> {
        let what = format!("`{testid}` can be written into");
        wait::until(&what, SEE_TIME_MAX, || async {
            let Some(element) = self.shown(testid).await? else { return Ok(None) };
            // The old text is deleted character by character, because that fires the events that a screen listens to. Selecting it with
            // Control could leave the driver's Control key down for the following characters.
            let there = element.prop("value").await?.unwrap_or_default();
            if there != text {
                let back: String = std::iter::once(END).chain(there.chars().map(|_| BACKSPACE)).collect();
                element.send_keys(&format!("{back}{text}")).await?;
            }
            let written = element.prop("value").await?.unwrap_or_default();
            if written == text { Ok(Some(())) } else { Err(format!("it holds {written:?}").into()) }
        })
        .await
    }

    /// The text of an element, once it is on the screen.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn text(&self, testid: &str) -> Outcome<String> {
        self.see(testid).await?;
        wait::until(&format!("`{testid}` has a text"), SEE_TIME_MAX, || async {
            let Some(element) = self.shown(testid).await? else { return Ok(None) };
            Ok(Some(element.text().await?))
        })
        .await
    }

    /// Waits until the text of an element is as expected, and returns it.
    ///
    /// # Errors
    /// When it is not; the message has the last text.
    pub async fn text_matching(&self, testid: &str, time_max: Duration, expected: impl Fn(&str) -> bool) -> Outcome<String> {
        wait::until(&format!("`{testid}` has the expected text"), time_max, || async {
            let Some(element) = self.shown(testid).await? else { return Err("it is not on the screen".into()) };
            let text = element.text().await?;
            if expected(&text) { Ok(Some(text)) } else { Err(format!("its text is {text:?}").into()) }
        })
        .await
    }

    /// Waits until an attribute of an element is as expected, and returns it.
    ///
    /// # Errors
    /// When it is not; the message has the last value.
    pub async fn attribute(&self, testid: &str, name: &str, time_max: Duration, expected: impl Fn(&str) -> bool) -> Outcome<String> {
        wait::until(&format!("`{testid}` has the expected {name}"), time_max, || async {
            let Some(element) = self.shown(testid).await? else { return Err("it is not on the screen".into()) };
            let value = element.attr(name).await?.unwrap_or_default();
            if expected(&value) { Ok(Some(value)) } else { Err(format!("it is {value:?}").into()) }
        })
        .await
    }

    /// The value of a field.
    ///
    /// # Errors
    /// When the field does not exist.
    pub async fn value(&self, testid: &str) -> Outcome<String> {
        Ok(self.see(testid).await?.prop("value").await?.unwrap_or_default())
    }

    /// Presses keys one after another in the focused element.
    ///
    /// # Errors
    /// When the window is closed.
    pub async fn keys(&self, keys: impl IntoIterator<Item = char>) -> Outcome<()> {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for key in keys {
            actions = actions.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        }
        wait::within("keys are pressed", SEE_TIME_MAX, self.client.perform_actions(actions)).await
    }

    /// Presses a key while another one is held down.
    ///
    /// # Errors
    /// When the window is closed.
    pub async fn chord(&self, held: char, key: char) -> Outcome<()> {
        let actions = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: held })
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Up { value: key })
            .then(KeyAction::Up { value: held });
        wait::within("keys are pressed", SEE_TIME_MAX, self.client.perform_actions(actions)).await
    }

    /// Runs a script in the window: only to read what has no text, never to act for a person.
    ///
    /// # Errors
    /// When the script throws.
    pub async fn script(&self, script: &str, arguments: Vec<Value>) -> Outcome<Value> {
        wait::within("a script runs", SEE_TIME_MAX, self.client.execute(script, arguments)).await
    }

    /// Waits until a field has the focus.
    ///
    /// # Errors
    /// When it does not get it, or the window is closed.
    pub async fn has_focus(&self, testid: &str) -> Outcome<()> {
        let focused = "return document.activeElement?.dataset.testid ?? ''";
        wait::until(&format!("`{testid}` has the focus"), SEE_TIME_MAX, || async {
            Ok((self.script(focused, Vec::new()).await? == json!(testid)).then_some(()))
        })
        .await
    }

    /// The number of elements that match.
    ///
    /// # Errors
    /// When the window is closed.
    pub async fn count(&self, selector: &str) -> Outcome<usize> {
        Ok(wait::within(selector, SEE_TIME_MAX, self.client.find_all(Locator::Css(selector))).await?.len())
    }

    /// Makes the window this large.
    ///
    /// # Errors
    /// When the window is closed.
    pub async fn resize(&self, width: u32, height: u32) -> Outcome<()> {
        wait::within("the window is resized", SEE_TIME_MAX, self.client.set_window_size(width, height)).await
    }

    /// Takes a picture of the current window, after two frames are drawn.
    ///
    /// # Errors
    /// When it cannot be taken or stored.
    pub async fn shot(&self, name: &str) -> Outcome<()> {
        let drawn = self.client.execute_async(TWO_FRAMES, Vec::new());
        wait::within("two frames are drawn", SEE_TIME_MAX, drawn).await?;
        let picture = wait::within("a picture is taken", SEE_TIME_MAX, self.client.screenshot()).await?;
        let path = self.shots.join(format!("{name}.png"));
        std::fs::write(&path, picture).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(())
    }
}

fn is_stale(error: &CmdError) -> bool {
    error.is_stale_element_reference() || error.is_no_such_element()
}
